#pragma once
// Who the client is and which address it used, behind trusted proxies (opds.md 2.4).

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/error.hpp"
#include "server/http/head.hpp"

namespace carrel::http {

class networks {
 public:
  static result<networks> parse(const std::vector<std::string>& cidrs);
  bool contain(const boost::asio::ip::address&) const;

 private:
  struct network {
    boost::asio::ip::address_v6::bytes_type prefix;
    unsigned bits;
  };
  std::vector<network> list_;
};

// IPv4 in IPv6 clothes becomes IPv4.
boost::asio::ip::address plain_address(const boost::asio::ip::address&);

struct peer {
  std::string address;  // "unix" for local sockets
  bool trusted = false;
  bool tls = false;
  std::uint16_t port = 0;  // of the listener
};

// Fills client_address, scheme, host, prefix and local_port. Only a trusted peer's forwarding headers count. The client is the
// rightmost address that is not itself a trusted proxy; scheme and host are the first elements of their lists.
std::optional<refusal> settle_origin(head&, const peer&, const networks& trusted);

}  // namespace carrel::http
