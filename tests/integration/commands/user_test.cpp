// Accounts from the command line keep the rule of the pages for passwords.
#include "shell.hpp"

using namespace carrel;
using namespace carrel::commands::tests;

TEST_CASE("a password from standard input has to be long enough and not the name") {
  shell s;
  auto with_password = [&](const std::string& words, const std::string& password) {
    std::string file = (harness::fresh_folder("typed") / "password").string();
    std::ofstream(file) << password << "\n";
    return s.run(words + " --password-stdin --json <'" + file + "'");
  };
  outcome o = with_password("user add Ada --role owner", "pw");
  CHECK(o.status == 4);
  CHECK(o.err.find("at least 10 characters") != std::string::npos);
  CHECK(with_password("user add Augusta-Ada", "augusta-ada").status == 4);
  CHECK(s.run("user list --json").out.find("Ada") == std::string::npos);

  CHECK(with_password("user add Ada --role owner", "paper lantern").status == 0);
  CHECK(with_password("user password Ada", "short").status == 4);
  CHECK(with_password("user password Ada", "another lantern").status == 0);
}

TEST_CASE("what belongs to an account is exported, also right before the account is deleted") {
  shell s;
  REQUIRE(s.run("user add Owner --role owner").status == 0);
  REQUIRE(s.run("user add Ada").status == 0);
  outcome o = s.run("user export Ada");
  CHECK(o.status == 0);
  result<json::object> all = json::read_object(o.out);
  REQUIRE(all);
  for (const char* part : {"account", "devices", "shelves", "opinions", "places", "positions", "highlights"})
    CHECK(all->find(part) != nullptr);
  CHECK(s.run("user export Nobody").status == 3);

  std::filesystem::path file = harness::fresh_folder("export") / "ada.json";
  std::ofstream(file) << "mine";
  CHECK(s.run("user delete Ada --export '" + file.string() + "'").status == 4);  // a file that is there is not touched
  CHECK(s.run("user list --json").out.find("Ada") != std::string::npos);
  std::filesystem::remove(file);
  CHECK(s.run("user delete Ada --dry-run --export '" + file.string() + "'").status == 0);
  CHECK_FALSE(std::filesystem::exists(file));
  CHECK(s.run("user delete Ada --export '" + file.string() + ".d/x'").status == 1);
  CHECK(s.run("user delete Owner --export '" + file.string() + "'").status == 4);  // the last one
  CHECK_FALSE(std::filesystem::exists(file));
  CHECK(s.run("user delete Ada --export '" + file.string() + "'").status == 0);
  std::string kept;
  std::getline(std::ifstream(file), kept);
  CHECK(kept.find("\"Ada\"") != std::string::npos);
  CHECK(s.run("user list --json").out.find("Ada") == std::string::npos);
}
