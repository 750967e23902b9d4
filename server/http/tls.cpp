#include "server/http/tls.hpp"

#include <boost/asio/ssl/context.hpp>

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
