#include "server/http/conditional.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "client.hpp"
#include "server/core/clock.hpp"

using namespace carrel;

namespace {

http::request with(http::header_list headers, http::verb v = http::verb::get) {
  http::request::parts p;
  p.method = v;
  p.target = "/";
  p.headers = std::move(headers);
  return http::request(std::move(p));
}

const http::validators stamp{"\"7-abc\"", *parse_http_date("Mon, 04 May 2026 09:12:33 GMT")};

}  // namespace

TEST_CASE("the conditional matrix") {
  struct row {
    http::header_list headers;
    bool unchanged;
  };
  const std::string before = "Mon, 04 May 2026 09:12:32 GMT", same = "Mon, 04 May 2026 09:12:33 GMT",
                    after = "Tue, 05 May 2026 09:12:33 GMT";
  const row rows[] = {
      {{}, false},
      {{{"If-None-Match", "\"7-abc\""}}, true},
      {{{"if-none-match", "W/\"7-abc\""}}, true},
      {{{"If-None-Match", "\"7-abc-gz\""}}, true},
      {{{"If-None-Match", "W/\"7-abc-gz\""}}, true},
      {{{"If-None-Match", "\"x\", \"7-abc\""}}, true},
      {{{"If-None-Match", "\"x,y\",W/\"7-abc\" , \"z\""}}, true},
      {{{"If-None-Match", "\"x\""}, {"If-None-Match", "\"7-abc\""}}, true},
      {{{"If-None-Match", "*"}}, true},
      {{{"If-None-Match", "7-abc"}}, true},  // some clients forget the quotes
      {{{"If-None-Match", "\"7-abd\""}}, false},
      {{{"If-None-Match", "\"7-abc"}}, false},
      {{{"If-None-Match", "\"7-abc-g\""}}, false},
      {{{"If-None-Match", ""}}, false},
      {{{"If-None-Match", ",,, ,"}}, false},
      {{{"If-Modified-Since", same}}, true},
      {{{"If-Modified-Since", after}}, true},
      {{{"If-Modified-Since", before}}, false},
      {{{"If-Modified-Since", "yesterday"}}, false},
      {{{"If-None-Match", "\"x\""}, {"If-Modified-Since", after}}, false},  // the tag decides alone
      {{{"If-None-Match", "\"7-abc\""}, {"If-Modified-Since", before}}, true},
  };
  for (const row& r : rows) {
    INFO((r.headers.empty() ? "no header" : r.headers[0].second));
    CHECK(http::unchanged(with(r.headers), stamp) == r.unchanged);
    CHECK(http::unchanged(with(r.headers, http::verb::head), stamp) == r.unchanged);
    CHECK_FALSE(http::unchanged(with(r.headers, http::verb::put), stamp));
  }
  CHECK_FALSE(http::unchanged(with({{"If-Modified-Since", after}}), {"\"7-abc\"", std::nullopt}));
}

TEST_CASE("304 carries the validators and no body") {
  http::response r = http::not_modified(stamp);
  CHECK(r.status == 304);
  CHECK(*r.find("ETag") == "\"7-abc\"");
  CHECK(*r.find("Last-Modified") == "Mon, 04 May 2026 09:12:33 GMT");
  CHECK(std::get<std::string>(r.body).empty());
}

TEST_CASE("the range matrix over a file of ten bytes") {
  http_tests::folder f;
  auto path = f.file("ten", "0123456789");
  struct row {
    const char* range;
    unsigned status;
    std::uint64_t first, count;
    const char* content_range;
  };
  const row rows[] = {
      {"bytes=0-0", 206, 0, 1, "bytes 0-0/10"},
      {"bytes=9-9", 206, 9, 1, "bytes 9-9/10"},
      {"bytes=0-9", 206, 0, 10, "bytes 0-9/10"},
      {"bytes=3-", 206, 3, 7, "bytes 3-9/10"},
      {"bytes=-4", 206, 6, 4, "bytes 6-9/10"},
      {"bytes=-10", 206, 0, 10, "bytes 0-9/10"},
      {"bytes=-99", 206, 0, 10, "bytes 0-9/10"},
      {"bytes=5-99999999999999999999999", 206, 5, 5, "bytes 5-9/10"},
      {"BYTES= 2 - 4 ", 206, 2, 3, "bytes 2-4/10"},
      {"bytes=10-", 416, 0, 0, "bytes */10"},
      {"bytes=10-12", 416, 0, 0, "bytes */10"},
      {"bytes=-0", 416, 0, 0, "bytes */10"},
      {"bytes=99999999999999999999999-", 416, 0, 0, "bytes */10"},
      {"bytes=5-4", 200, 0, 10, nullptr},
      {"bytes=0-1,3-4", 200, 0, 10, nullptr},
      {"bytes=", 200, 0, 10, nullptr},
      {"bytes=-", 200, 0, 10, nullptr},
      {"bytes=a-b", 200, 0, 10, nullptr},
      {"bytes=1", 200, 0, 10, nullptr},
      {"bytes=--1", 200, 0, 10, nullptr},
      {"bytes=+1-2", 200, 0, 10, nullptr},
      {"pages=1-2", 200, 0, 10, nullptr},
      {"", 200, 0, 10, nullptr},
  };
  for (const row& x : rows) {
    INFO(x.range);
    http::response r = http::file(with({{"Range", x.range}}), path, "application/epub+zip", stamp);
    CHECK(r.status == x.status);
    if (x.content_range)
      CHECK(*r.find("Content-Range") == x.content_range);
    else
      CHECK_FALSE(r.find("Content-Range"));
    if (x.status == 416) continue;
    auto& slice = std::get<http::file_slice>(r.body);
    CHECK(slice.first == x.first);
    CHECK(slice.count == x.count);
    CHECK(*r.find("Accept-Ranges") == "bytes");
    CHECK(*r.find("ETag") == stamp.etag);
    // HEAD answers as without.
    http::response head = http::file(with({{"Range", x.range}}, http::verb::head), path, "application/epub+zip", stamp);
    CHECK(head.status == 200);
  }
}

