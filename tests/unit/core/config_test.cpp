#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "server/core/config.hpp"

using namespace carrel;

namespace {

struct folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("carrel-config-" + std::to_string(::getpid()));
  folder() { std::filesystem::create_directories(path); }
  ~folder() { std::filesystem::remove_all(path); }
  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(path / name) << content;
    return (path / name).string();
  }
};

config::sources with_environment(std::map<std::string, std::string> all) {
  config::sources s;
  for (auto& [name, value] : all) s.environment_names.push_back(name);
  s.environment = [all](const std::string& name) -> std::optional<std::string> {
    auto at = all.find(name);
    return at == all.end() ? std::nullopt : std::optional(at->second);
  };
  return s;
}

}  // namespace

TEST_CASE("command line wins over environment, environment over file, file over default") {
  folder f;
  config::sources s = with_environment({{"CARREL_OPDS_PAGE_SIZE", "30"}, {"CARREL_JOBS_WORKERS", "3"}});
  s.file = f.write("a.conf", "# comment\nopds.page_size = 20\njobs.workers=9\nkobo.page_size = 7\n");
  s.command_line = {{"opds.page_size", "40"}};
  auto c = config::load(s);
  REQUIRE(c);
  CHECK(c->integer("opds.page_size") == 40);
  CHECK(c->integer("jobs.workers") == 3);
  CHECK(c->integer("kobo.page_size") == 7);
  CHECK(c->integer("trash.days") == 30);
  CHECK(c->entries().at("kobo.page_size").origin == *s.file + ":4");
}

TEST_CASE("an unknown or invalid key names file, line and key") {
  folder f;
  config::sources s = with_environment({});
  s.file = f.write("b.conf", "listen = [::]:1\nopds.pagesize = 5\n");
  auto c = config::load(s);
  REQUIRE_FALSE(c);
  CHECK(c.error().message() == *s.file + ":2: unknown setting opds.pagesize (did you mean opds.page_size?)");

  s.file = f.write("c.conf", "\n\nkosync.enabled = yes\n");
  CHECK(config::load(s).error().message() == *s.file + ":3: kosync.enabled must be on or off");

  s.file = f.write("d.conf", "nonsense\n");
  CHECK(config::load(s).error().message() == *s.file + ":1: expected `key = value`");

  s.file = f.write("e.conf", "threads = 1\nthreads = 2\n");
  CHECK(config::load(s).error().message() == *s.file + ":2: threads was set before, on line 1");
}

TEST_CASE("a missing file and an unknown environment name are errors") {
  config::sources s = with_environment({});
  s.file = "/nowhere/carrel.conf";
  CHECK(config::load(s).error().message() == "/nowhere/carrel.conf: cannot be read: No such file or directory");
  CHECK(config::load(with_environment({{"CARREL_KOBO_PAGESIZE", "1"}})).error().field == "CARREL_KOBO_PAGESIZE");
  CHECK(config::load(with_environment({{"CARREL_KOBO_PAGE_SIZE", "x"}})).error().message() ==
        "CARREL_KOBO_PAGE_SIZE: kobo.page_size must be a whole number");
}

TEST_CASE("_FILE reads the value from a file and secrets are never shown") {
  folder f;
  std::string secret = f.write("secret", "s3cret\n");
  auto c = config::load(
      with_environment({{"CARREL_OIDC_CLIENT_SECRET_FILE", secret}, {"CARREL_DATABASE_URL", "postgresql://ada:pw@db/carrel"}}));
  REQUIRE(c);
  CHECK(c->text("oidc.client_secret") == "s3cret");
  CHECK(c->shown("oidc.client_secret") == "********");
  CHECK(c->shown("database.url") == "postgresql://ada:********@db/carrel");
}

TEST_CASE("durations and sizes have units") {
  using namespace std::chrono_literals;
  CHECK(parse_duration("10s") == 10s);
  CHECK(parse_duration("1m30s") == 90s);
  CHECK(parse_duration("30d") == 720h);
  CHECK_FALSE(parse_duration("10"));
  CHECK_FALSE(parse_duration("s"));
  CHECK_FALSE(parse_duration("10 parsecs"));
  CHECK(parse_size("64KiB") == 65536U);
  CHECK(parse_size("2GiB") == 2147483648U);
  CHECK_FALSE(parse_size("2 lots"));
  CHECK_FALSE(parse_size("99999999TiB"));
}
