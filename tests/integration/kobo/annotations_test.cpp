// Highlights and notes at the root of the host (kobo.md 15): nothing is lost, and no reader is made to delete its own.
#include "library/kobo_options.hpp"
#include "server/core/text.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/kobo/storefront.hpp"

using namespace carrel;
using namespace carrel::kobo::tests;

namespace {

const char* const first_note = "7f0b1a52-3d6e-4c1f-9a55-1c2d3e4f5a6b";
const char* const second_note = "7f0b1a52-3d6e-4c1f-9a55-1c2d3e4f5a6c";

std::string note(const std::string& id, const std::string& text, const std::string& at = "2026-03-06T21:30:44Z") {
  return R"({"id":")" + id + R"(","type":"Highlight","highlightColor":"#FFE082","highlightedText":")" + text +
         R"(","clientLastModifiedUtc":")" + at +
         R"(","location":{"span":{"chapterFilename":"OEBPS/c1.xhtml","chapterProgress":0.250,"chapterTitle":"One",)"
         R"("startPath":"span#kobo\\.12\\.3","startChar":0,"endPath":"span#kobo\\.12\\.4","endChar":7}}})";
}
std::string patch(const std::string& updated, const std::string& deleted = "") {
  return R"({"updatedAnnotations":[)" + updated + R"(],"deletedAnnotationIds":[)" + deleted + "]}";
}
std::string quoted(const std::string& s) { return "\"" + s + "\""; }

struct with_book : storefront {
  reader r;
  std::string id, path;
  headers bearer;
  with_book() {
    shelve("One");
    sync(r);
    id = r.library.begin()->first;
    path = "/api/v3/content/" + id + "/annotations";
    bearer = {{"Authorization", "Bearer " + ask("POST", "/v1/auth/device", {}, "{}").text("AccessToken")}};
  }
  reply change(const std::string& body) { return ask_root("PATCH", path, bearer, body); }
  reply all() { return ask_root("GET", path, bearer); }
  std::size_t count() {
    std::size_t out = 0;
    const std::string body = all().body;
    for (std::size_t at = body.find(R"("id":)"); at != body.npos; at = body.find(R"("id":)", at + 1)) ++out;
    return out;
  }
  std::string named(const std::string& etag) {
    return ask_root("POST", "/api/v3/content/checkforchanges", bearer,
                    R"([{"ContentId":")" + upper(id) + R"(","etag":)" + json::dump(etag) + R"(},{"ContentId":"x","etag":7},8])")
        .body;
  }
  static std::string upper(std::string s) {
    for (char& c : s) {
      if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
    }
    return s;
  }
  void offer(bool on) {
    db.pool().write_now([&](db::tx& tx) { REQUIRE(library::change_kobo_options(tx, device, {{"highlights", on}}).value()); });
  }
};

}  // namespace

TEST_CASE("highlights are stored as they came and given back complete") {
  with_book s;
  CHECK(s.all().body == R"({"annotations":[],"nextPageOffsetToken":null})");
  CHECK(s.all().header("etag") == "W/\"0\"");
  CHECK(s.change(patch(note(first_note, "warm") + "," + note(second_note, "cold"))).status == 204);
  reply all = s.all();
  CHECK(all.status == 200);
  CHECK(s.count() == 2);
  CHECK(all.header("etag") == "W/\"1\"");
  CHECK(all.body.find(R"("type":"Highlight")") != std::string::npos);
  CHECK(all.body.find(R"("chapterProgress":0.250)") != std::string::npos);
  CHECK(all.body.find(R"(span#kobo\\.12\\.3)") != std::string::npos);
  CHECK(all.body.find(R"("attachments":{},"context":null)") != std::string::npos);
  // The same again changes nothing; an older one neither; a newer one does; a deleted one goes and stays away.
  s.change(patch(note(first_note, "warm")));
  s.change(patch(note(first_note, "older", "2026-03-06T20:00:00Z")));
  CHECK(s.all().header("etag") == "W/\"1\"");
  s.change(patch(note(first_note, "warmer", "2026-03-06T22:00:00.1234567Z")));
  CHECK(s.all().body.find("warmer") != std::string::npos);
  s.change(patch("", quoted(second_note) + "," + quoted(second_note)));
  s.change(patch(note(second_note, "cold")));
  CHECK(s.count() == 1);
  CHECK(s.all().header("etag") == "W/\"3\"");
  // If-None-Match is no reason for a 304, which would delete them all.
  headers h = s.bearer;
  h.emplace_back("If-None-Match", "W/\"3\"");
  CHECK(s.ask_root("GET", s.path + "?limit=100", h).status == 200);
  // Below the device's own address the same.
  CHECK(s.ask("GET", s.path).body == s.all().body);
}

TEST_CASE("a book is named for fetching only when its owner wants that and the set is complete") {
  with_book s;
  CHECK(s.named("W/\"0\"") == "[]");
  s.change(patch(note(first_note, "warm")));
  CHECK(s.named("W/\"0\"") == "[]");
  s.offer(true);
  CHECK(s.named("W/\"0\"") == "[" + quoted(with_book::upper(s.id)) + "]");
  CHECK(s.named("W/\"1\"") == "[]");
  SECTION("not after a change that could not be read") {
    s.change(R"({"updatedAnnotations":[7]})");
    CHECK(s.named("W/\"0\"") == "[]");
    CHECK(s.count() == 1);
  }
  SECTION("not when the device has shown more than we hold") {
    CHECK(s.named("W/\"A:12-x, A:7-y, C:3-z\"") == "[]");
    CHECK(s.named("W/\"0\"") == "[]");
  }
  SECTION("not for a stranger") {
    s.bearer = {{"Authorization", "Bearer other"}};
    CHECK(s.named("W/\"0\"") == "[]");
  }
}

TEST_CASE("a reader that cannot be recognised loses nothing") {
  with_book s;
  const headers stranger{{"Authorization", "Bearer of-the-real-store"}};
  CHECK(s.ask_root("PATCH", s.path, stranger, patch(note(first_note, "warm"))).status == 204);
  CHECK(s.ask_root("GET", s.path, stranger).status == 200);
  CHECK(s.count() == 0);
  // It shows the same on its own address: what it left is its own now.
  s.ask("GET", "/v1/initialization", stranger);
  CHECK(harness::eventually([&] { return s.count() == 1; }));
  CHECK(s.ask_root("GET", s.path, stranger).body == s.all().body);
}

TEST_CASE("a device and a book that it was told of are known together") {
  with_book s;
  headers h{{"x-kobo-deviceid", std::string(64, '4')}};
  reader r;
  r.token = s.ask("GET", "/v1/library/sync", h).header("x-kobo-synctoken");
  CHECK(s.ask_root("PATCH", s.path, h, patch(note(first_note, "warm"))).status == 204);
  CHECK(s.count() == 1);
  CHECK(s.ask_root("PATCH", "/api/v3/content/" + uuid::make().text() + "/annotations", h, patch("")).status == 204);
  CHECK(s.ask_root("PATCH", s.path, {{"x-kobo-deviceid", std::string(64, '5')}}, patch(note(second_note, "x"))).status == 204);
  CHECK(s.count() == 1);
}

TEST_CASE("the reading services answer whatever they are asked") {
  with_book s;
  CHECK(s.ask_root("GET", "/api/UserStorage/Metadata").body == R"({"continuationToken":null,"metadata":[]})");
  CHECK(s.ask_root("PUT", "/api/UserStorage/x/y", {}, "bytes").body == "{}");
  CHECK(s.ask_root("GET", "/api/internal/notebooks").body == R"({"data":[],"totalResults":0})");
  CHECK(s.ask_root("GET", "/api/internal/notebooks/x?page=1").body == R"({"data":[],"totalResults":0})");
  CHECK(s.ask_root("POST", "/api/v3/content/checkforchanges", s.bearer, "nonsense").body == "[]");
  CHECK(s.ask_root("POST", "/api/v3/content/anything", {}, "{}").status == 200);
  for (const char* body : {"", "[]", "{", R"({"updatedAnnotations":7})", R"({"updatedAnnotations":[{"id":""},{}]})",
                           R"({"updatedAnnotations":[{"id":"a\u0000","highlightedText":"b\u0000"}]})",
                           R"({"deletedAnnotationIds":[null,"\u0000",{}]})"}) {
    INFO(body);
    CHECK(s.change(body).status == 204);
  }
  CHECK(s.change(std::string(2 << 20, 'x')).status == 204);
  std::string foreign = "/api/v3/content/" + uuid::make().text() + "/annotations";
  CHECK(s.ask_root("GET", foreign, s.bearer).status == 404);
  CHECK(s.ask_root("GET", "/api/v3/content/not-a-uuid/annotations", s.bearer).status == 404);
  // Of a book that we do not have they are kept all the same.
  CHECK(s.ask_root("PATCH", foreign, s.bearer, patch(note(first_note, "x"))).status == 204);
  CHECK(s.ask_root("GET", foreign, s.bearer).body.find("highlightedText") != std::string::npos);
}

TEST_CASE("a book without known highlights is not found where the server is set so") {
  storefront s(headers{{"kobo.annotations.unknown", "notfound"}});
  s.shelve("One");
  reader r;
  s.sync(r);
  const std::string path = "/api/v3/content/" + r.library.begin()->first + "/annotations";
  CHECK(s.ask("GET", path).status == 404);
  CHECK(s.ask("PATCH", path, {}, patch(note(first_note, "warm"))).status == 204);
  CHECK(s.ask("GET", path).status == 200);
}
