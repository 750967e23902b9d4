// The same conversations inside TLS, with certificates made here.
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "client.hpp"
#include "server/http/client.hpp"
#include "server/http/conditional.hpp"
#include "server/http/tls.hpp"
#include "tests/harness/coroutines.hpp"

using namespace carrel;
using namespace carrel::http_tests;
using http::verb;

namespace {

void make_certificate(const folder& f, const std::string& name) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* cert = X509_new();
  X509_set_version(cert, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert), -60);
  X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
  X509_set_pubkey(cert, key);
  X509_NAME* subject = X509_get_subject_name(cert);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(cert, subject);
  X509_sign(cert, key, EVP_sha256());
  FILE* out = std::fopen((f.path() / "cert.pem").c_str(), "w");
  PEM_write_X509(out, cert);
  std::fclose(out);
  out = std::fopen((f.path() / "key.pem").c_str(), "w");
  PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(out);
  X509_free(cert);
  EVP_PKEY_free(key);
}

class secure_client {
 public:
  explicit secure_client(int port, int newest = TLS1_3_VERSION) : wire_(port), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_, newest);
    SSL_CTX_set_security_level(context_, 0);
    static const unsigned char protocols[] = "\x02h2\x08http/1.1";
    SSL_CTX_set_alpn_protos(context_, protocols, sizeof protocols - 1);
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, wire_.descriptor());
    connected_ = SSL_connect(ssl_) == 1;
    ERR_clear_error();
  }
  secure_client(const secure_client&) = delete;
  secure_client& operator=(const secure_client&) = delete;
  ~secure_client() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  bool connected() const { return connected_; }
  std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  std::string name() const {
    X509* cert = SSL_get1_peer_certificate(ssl_);
    char out[100] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, out, sizeof out);
    X509_free(cert);
    return out;
  }
  bool send(const std::string& bytes) { return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0; }
  // Up to the end of the connection; `clean` when it ended with close_notify.
  std::string rest() {
    std::string out;
    char piece[65536];
    int n;
    while ((n = SSL_read(ssl_, piece, sizeof piece)) > 0) out.append(piece, static_cast<std::size_t>(n));
    clean = SSL_get_error(ssl_, n) == SSL_ERROR_ZERO_RETURN;
    ERR_clear_error();
    return out;
  }
  bool clean = false;

 private:
  client wire_;
  SSL_CTX* context_;
  SSL* ssl_;
  bool connected_ = false;
};

struct secure_site : site {
  folder keys;
  secure_site() {
    make_certificate(keys, "first.test");
    options.tls_cert = (keys.path() / "cert.pem").string();
    options.tls_key = (keys.path() / "key.pem").string();
    main.add(verb::get, "/hello",
             [](http::context& c) -> task<http::response> { co_return http::text("hello " + c.in.scheme()); });
    main.add(verb::post, "/echo", echo, {.body_limit = 1 << 20});
  }
};

}  // namespace

