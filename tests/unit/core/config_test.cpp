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
        "CARREL_KOBO_PAGE_SIZE: kobo.page_size must be a whole number, 1 or more");
}

namespace {

std::string refusal(const std::string& name, const std::string& value) {
  auto c = config::load(with_environment({{name, value}}));
  return c ? "" : c.error().message();
}

}  // namespace

TEST_CASE("addresses to listen on are checked before anything is opened") {
  const std::string must = "must be an address such as [::]:8490, 127.0.0.1:8490 or unix:/path";
  for (const char* bad :
       {"foo", "127.0.0.1:99999", "127.0.0.1:", "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1:8o", "::1:8490", "[::1]", "[::g]:80",
        "300.1.1.1:80", "1.2.3:80", "a b:80", "unix:", "unix:relative", "http://x:80", "[]:80"}) {
    INFO(bad);
    CHECK(refusal("CARREL_LISTEN", bad) == "CARREL_LISTEN: listen " + must);
    CHECK(refusal("CARREL_LISTEN_DEVICES", bad) == "CARREL_LISTEN_DEVICES: listen.devices " + must);
    CHECK(refusal("CARREL_LISTEN_METRICS", bad) == "CARREL_LISTEN_METRICS: listen.metrics " + must);
  }
  CHECK(refusal("CARREL_LISTEN", "unix:/" + std::string(107, 'x')) == "CARREL_LISTEN: listen " + must);
  CHECK(refusal("CARREL_LISTEN", "[::]:8490,foo") == "CARREL_LISTEN: listen item 2 " + must);
  for (const char* gap : {"[::]:1,", ",[::]:1", "[::]:1,,[::]:2", ","}) {
    CHECK(refusal("CARREL_LISTEN", gap) == "CARREL_LISTEN: listen has an empty item: commas stand only between two items");
  }
  CHECK(refusal("CARREL_LISTEN", "") == "CARREL_LISTEN: listen must not be empty");
  for (const char* good : {"[::]:8490", "127.0.0.1:0", ":8490", "*:80", "localhost:8490", "books.example.org:80", "[fe80::1]:80",
                           "unix:/run/carrel.sock", "[::]:1, 127.0.0.1:2 ,unix:/x"}) {
    INFO(good);
    CHECK(refusal("CARREL_LISTEN", good).empty());
  }
  CHECK(refusal("CARREL_LISTEN_DEVICES", "").empty());
  CHECK(refusal("CARREL_LISTEN_METRICS", "").empty());

  folder f;
  config::sources s = with_environment({});
  s.file = f.write("l.conf", "# one\nlisten = 8490\n");
  CHECK(config::load(s).error().message() == *s.file + ":2: listen " + must);
  s.file.reset();
  s.command_line = {{"listen.devices", "foo"}};
  CHECK(config::load(s).error().message() == "command line: listen.devices " + must);
}

