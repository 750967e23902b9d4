#include "server/http/tls.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <boost/asio/ssl/context.hpp>
#include <cerrno>

namespace carrel::http {
namespace {

namespace ssl = boost::asio::ssl;

int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in, unsigned in_size, void*) {
  static constexpr unsigned char ours[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, size, ours, sizeof ours - 1, in, in_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// OpenSSL says of a file that cannot be opened only that it cannot be opened, and root's own file looks fine to who tests as
// root.
std::optional<error> unreadable(const std::string& file) {
  int opened = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  int reason = errno;
  if (opened >= 0) ::close(opened);
  if (opened >= 0 || reason != EACCES) return std::nullopt;
  char buffer[4096];
  passwd entry{}, *found = nullptr;
  ::getpwuid_r(::geteuid(), &entry, buffer, sizeof buffer, &found);
  std::string user = found ? std::string(found->pw_name) : "number " + std::to_string(::geteuid());
  return error{file, "cannot be read: Carrel runs as the user " + user + ", who may not read this file or look into its folder"};
}

}  // namespace

certificates::certificates(std::string cert, std::string key) : cert_(std::move(cert)), key_(std::move(key)) {}

certificates::times certificates::modified() const {
  std::error_code ignored;
  return {std::filesystem::last_write_time(cert_, ignored), std::filesystem::last_write_time(key_, ignored)};
}

std::optional<error> certificates::load() {
  times now = modified();
  auto made = std::make_shared<ssl::context>(ssl::context::tls_server);
  boost::system::error_code ec;
  made->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                    ssl::context::no_tlsv1_1 | ssl::context::no_compression | SSL_OP_CIPHER_SERVER_PREFERENCE |
                    SSL_OP_NO_RENEGOTIATION);
  for (const std::string& file : {cert_, key_}) {
    if (std::optional<error> closed = unreadable(file)) return closed;
  }
  made->use_certificate_chain_file(cert_, ec);
  if (ec) return error{cert_, "cannot be used as a certificate: " + ec.message()};
  made->use_private_key_file(key_, ssl::context::pem, ec);
  if (ec) return error{key_, "cannot be used as the key of the certificate: " + ec.message()};
  SSL_CTX_set_alpn_select_cb(made->native_handle(), choose_protocol, nullptr);
  std::scoped_lock guard(lock_);
  context_ = std::move(made);
  loaded_ = now;
  return std::nullopt;
}

bool certificates::changed() const {
  times now = modified();
  std::scoped_lock guard(lock_);
  return now != loaded_;
}

std::shared_ptr<ssl::context> certificates::current() const {
  std::scoped_lock guard(lock_);
  return context_;
}

}  // namespace carrel::http
