// A picture of one's own for a cover, by the API and by the page of a book's fields (ingest.md 19.1).
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

namespace {

struct stage {
  stage() {
    w.set_cover = [this](uuid to, const std::filesystem::path& picture, const library::actor& who) -> std::optional<error> {
      std::ifstream in(picture, std::ios::binary);
      sent.push_back(to.text() + " " + std::string(std::istreambuf_iterator<char>(in), {}) + " " + who.name);
      return next;
    };
  }
  world w;
  made_book book = w.add_book("Fog");
  client c = w.as("librarian");
  std::vector<std::string> sent;
  std::optional<error> next;
  std::string path() const { return "/books/" + book.id.text() + "/cover"; }
};

}  // namespace

TEST_CASE("who looks after books chooses a cover by the API") {
  stage s;
  reply done = s.c.api("PUT", s.path(), "picture");
  CHECK(done.status == 200);
  CHECK(done.text("id") == s.book.id.text());
  CHECK(s.sent == std::vector<std::string>{s.book.id.text() + " picture librarian"});
  CHECK(s.w.as("reader").api("PUT", s.path(), "picture").status >= 400);
  CHECK(s.c.api("PUT", "/books/" + uuid::make().text() + "/cover", "picture").status == 404);
  CHECK(s.sent.size() == 1);
  s.next = error{"cover_unreadable", "The cover could not be used."};
  reply refused = s.c.api("PUT", s.path(), "text");
  CHECK(refused.status == 422);
  CHECK(refused.says("cover_unreadable"));
  s.next = error{"cover_too_large", "The cover could not be used."};
  CHECK(s.c.api("PUT", s.path(), "large").status == 413);
}

TEST_CASE("the page of a book's fields sends a picture, with its token, and says what is wrong with it") {
  stage s;
  std::string edit = "/books/" + s.book.id.text() + "/edit";
  CHECK(s.c.get(edit).says("type=\"file\""));
  reply done = s.c.upload(s.path(), "mine.png", "picture", {{"csrf", s.c.csrf}});
  CHECK(done.status == 303);
  CHECK(s.sent.size() == 1);
  CHECK(s.c.upload(s.path(), "mine.png", "picture", {{"csrf", "wrong"}}).status == 403);
  CHECK(s.w.as("reader").upload(s.path(), "mine.png", "picture", {}).status >= 400);
  CHECK(s.sent.size() == 1);
  s.next = error{"cover_unreadable", ""};
  reply refused = s.c.upload(s.path(), "mine.txt", "text", {{"csrf", s.c.csrf}});
  CHECK(refused.status == 422);
  CHECK(refused.says("cannot be used as a cover"));
}