TEST_CASE("addresses of links and trusted proxies are checked") {
  const std::string must = "must be an address that begins with http:// or https://, such as https://books.example.org";
  for (const char* bad :
       {"books.example.org", "ftp://x", "http://", "https:///path", "https://a b", "https://x:0", "https://x:99999",
        "https://x:port", "https://x?y", "https://x#y", "https://ada:pw@x", "https://[::1", "https://\"x\""}) {
    INFO(bad);
    CHECK(refusal("CARREL_EXTERNAL_URL", bad) == "CARREL_EXTERNAL_URL: external_url " + must);
    CHECK(refusal("CARREL_DEVICES_URL", bad) == "CARREL_DEVICES_URL: devices_url " + must);
  }
  for (const char* good :
       {"https://books.example.org", "http://192.0.2.1:8490/", "https://x/carrel", "http://[::1]:8490", "http://nas"}) {
    INFO(good);
    CHECK(refusal("CARREL_EXTERNAL_URL", good).empty());
  }
  const std::string network = "must be a network such as 10.0.0.0/8 or an address such as ::1";
  for (const char* bad : {"foo", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0/8", "::1/129", "10.0.0.0/8/8", "[::1]"}) {
    INFO(bad);
    CHECK(refusal("CARREL_TRUSTED_PROXIES", bad) == "CARREL_TRUSTED_PROXIES: trusted_proxies " + network);
  }
  CHECK(refusal("CARREL_TRUSTED_PROXIES", "10.0.0.0/8, ::1").empty());
  CHECK(refusal("CARREL_TRUSTED_PROXIES", "").empty());
  CHECK(refusal("CARREL_BASE_PATH", "books") ==
        "CARREL_BASE_PATH: base_path must be a path that begins with /, such as / or /books");
  CHECK(refusal("CARREL_BASE_PATH", "/books").empty());
}

TEST_CASE("numbers say what they may be") {
  CHECK(refusal("CARREL_TRASH_DAYS", "-5") == "CARREL_TRASH_DAYS: trash.days must be a whole number, 0 or more");
  CHECK(refusal("CARREL_TRASH_DAYS", "1.5") == "CARREL_TRASH_DAYS: trash.days must be a whole number, 0 or more");
  CHECK(refusal("CARREL_TRASH_DAYS", "0").empty());
  CHECK(refusal("CARREL_TRASH_DAYS", "99999999999") == "CARREL_TRASH_DAYS: trash.days must be at most 2147483647");
  CHECK(refusal("CARREL_TRASH_DAYS", "") == "CARREL_TRASH_DAYS: trash.days must not be empty");
  CHECK(refusal("CARREL_JOBS_WORKERS", "0") == "CARREL_JOBS_WORKERS: jobs.workers must be a whole number, 1 or more");
  CHECK(refusal("CARREL_THREADS", "").empty());
  CHECK(refusal("CARREL_INGEST_AUTO_APPROVE", "maybe") ==
        "CARREL_INGEST_AUTO_APPROVE: ingest.auto_approve must be off or a number from 0 to 1");
  CHECK(refusal("CARREL_INGEST_AUTO_APPROVE", "0.95").empty());
  CHECK(refusal("CARREL_INGEST_AUTO_APPROVE", "off").empty());
}

TEST_CASE("a certificate needs its key, and both files") {
  folder f;
  std::string there = f.write("cert.pem", "x");
  CHECK(refusal("CARREL_TLS_CERT", there) == "CARREL_TLS_CERT: tls.cert is set, and tls.key is not; TLS needs both");
  CHECK(refusal("CARREL_TLS_KEY", there) == "CARREL_TLS_KEY: tls.key is set, and tls.cert is not; TLS needs both");
  auto c = config::load(with_environment({{"CARREL_TLS_CERT", there}, {"CARREL_TLS_KEY", there + ".not"}}));
  REQUIRE_FALSE(c);
  CHECK(c.error().message() == "CARREL_TLS_KEY: tls.key names a file that does not exist");
  CHECK(config::load(with_environment({{"CARREL_TLS_CERT", there}, {"CARREL_TLS_KEY", there}})));
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

TEST_CASE("a database address is checked, and whatever its form, its password is not shown") {
  auto shown = [](const std::string& url) {
    auto c = config::load(with_environment({{"CARREL_DATABASE_URL", url}}));
    return c ? c->shown("database.url") : c.error().message();
  };
  CHECK(shown("postgres://ada:a%20b@db:5432/x") == "postgres://ada:********@db:5432/x");
  CHECK(shown("postgresql://ada:a@b/c@db/x") == "postgresql://ada:********@db/x");
  CHECK(shown("postgresql://db/x?user=ada&password=pw&sslmode=require") ==
        "postgresql://db/x?user=ada&password=********&sslmode=require");
  CHECK(shown("host=db password='a b\\' c' user=ada") == "host=db password=******** user=ada");
  CHECK(shown("password = pw host=db sslpassword=x") == "password = ******** host=db sslpassword=********");
  CHECK(shown("host='/run/post gres' dbname=x") == "host='/run/post gres' dbname=x");
  const std::string refused =
      "CARREL_DATABASE_URL: database.url must be an address such as postgresql://carrel@db/carrel, or keywords such as host=db "
      "dbname=carrel";
  for (const char* bad : {"nonsense", "mysql://db/x", "host=db password=a b", "host=db password='a b", "postgresql://a:%zz@db/x",
                          "postgresql://a b@db/x", "=x"}) {
    CHECK(shown(bad) == refused);
  }
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

TEST_CASE("values with which Carrel could not start or would answer nobody are refused") {
  auto refused = [](const std::string& key, const std::string& value) {
    std::string said = refusal(environment_name(key), value), start = environment_name(key) + ": " + key + " ";
    return said.starts_with(start) ? said.substr(start.size()) : said;
  };
  CHECK(refused("threads", "257") == "must be at most 256");
  CHECK(refused("database.pool", "2147483647") == "must be at most 512");
  CHECK(refused("jobs.workers", "100000") == "must be at most 256");
  CHECK(refused("ingest.workers", "0") == "must be a whole number, 1 or more");
  CHECK(refused("http.max_header", "0") == "must be at least 1KiB");
  CHECK(refused("http.header_timeout", "0") == "must be at least 100ms");
  CHECK(refused("http.idle_timeout", "1000000000d") == "must be at most 1d");
  CHECK(refused("database.statement_timeout", "25d") == "must be at most 24d");
  CHECK(refused("auth.argon2_memory", "1TiB") == "must be at most 4GiB");
  CHECK(refused("auth.max", "0") == "must be at least 1m");
  CHECK(refused("kosync.history", "36501d") == "must be at most 36500d");
  CHECK(refused("auth.throttle", "5/0s") == "must be a rate such as 5/1m");
  CHECK(refused("auth.throttle", "5/0") == "must be a rate such as 5/1m");
  for (auto [key, value] :
       {std::pair("threads", "256"), std::pair("http.max_header", "1KiB"), std::pair("kosync.history", "forever"),
        std::pair("database.statement_timeout", "0"), std::pair("opds.signed_covers", "0"), std::pair("kosync.history", "36500d"),
        std::pair("auth.argon2_memory", "64KiB")}) {
    INFO(key << " = " << value);
    CHECK(refused(key, value).empty());
  }
}

TEST_CASE("columns of Calibre are told with the field they are") {
  auto with = [](const std::string& value) {
    config::sources s = with_environment({});
    s.command_line = {{"ingest.calibre_columns", value}};
    return config::load(s).ok();
  };
  for (const char* good : {"", "keywords=tags", "keywords=tags,reader_2=narrators"}) CHECK(with(good));
  for (const char* bad :
       {"keywords", "=tags", "keywords=", "keywords=title", "Key Words=tags", "#keywords=tags", "a=tags,,b=tags"})
    CHECK_FALSE(with(bad));
}

TEST_CASE("limits have limits of their own") {
  auto with = [](const std::string& key, const std::string& value) {
    config::sources s = with_environment({});
    s.command_line = {{key, value}};
    return config::load(s).ok();
  };
  CHECK(with("limit.entries", "100000"));
  CHECK_FALSE(with("limit.entries", "0"));
  CHECK_FALSE(with("limit.ratio", "1"));
  CHECK_FALSE(with("limit.unpacked", "100TiB"));
  CHECK_FALSE(with("metadata.review_threshold", "1.5"));
  CHECK_FALSE(with("metadata.review_threshold", "off"));
  CHECK(with("metadata.auto_apply", "replace"));
  CHECK_FALSE(with("metadata.auto_apply", "on"));
  CHECK_FALSE(with("metadata.auto_threshold", "-0.1"));
  CHECK_FALSE(with("metadata.auto_threshold", "off"));
}
