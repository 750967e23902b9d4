#include "web/assets.hpp"

#include <catch2/catch.hpp>

#include "web/embedded.hpp"

using namespace carrel;
using namespace carrel::web;

namespace {

http::request ask(http::header_list headers = {}) {
  http::request::parts p;
  p.target = "/static/x";
  p.headers = std::move(headers);
  return http::request(std::move(p));
}

std::string file_of(const assets& a, std::string_view name) { return a.path(name).substr(std::string_view("/static/").size()); }

}  // namespace

TEST_CASE("an asset has its hash in its name, a type of our own list, and is kept for ever") {
  assets all;
  http::response r = all.serve(ask(), file_of(all, "carrel.css"));
  CHECK(r.status == 200);
  REQUIRE(r.find("Cache-Control"));
  CHECK(*r.find("Cache-Control") == "public, max-age=31536000, immutable");
  CHECK(*r.find("Content-Type") == "text/css; charset=utf-8");
  CHECK(*all.serve(ask(), file_of(all, "icons.svg")).find("Content-Type") == "image/svg+xml");
}

TEST_CASE("an asset that the browser has is not sent again") {
  assets all;
  std::string tag = *all.serve(ask(), file_of(all, "app.js")).find("ETag");
  CHECK(all.serve(ask({{"If-None-Match", tag}}), file_of(all, "app.js")).status == 304);
}

TEST_CASE("a wrong hash and a made-up name are not found") {
  assets all;
  for (std::string name : {"carrel.css", "carrel.0000000000.css", "..", "", "app.js"})
    CHECK_THROWS_AS(all.serve(ask(), name), http::problem);
  CHECK_THROWS_AS(all.path("nothing.css"), std::logic_error);
}

TEST_CASE("the script uses nothing that the content security policy forbids") {
  for (const embedded& e : asset_texts()) {
    if (e.name != "carrel.css") continue;
    CHECK(e.text.find("url(") == std::string_view::npos);
    CHECK(e.text.find("@import") == std::string_view::npos);
    CHECK(e.text.size() < 60'000);
  }
}
