// `/review`: what waits for its place in the library, one book at a time (product.md 4.8).

#include <algorithm>

#include "library/catalog.hpp"
#include "library/review.hpp"
#include "server/core/text.hpp"
#include "web/format.hpp"
#include "web/pages/compare.hpp"
#include "web/pages/curating.hpp"
#include "web/pages/duplicates.hpp"
#include "web/pages/parts.hpp"
#include "web/pages/review_words.hpp"

namespace carrel::web {
namespace {

constexpr int page_size = 50;

struct inbox {
  library::page queue;
  std::vector<library::queue_note> notes;  // of each book of the queue
  std::optional<library::book> book;
  std::vector<possible_duplicate> duplicates;
  library::queue_note note;  // of the book
  library::comparison known;
};

bool waits(const std::optional<library::book>& b) { return b && b->status != "organized"; }

inbox load_inbox(db::tx& tx, const config* settings, uuid viewer, const library::list& which, const library::cursor& from,
                 std::optional<uuid> chosen) {
  inbox out;
  out.queue = library::browse(tx, viewer, which, from, page_size);
  std::vector<uuid> ids;
  for (const library::book& b : out.queue.books) ids.push_back(b.id);
  out.notes = library::queue_notes(tx, ids);
  if (chosen) out.book = library::find_book(tx, viewer, *chosen);
  if (!waits(out.book)) out.book = out.queue.books.empty() ? std::nullopt : std::optional(out.queue.books.front());
  if (!out.book) return out;
  out.note = library::queue_notes(tx, {out.book->id}).front();
  out.known = library::compare(tx, out.book->id, library::least_shown(*settings)).value_or(library::comparison{});
  out.duplicates = load_duplicates_of(tx, viewer, out.book->id);
  if (out.duplicates.empty() && out.book->possible_duplicate_of) {
    std::optional<possible_duplicate> pair = compare_books(tx, viewer, out.book->id, *out.book->possible_duplicate_of);
    if (pair && pair->pair.kind.empty()) pair->pair.kind = "similar";
    if (pair) out.duplicates.push_back(std::move(*pair));
  }
  return out;
}

// The place in the queue that this request shows, so that going on stays on its page.
std::string place_of(const http::request& in) {
  for (const char* name : {"after", "before"}) {
    std::string token = in.query(name).value_or("");
    if (!token.empty()) return "&" + std::string(name) + "=" + percent_encode(token);
  }
  return "";
}

std::string path_to(const uuid& book, const std::string& place) { return "/review?book=" + book.text() + place; }

std::string after_this(const inbox& data, const std::string& place) {
  const std::vector<library::book>& books = data.queue.books;
  auto here = std::find_if(books.begin(), books.end(), [&](const library::book& b) { return b.id == data.book->id; });
  if (here != books.end() && here + 1 != books.end()) return path_to((here + 1)->id, place);
  return "/review";
}

std::vector<view> queue_views(const visit& v, const inbox& data, const std::string& place) {
  std::vector<view> out;
  for (std::size_t i = 0; i < data.queue.books.size(); ++i) {
    const library::book& b = data.queue.books[i];
    view one = card(v.say, b);
    one.set("queue_href", v.href(path_to(b.id, place))).set("chosen", data.book && data.book->id == b.id);
    one.set("choose_words", v.say.say("review.choose", {{"title", b.title}}));
    one.set("sure", sure_words(v.say, data.notes[i])).set("doubtful", b.possible_duplicate_of.has_value());
    one.set("odd", static_cast<int>(data.notes[i].warnings.size()) > 0);
    one.set("queue_reasons", first_reason(v.say, data.notes[i]));
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<view> file_views(const visit& v, const inbox& data) {
  std::vector<view> out;
  for (const library::book_file& f : data.book->files) {
    view one;
    one.set("format", format_name(v.say, f)).set("size", size_text(v.say, f.size)).set("original_name", f.original_name);
    std::string place = library::destination_of(f);
    one.set("place", place.empty() ? v.say.text("review.place_none") : place).set("final_name", f.download_name);
    out.push_back(std::move(one));
  }
  return out;
}

void fill_item(const visit& v, const inbox& data, const std::string& place, view& out) {
  const library::book& b = *data.book;
  fill_comparison(v, b.id, data.known, out);
  std::string came = "review.came." + data.note.came_by;
  out.set("book_title", b.title).set("author", names_of(v.say, b.authors)).set("files", file_views(v, data));
  out.set("sure", sure_words(v.say, data.note)).set("warnings", warning_views(v.say, data.note.warnings));
  out.set("came", v.say.has(came) ? v.say.text(came) : "").set("came_as", data.note.came_as);
  std::string next = after_this(data, place);
  fill_duplicates(v, data.duplicates, next, out);
  out.set("next_path", next).set("next_href", v.href(next)).set("here", path_to(b.id, place)).set("reviewing", true);
}

}  // namespace

answer review_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  library::list which;
  which.what = library::list::of::waiting;
  library::cursor from = cursor_of(c.in, which.token_name());
  std::optional<uuid> chosen = id_of(c.in.query("book"));
  const config* settings = &at.with.settings;
  inbox data = co_await at.with.pool.snapshot(load_inbox, settings, v.id(), which, from, chosen);

  std::string place = place_of(c.in);
  view out;
  out.set("books", queue_views(v, data, place)).set("item", data.book.has_value());
  out.set("pager", pager(c.in, which.token_name(), data.queue.previous, data.queue.next));
  if (data.book) fill_item(v, data, place, out);
  co_return show(v, {v.say.text("nav.inbox"), "inbox"}, "review", std::move(out));
}

}  // namespace carrel::web
