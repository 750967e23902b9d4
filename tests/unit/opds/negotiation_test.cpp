#include "opds/negotiation.hpp"

#include <catch2/catch.hpp>

using namespace carrel;
using namespace carrel::opds;

namespace {

http::request get(const std::string& target, const std::string& accept = "") {
  http::request::parts p;
  p.target = target;
  if (!accept.empty()) p.headers.emplace_back("Accept", accept);
  return http::request(std::move(p));
}

}  // namespace

TEST_CASE("OPDS 2.0 is preferred only by a strictly higher quality") {
  CHECK_FALSE(prefers_json(""));
  CHECK(prefers_json("application/opds+json"));
  CHECK(prefers_json("Application/OPDS+JSON"));
  CHECK_FALSE(prefers_json("application/opds+json, application/atom+xml;profile=opds-catalog, */*"));
  CHECK_FALSE(prefers_json("application/atom+xml, application/xml, text/xml, */*"));
  CHECK_FALSE(prefers_json("*/*"));
  CHECK_FALSE(prefers_json("application/*"));
  CHECK_FALSE(prefers_json("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
  CHECK(prefers_json("application/opds+json;q=0.9, */*;q=0.8"));
  CHECK(prefers_json("application/opds+json, application/*;q=0.5"));
  CHECK_FALSE(prefers_json("application/opds+json;q=0, */*"));
  CHECK_FALSE(prefers_json("application/atom+xml;q=0.5, application/opds+json;q=0.5"));
  CHECK(prefers_json("application/atom+xml;q=0.4, application/opds+json;q=0.5"));
  CHECK(prefers_json("application/opds+json;q=nonsense"));
  CHECK_FALSE(prefers_json(",;=;,q,;q=1,/"));
}

TEST_CASE("the address decides everywhere but at the root that both versions have") {
  const char* json = "application/opds+json";
  CHECK(form_of(get("/opds", json)) == form::json);
  CHECK(form_of(get("//opds/", json)) == form::json);
  CHECK(form_of(get("/opds")) == form::atom);
  CHECK(form_of(get("/opds/v1.2", json)) == form::atom);
  CHECK(form_of(get("/opds/new", json)) == form::atom);
  CHECK(form_of(get("/opds/v2")) == form::json);
  CHECK(form_of(get("/opds/v2/new", "application/atom+xml")) == form::json);
  CHECK(form_of(get("/opds/v22")) == form::atom);
  CHECK(is_common_root(get("/opds/")));
  CHECK_FALSE(is_common_root(get("/opds/v2")));
}