TEST_CASE("If-Range keeps the range only for the very same content") {
  http_tests::folder f;
  auto path = f.file("ten", "0123456789");
  struct row {
    const char* if_range;
    unsigned status;
  };
  const row rows[] = {
      {"\"7-abc\"", 206},
      {"\"7-abd\"", 200},
      {"W/\"7-abc\"", 200},
      {"Mon, 04 May 2026 09:12:33 GMT", 206},
      {"Mon, 04 May 2026 09:12:34 GMT", 200},
      {"Mon, 04 May 2026 09:12:32 GMT", 200},
      {"nonsense", 200},
  };
  for (const row& x : rows) {
    INFO(x.if_range);
    CHECK(http::file(with({{"Range", "bytes=2-3"}, {"If-Range", x.if_range}}), path, "a/b", stamp).status == x.status);
  }
}

TEST_CASE("odd files: empty, missing, a folder, a link, a pipe") {
  http_tests::folder f;
  auto nothing = f.file("empty", "");
  CHECK(http::file(with({}), nothing, "a/b", stamp).status == 200);
  CHECK(http::file(with({{"Range", "bytes=0-"}}), nothing, "a/b", stamp).status == 416);
  CHECK(http::file(with({{"Range", "bytes=-5"}}), nothing, "a/b", stamp).status == 416);
  std::filesystem::create_symlink(nothing, f.path() / "link");
  REQUIRE(::mkfifo((f.path() / "pipe").c_str(), 0600) == 0);
  for (const char* name : {"missing", ".", "link", "pipe"}) {
    INFO(name);
    CHECK_THROWS_AS(http::file(with({}), f.path() / name, "a/b", stamp), http::problem);
  }
  CHECK(http::file(with({{"If-None-Match", "\"7-abc\""}, {"Range", "bytes=0-"}}), nothing, "a/b", stamp).status == 304);
}

TEST_CASE("download names") {
  struct row {
    const char *name, *plain, *raw;
  };
  const row rows[] = {
      {"Dune - Frank Herbert.epub",
       R"(attachment; filename="Dune - Frank Herbert.epub"; filename*=UTF-8''Dune%20-%20Frank%20Herbert.epub)",
       R"(attachment; filename="Dune - Frank Herbert.epub"; filename*=UTF-8''Dune%20-%20Frank%20Herbert.epub)"},
      {"Zoë.epub", R"(attachment; filename="Zo_.epub"; filename*=UTF-8''Zo%C3%AB.epub)",
       R"(attachment; filename="Zoë.epub"; filename*=UTF-8''Zo%C3%AB.epub)"},
      {"Война.fb2", R"(attachment; filename="_____.fb2"; filename*=UTF-8''%D0%92%D0%BE%D0%B9%D0%BD%D0%B0.fb2)",
       R"(attachment; filename="Война.fb2"; filename*=UTF-8''%D0%92%D0%BE%D0%B9%D0%BD%D0%B0.fb2)"},
      {"三体.epub", R"(attachment; filename="__.epub"; filename*=UTF-8''%E4%B8%89%E4%BD%93.epub)",
       R"(attachment; filename="三体.epub"; filename*=UTF-8''%E4%B8%89%E4%BD%93.epub)"},
      {R"(a"b;c%d\e.epub)", R"(attachment; filename="a_b_c_d_e.epub"; filename*=UTF-8''a%22b%3Bc%25d%5Ce.epub)",
       R"(attachment; filename="abcde.epub"; filename*=UTF-8''a%22b%3Bc%25d%5Ce.epub)"},
      {"a/b\r\nX: y.epub", R"(attachment; filename="a_bX: y.epub"; filename*=UTF-8''a_bX%3A%20y.epub)",
       R"(attachment; filename="a_bX: y.epub"; filename*=UTF-8''a_bX%3A%20y.epub)"},
      {"it's (1)!*.pdf", R"(attachment; filename="it's (1)!*.pdf"; filename*=UTF-8''it%27s%20%281%29!%2A.pdf)",
       R"(attachment; filename="it's (1)!*.pdf"; filename*=UTF-8''it%27s%20%281%29!%2A.pdf)"},
      {"", R"(attachment; filename="file"; filename*=UTF-8''file)", R"(attachment; filename="file"; filename*=UTF-8''file)"},
      {"\xff.epub", R"(attachment; filename="_.epub"; filename*=UTF-8''%EF%BF%BD.epub)",
       "attachment; filename=\"\xEF\xBF\xBD.epub\"; filename*=UTF-8''%EF%BF%BD.epub"},
  };
  for (const row& r : rows) {
    CHECK(http::content_disposition(r.name) == r.plain);
    CHECK(http::content_disposition(r.name, true) == r.raw);
  }
  CHECK(http::content_disposition("a.jpg", false, false).starts_with("inline; "));
  std::string endless(300, 'x');
  endless += ".epub";
  CHECK(http::content_disposition(endless).find(".epub\"") != std::string::npos);
}
