// `/books/{id}/cover`: a picture of one's own for the cover (ingest.md 19.1), sent from the page of a book's fields.

#include "library/book.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"
#include "web/uploads.hpp"

namespace carrel::web {
namespace {

std::string refusal_words(const visit& v, const std::string& code) {
  std::string key = "cover.refused." + code;
  return v.say.text(v.say.has(key) ? key : "cover.refused.other");
}

}  // namespace

answer book_cover(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  parts_of_upload parts = co_await split_upload(at, c);
  check_token(c, parts);
  std::optional<library::book> book = co_await at.with.pool.read(library::find_book, v.id(), id);
  if (!book || !at.with.set_cover || parts.files.size() != 1) drop_parts(parts);
  if (!book || !at.with.set_cover) not_here(v);
  if (parts.files.size() != 1) throw http::problem{422, v.say.text("cover.refused.none"), "file"};
  std::filesystem::path picture = parts.files.front().first;
  std::optional<error> refused = co_await at.with.cpu.run(at.with.set_cover, id, picture, v.actor());
  drop_parts(parts);
  if (refused && refused->field == "book") not_here(v);
  if (refused) throw http::problem{422, refusal_words(v, refused->field), refused->field};
  co_return done(v, "/books/" + id.text(), "book.edited", id.text());
}

}  // namespace carrel::web
