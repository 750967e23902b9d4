#include <atomic>
#include <catch2/catch.hpp>

#include "server/auth/cpu_pool.hpp"
#include "server/auth/password.hpp"
#include "server/auth/verified.hpp"
#include "tests/integration/people/support.hpp"

using namespace carrel;
using namespace carrel::people;

namespace {

std::string joined(const std::string& a, const std::string& b) { return a + b; }
void fails(int) { throw std::runtime_error("inside"); }

}  // namespace

TEST_CASE("password hashes are argon2id and know their own parameters") {
  std::string hash = auth::hash_password("secret", 64 * 1024);
  CHECK(hash.substr(0, 10) == "$argon2id$");
  CHECK(hash.find("m=64,") != std::string::npos);
  CHECK(auth::hash_password("secret", 64 * 1024) != hash);
  CHECK(auth::password_matches("secret", hash));
  CHECK_FALSE(auth::password_matches("Secret", hash));
  CHECK_FALSE(auth::password_matches("", hash));
  CHECK_FALSE(auth::password_matches(std::string("secret\0", 7), hash));
  CHECK(auth::password_matches("x", auth::hash_password("x", 0)));
}

TEST_CASE("a chosen password has ten characters, not too many bytes, and is not the name") {
  using auth::password_flaw;
  CHECK(auth::flaw_of("", "ada") == password_flaw::too_short);
  CHECK(auth::flaw_of("pw", "ada") == password_flaw::too_short);
  CHECK(auth::flaw_of("nine char", "ada") == password_flaw::too_short);
  CHECK(auth::flaw_of("äöüäöüäöü", "ada") == password_flaw::too_short);  // eighteen bytes, nine characters
  CHECK_FALSE(auth::flaw_of("ten chars!", "ada"));
  CHECK_FALSE(auth::flaw_of("äöüäöüäöüä", "ada"));
  CHECK_FALSE(auth::flaw_of(std::string(1024, 'x'), "ada"));
  CHECK(auth::flaw_of(std::string(1025, 'x'), "ada") == password_flaw::too_long);
  CHECK(auth::flaw_of("Ada Lovelace", "ada lovelace") == password_flaw::is_the_name);
  for (password_flaw f : {password_flaw::too_short, password_flaw::too_long, password_flaw::is_the_name})
    CHECK_FALSE(auth::words_for(f).empty());
}

TEST_CASE("a broken stored hash matches nothing") {
  for (const std::string& hash :
       {std::string(), std::string("x"), std::string("$argon2id$"), std::string(127, '$'), std::string(5000, 'a')}) {
    CHECK_FALSE(auth::password_matches("secret", hash));
    CHECK_FALSE(auth::password_matches("", hash));
  }
}

TEST_CASE("a verified password is forgotten with its hash and after five minutes") {
  still_clock clock;
  auth::verified_passwords v;
  CHECK_FALSE(v.holds("hash", "key"));
  v.remember("hash", "key");
  CHECK(v.holds("hash", "key"));
  CHECK_FALSE(v.holds("other", "key"));
  CHECK_FALSE(v.holds("hash", "Key"));
  clock.pass(std::chrono::seconds{299});
  CHECK(v.holds("hash", "key"));
  clock.pass(std::chrono::seconds{1});
  CHECK_FALSE(v.holds("hash", "key"));
  clock.pass(std::chrono::seconds{-600});  // a clock that was set back does not bring it back
  CHECK_FALSE(v.holds("hash", "key"));
}

TEST_CASE("the memory of passwords is bounded, the oldest go first") {
  auth::verified_passwords v;
  for (int i = 0; i < 5000; ++i) v.remember("hash", std::to_string(i));
  CHECK(v.holds("hash", "4999"));
  CHECK_FALSE(v.holds("hash", "0"));
}

TEST_CASE("the cpu pool gives values and exceptions back to the coroutine") {
  auth::cpu_pool pool(2);
  CHECK(run(pool.run(joined, std::string("a"), std::string("b"))) == "ab");
  CHECK_THROWS_WITH(run(pool.run(fails, 1)), "inside");
}

TEST_CASE("the cpu pool finishes what it has, and refuses what is too much") {
  std::atomic<int> done{0};
  {
    auth::cpu_pool pool(1);
    for (int i = 0; i < 20; ++i) pool.post([&] { ++done; });
    pool.post([] { throw std::runtime_error("ignored"); });
    pool.post([&] { ++done; });
  }
  CHECK(done == 21);

  auth::cpu_pool pool(1);
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future().share();
  for (int i = 0; i < 1100; ++i) pool.post([gate] { gate.wait(); });
  CHECK(problem_of(pool.run(joined, std::string("a"), std::string("b"))).status == 503);
  go.set_value();
}
