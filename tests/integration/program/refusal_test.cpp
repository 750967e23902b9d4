// What is wrong in the settings is said before anything is made.
#include <signal.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "server/db/pool.hpp"
#include "tests/harness/database.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/program/carrel.hpp"

using namespace carrel;
using namespace carrel::program::tests;
namespace fs = std::filesystem;

namespace {

struct refusal {
  int status;
  std::string words;
};

refusal refused(const fs::path& data, const settings& own, const std::vector<std::string>& words) {
  process p(data, own, words);
  int status = p.wait();
  return {status, p.err()};
}

}  // namespace

TEST_CASE("a bad value is refused by check and by serve, with its origin and its key, and nothing is made") {
  fs::path data = harness::fresh_folder("refused") / "data";
  for (const auto& [name, value, key] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"LISTEN", "foo", "listen"},
           {"LISTEN", "127.0.0.1:99999", "listen"},
           {"LISTEN_DEVICES", ":8490,", "listen.devices"},
           {"EXTERNAL_URL", "books.example.org", "external_url"},
           {"DATABASE_URL", "this is no connection string", "database.url"},
           {"TRUSTED_PROXIES", "10.0.0.0/99", "trusted_proxies"},
           {"TLS_CERT", "/nowhere/cert.pem", "tls.cert"}}) {
    for (const std::vector<std::string>& words : {std::vector<std::string>{"config", "check"}, {"serve"}}) {
      refusal r = refused(data, {{name, value}}, words);
      INFO(r.words);
      CHECK(r.status == 2);
      CHECK(r.words.starts_with("carrel: CARREL_" + name + ": " + key + " "));
    }
  }
  CHECK_FALSE(fs::exists(data));
}

TEST_CASE("a database that is not there is named, with what was tried, and never its password") {
  fs::path data = harness::fresh_folder("no-database");
  refusal r =
      refused(data, {{"DATABASE_URL", "postgresql://ada:secret@127.0.0.1:1/nothing"}, {"LISTEN", "127.0.0.1:0"}}, {"serve"});
  INFO(r.words);
  CHECK(r.status == 1);
  CHECK(r.words.find("CARREL_DATABASE_URL") != std::string::npos);
  CHECK(r.words.find("postgresql://ada:********@127.0.0.1:1/nothing") != std::string::npos);
  CHECK(r.words.find("Connection refused") != std::string::npos);
  CHECK(r.words.find("secret") == std::string::npos);

  CHECK_FALSE(fs::exists(data / "pg"));
}

TEST_CASE("a database of somebody else is used as it is, and one that does not fit is refused") {
  fs::path data = harness::fresh_folder("foreign");
  {
    server one(data, 0, {{"DATABASE_URL", harness::fresh_database()}});
    one.send(SIGTERM);
    CHECK(one.wait() == 0);
  }
  CHECK_FALSE(fs::exists(data / "pg"));
  CHECK_FALSE(fs::exists(data / "pg.lock"));

  std::string url = harness::cluster_url();
  db::pool p({.url = url, .connections = 1});
  p.read_now([](db::tx& tx) { tx.script("create database latin encoding 'latin1' locale 'C' template template0"); });
  url.replace(url.find("dbname=carrel"), 13, "dbname=latin");
  refusal r = refused(data, {{"DATABASE_URL", url}, {"LISTEN", "127.0.0.1:0"}}, {"serve"});
  INFO(r.words);
  CHECK(r.status == 1);
  CHECK(r.words.find("CARREL_DATABASE_URL: database.url: the database has the encoding LATIN1; Carrel needs UTF8") !=
        r.words.npos);
}

TEST_CASE("with a certificate everything that is served is under https, and its links are") {
  fs::path folder = harness::fresh_folder("tls");
  std::string make = "openssl req -x509 -newkey rsa:2048 -nodes -days 3 -subj /CN=localhost -keyout '" +
                     (folder / "key.pem").string() + "' -out '" + (folder / "cert.pem").string() + "' 2>/dev/null";
  REQUIRE(std::system(make.c_str()) == 0);
  fs::path data = folder / "data";
  settings tls{{"TLS_CERT", folder / "cert.pem"}, {"TLS_KEY", folder / "key.pem"}, {"LISTEN_DEVICES", "127.0.0.1:0"}};
  server one(data, 0, tls);
  std::string root = "https://localhost:" + std::to_string(one.port());
  std::string ask = "curl -sS --noproxy '*' --cacert '" + (folder / "cert.pem").string() + "' -o /dev/null " + root + "/readyz";
  CHECK(std::system(ask.c_str()) == 0);
  CHECK(harness::eventually([&] { return one.err().find("open=https://") != std::string::npos; }));  // said once it is ready
  CHECK(std::system(("curl -s --noproxy '*' -o /dev/null http" + root.substr(5) + "/readyz").c_str()) != 0);
  one.send(SIGTERM);
  CHECK(one.wait() == 0);
}
