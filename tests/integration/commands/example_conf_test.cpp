// deploy/carrel.conf tells every setting with its default, and works when all of it is uncommented.
#include <map>

#include "server/core/config.hpp"
#include "server/core/text.hpp"
#include "tests/integration/commands/shell.hpp"

using namespace carrel;
using namespace carrel::commands::tests;

namespace {

// The lines `#key = value`, in their order.
std::vector<std::pair<std::string, std::string>> example_lines() {
  std::ifstream in(CARREL_EXAMPLE_CONF);
  REQUIRE(in);
  std::vector<std::pair<std::string, std::string>> out;
  for (std::string line; std::getline(in, line);) {
    std::size_t equals = line.find(" =");
    if (!line.starts_with('#') || line.starts_with("# ") || equals == std::string::npos) continue;
    out.emplace_back(line.substr(1, equals - 1), trim(std::string_view(line).substr(equals + 2)));
  }
  return out;
}

}  // namespace

TEST_CASE("the example configuration holds every setting once, with its default") {
  std::map<std::string, std::string> known, told;
  for (const setting_key& key : setting_keys()) known.emplace(key.name, key.initial);
  for (const auto& [key, value] : example_lines()) {
    INFO(key);
    CHECK(told.emplace(key, value).second);
  }
  CHECK(told == known);
}

TEST_CASE("the example configuration is valid when it is uncommented") {
  std::filesystem::path file = harness::fresh_folder("conf") / "carrel.conf";
  std::ofstream out(file);
  for (const auto& [key, value] : example_lines()) {
    if (!value.empty()) out << key << " = " << value << "\n";
  }
  out.close();
  shell sh;
  CHECK(sh.run("--config '" + file.string() + "' config check").status == 0);
  // What is in force then is what the file says.
  outcome shown = sh.run("--config '" + file.string() + "' config show");
  for (const auto& [key, value] : example_lines()) {
    if (key == "data_dir" || key == "cache_dir") continue;  // of this test, by the environment
    INFO(key);
    CHECK(shown.says(key + " = " + value));
  }
}

TEST_CASE("a Kobo is told where its address goes, and only a Kobo") {
  shell sh;
  sh.add_user("Ada", library::role::owner);
  CHECK(sh.run("device add Clara --kind kobo").says("[OneStoreServices]"));
  CHECK_FALSE(sh.run("device add Tablet --kind koreader").says("Kobo"));
}