TEST_CASE("requests, bodies, files and producers pass through TLS") {
  secure_site s;
  std::string content(3'000'000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 17 + (i >> 11));
  auto path = s.keys.file("book", content);
  s.main.add(verb::get, "/book", [path](http::context& c) {
    return [](std::filesystem::path p, http::request* in) -> task<http::response> {
      http::validators v{"\"b\"", std::nullopt};
      co_return http::file(*in, p, "application/epub+zip", v);
    }(path, &c.in);
  });
  s.main.add(verb::get, "/made", [](http::context&) -> task<http::response> {
    http::response r = http::text("");
    r.body = http::producer([](http::sink& out) -> task<> {
      std::string big(100'000, 'b');
      co_await out.write("a");
      co_await out.write(big);
    });
    co_return r;
  });
  s.start();

  secure_client c(s.port);
  REQUIRE(c.connected());
  CHECK(c.protocol() == "http/1.1");
  std::string body(200'000, 'e');
  c.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  c.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n" + body);
  c.send("GET /made HTTP/1.1\r\nHost: h\r\n\r\n");
  c.send("GET /book HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  std::string all = c.rest();
  CHECK(c.clean);
  CHECK(all.find("hello https") != std::string::npos);
  CHECK((all.find(body) != std::string::npos));
  CHECK((all.find(std::string(100'000, 'b')) != std::string::npos));
  CHECK((all.ends_with(content)));
}

TEST_CASE("versions before 1.2 are refused, as is plain HTTP") {
  secure_site s;
  s.options.header_timeout = std::chrono::milliseconds(500);
  s.start();
  CHECK_FALSE(secure_client(s.port, TLS1_1_VERSION).connected());
  CHECK(secure_client(s.port, TLS1_2_VERSION).connected());
  client plain(s.port);
  CHECK_FALSE(plain.get("/hello").status == 200);
  client silent(s.port);
  while (silent.fill()) {
  }
  CHECK(eventually([&] { return s.server->connections() == 0; }));
}

TEST_CASE("a new certificate is used after a reload, a broken one is not") {
  secure_site s;
  s.start();
  secure_client before(s.port);
  CHECK(before.name() == "first.test");
  make_certificate(s.keys, "second.test");
  s.server->reload_certificates();
  CHECK(secure_client(s.port).name() == "second.test");
  s.keys.file("cert.pem", "broken");
  log::start(log::level::error, "text");
  s.server->reload_certificates();
  CHECK(secure_client(s.port).name() == "second.test");
  before.send("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  CHECK(before.rest().find("hello https") != std::string::npos);
}

TEST_CASE("a certificate that cannot be read stops the start, with its name") {
  secure_site s;
  s.options.tls_cert = "/nonexistent/cert.pem";
  CHECK_THROWS_WITH(s.start(), Catch::StartsWith("/nonexistent/cert.pem: "));
  secure_site half;
  half.options.tls_key.clear();
  CHECK_THROWS(half.start());
}

TEST_CASE("a key that only root may read is refused with the user who tries") {
  if (::geteuid() != 0) return;
  secure_site s;
  ::chmod(s.options.tls_key.c_str(), 0600);
  http::certificates pair(s.options.tls_cert, s.options.tls_key);
  REQUIRE(::seteuid(65534) == 0);
  std::optional<error> refused = pair.load();
  REQUIRE(::seteuid(0) == 0);
  REQUIRE(refused);
  CHECK(refused->reason.find("Carrel runs as the user nobody") != std::string::npos);
  CHECK_FALSE(pair.load());
}

TEST_CASE("who sends too much inside TLS can send it to the end and reads why it was refused") {
  secure_site s;
  s.start();
  std::string body(3 << 20, 'x');
  secure_client c(s.port);
  REQUIRE(c.connected());
  CHECK(c.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n"));
  for (std::size_t at = 0; at < body.size(); at += 65536) CHECK(c.send(body.substr(at, 65536)));
  CHECK(c.rest().starts_with("HTTP/1.1 413 "));
}

TEST_CASE("a server that nobody vouches for is asked nothing") {
  secure_site s;
  bool asked = false;
  s.main.add(verb::get, "/asked", [&](http::context&) -> task<http::response> {
    asked = true;
    co_return http::text("");
  });
  s.start();
  http::client c({.this_machine = true});
  http::outgoing what;
  what.url = "https://127.0.0.1:" + std::to_string(s.port) + "/asked";
  what.hosts = {"127.0.0.1"};
  std::optional<http::client::outcome> got;
  auto ask = [&]() -> task<> {
    task<http::client::outcome> sending = c.send(std::move(what));
    http::client::outcome o = co_await std::move(sending);
    got.emplace(std::move(o));
  };
  harness::run_one(ask());
  REQUIRE_FALSE(*got);
  CHECK(got->error() == http::client_failure::unreachable);
  CHECK_FALSE(asked);
}
