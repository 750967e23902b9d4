// Keys and tokens at rest (hardcover.md 3.3, 3.4).
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <thread>

#include "library/secret.hpp"
#include "tests/harness/folder.hpp"
#include "tests/integration/sources/stage.hpp"

using namespace carrel;
using namespace carrel::ingest::sources::test;

namespace {

const std::string token = "hc_pat_0123456789abcdefWXYZ";

}  // namespace

TEST_CASE("a sealed secret opens with its key and for its owner only") {
  seal key("a secret that nobody guesses"), other("another secret of ours");
  sealed s = key.close(token, "hardcover:main");
  CHECK(key.open(s, "hardcover:main") == token);
  CHECK_FALSE(other.open(s, "hardcover:main"));
  CHECK_FALSE(key.open(s, "hardcover:ada"));
  CHECK(key.close(token, "hardcover:main").cipher != s.cipher);
  CHECK(s.nonce.size() == 12);
  CHECK(s.cipher.size() == token.size() + 16);
  CHECK(key.id() != other.id());
  for (std::size_t i = 0; i < s.cipher.size(); ++i) {
    sealed bent = s;
    bent.cipher[i] = static_cast<char>(bent.cipher[i] ^ 1);
    CHECK_FALSE(key.open(bent, "hardcover:main"));
  }
  CHECK_FALSE(key.open({"", ""}, "hardcover:main"));
}

TEST_CASE("pasted values are cleaned or refused") {
  using library::clean_secret;
  CHECK(clean_secret("  " + token + "\r\n") == token);
  CHECK(clean_secret("\"" + token + "\"") == token);
  CHECK(clean_secret("Authorization: Bearer " + token) == token);
  CHECK(clean_secret("bearer BEARER   " + token) == token);
  CHECK_FALSE(clean_secret(""));
  CHECK_FALSE(clean_secret("short"));
  CHECK_FALSE(clean_secret("Bearer "));
  CHECK_FALSE(clean_secret("0123456789 0123456789"));
  CHECK_FALSE(clean_secret("0123456789\x01 23456789"));
  CHECK_FALSE(clean_secret("0123456789é0123456789"));
  CHECK_FALSE(clean_secret(std::string(5000, 'x')));
}

TEST_CASE("the database holds a secret that it cannot read") {
  stage s;
  seal key = library::installation_seal(s.settings, s.data).value();
  s.pool.write_now([&](db::tx& tx) { library::keep_secret(tx, key, "hardcover", "main", token); });
  auto read = [&](const seal& with, const std::string& owner) {
    return s.pool.write_now([&](db::tx& tx) { return library::read_secret(tx, with, "hardcover", owner); });
  };
  CHECK(read(key, "main") == token);
  CHECK_FALSE(read(key, "ada"));
  std::string row = s.text("select a::text || encode(secret_cipher, 'escape') from external_accounts a");
  CHECK(row.find("0123456789abcdef") == std::string::npos);
  CHECK(s.text("select secret_hint || ' ' || token_kind || ' ' || state from external_accounts") == "WXYZ pat unverified");

  CHECK_FALSE(read(seal("the key of another installation"), "main"));
  CHECK(s.text("select state || ': ' || state_detail from external_accounts") == "auth_failed: stored token cannot be decrypted");
  library::source_plan plan = s.pool.read_now([&](db::tx& tx) { return library::read_plan(tx, s.settings); });
  CHECK(plan.find("hardcover")->key_lost);
  CHECK_FALSE(plan.find("hardcover")->has_key);
  s.pool.write_now([&](db::tx& tx) { library::keep_secret(tx, key, "hardcover", "main", token); });
  CHECK(read(key, "main") == token);
  CHECK(s.pool.write_now([&](db::tx& tx) { return library::drop_secret(tx, "hardcover", "main"); }));
  CHECK_FALSE(read(key, "main"));
}

TEST_CASE("the key of an installation is made once, for its owner alone") {
  fs::path folder = fs::absolute(harness::fresh_folder("key"));
  config plain;
  std::vector<std::string> ids(8);
  std::vector<std::thread> all;
  for (std::string& id : ids) all.emplace_back([&] { id = library::installation_seal(plain, folder).value().id(); });
  for (std::thread& t : all) t.join();
  for (const std::string& id : ids) CHECK(id == ids[0]);
  struct stat facts {};
  REQUIRE(::stat((folder / "secret.key").c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0600);
  CHECK(std::distance(fs::directory_iterator(folder), fs::directory_iterator()) == 1);
  ingest::test::write(folder / "secret.key", "");
  CHECK_FALSE(library::installation_seal(plain, folder));
}

TEST_CASE("a token that is kept on the page is what its source is shown") {
  stopped_clock clock(at("2026-03-04T12:00:00Z"));
  stage base;
  stage s({{"hardcover.base_url", base.library.url() + "/v1/graphql"}}, "hardcover");
  library::actor me{std::nullopt, "test"};
  seal key = library::installation_seal(s.settings, s.data).value();
  s.ask(s.add_book("Before"));
  s.run();
  CHECK(base.library.count() == 0);
  s.pool.write_now([&](db::tx& tx) { library::set_source_key(tx, key, "hardcover", token, me); });
  s.ask(s.add_book("Harbour"));
  s.run();
  REQUIRE(base.library.count() == 1);
  CHECK(base.library.all()[0].header("authorization") == "Bearer " + token);
  CHECK(s.candidates("hardcover") == "k-Harbour");
}
