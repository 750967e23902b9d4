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
