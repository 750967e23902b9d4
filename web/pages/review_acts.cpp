// What becomes of books that wait: approved together, rejected, and approvals taken back.

#include <algorithm>

#include "library/review.hpp"
#include "server/core/log.hpp"
#include "web/format.hpp"
#include "web/pages/compare.hpp"
#include "web/pages/curating.hpp"
#include "web/pages/parts.hpp"
#include "web/pages/review_words.hpp"

namespace carrel::web {
namespace {

constexpr std::size_t most_at_once = 200;
constexpr std::size_t page_size = 50;

std::vector<uuid> chosen_books(const http::form& form) {
  std::vector<uuid> out;
  for (const std::string& text : form.all(form.has("page") ? "listed" : "book")) {
    std::optional<uuid> id = uuid::parse(text);
    bool known = !id || std::find(out.begin(), out.end(), *id) != out.end();
    if (!known && out.size() < most_at_once) out.push_back(*id);
  }
  return out;
}

struct plan {
  std::vector<library::book> books;
  std::vector<library::queue_note> notes;
  std::vector<library::book> others;  // that they may be duplicates of
};

plan load_plan(db::tx& tx, uuid viewer, const std::vector<uuid>& ids) {
  plan out;
  out.books = library::load_books(tx, viewer, ids);
  std::erase_if(out.books, [](const library::book& b) { return b.status == "organized"; });
  std::vector<uuid> waiting, others;
  for (const library::book& b : out.books) {
    waiting.push_back(b.id);
    if (b.possible_duplicate_of) others.push_back(*b.possible_duplicate_of);
  }
  out.notes = library::queue_notes(tx, waiting);
  out.others = library::load_books(tx, viewer, others);
  return out;
}

std::vector<view> plan_views(const visit& v, const plan& p) {
  std::vector<view> out;
  for (std::size_t i = 0; i < p.books.size(); ++i) {
    const library::book& b = p.books[i];
    view one;
    one.set("book", b.id.text()).set("book_title", b.title).set("author", names_of(v.say, b.authors));
    std::vector<view> lines = warning_views(v.say, p.notes[i].warnings);
    for (const library::book& other : p.others) {
      if (b.possible_duplicate_of != other.id) continue;
      view line;
      line.set("warning", v.say.say("approval.duplicate", {{"other", other.title}}));
      lines.push_back(line);
    }
    std::vector<view> files;
    for (const library::book_file& f : b.files) {
      view file;
      file.set("file_words", v.say.say("approval.file", {{"name", f.download_name}, {"place", library::destination_of(f)}}));
      files.push_back(file);
    }
    one.set("warnings", lines).set("files", files).set("sure", sure_words(v.say, p.notes[i]));
    out.push_back(std::move(one));
  }
  return out;
}

enum class fate { done, already, gone, failed };

// One book in a transaction of its own: what fails here stops no other.
task<fate> approve_one(const site& at, uuid viewer, uuid book, library::actor who) {
  try {
    library::approval outcome = co_await at.with.pool.write(library::approve_waiting, viewer, book, who);
    co_return outcome == library::approval::done ? fate::done
    : outcome == library::approval::already      ? fate::already
                                                 : fate::gone;
  } catch (const db::failure& f) {
    log::error("review.approve", {{"book", book}, {"error", f.what()}});
  }
  co_return fate::failed;
}

std::string fate_words(const messages& say, fate f) {
  return say.text(f == fate::done      ? "approval.end.done"
                  : f == fate::already ? "approval.end.already"
                  : f == fate::gone    ? "approval.end.gone"
                                       : "approval.end.failed");
}

view result_view(const visit& v, const uuid& id, const plan& p, fate f) {
  auto known = std::find_if(p.books.begin(), p.books.end(), [&](const library::book& b) { return b.id == id; });
  view out;
  out.set("book", id.text()).set("book_title", known == p.books.end() ? id.text() : known->title);
  out.set("result", fate_words(v.say, f)).set("good", f == fate::done).set("there", f == fate::done || f == fate::already);
  return out;
}

http::response show_plan(const visit& v, const plan& p) {
  view out;
  out.set("books", plan_views(v, p)).set("about", v.say.count("approval.about", static_cast<std::int64_t>(p.books.size())));
  std::string title = v.say.text("approval.title");
  out.set("heading", title).set("asking", true);
  return show(v, {title, "inbox"}, "review_approve", std::move(out));
}

int reject_visible(db::tx& tx, uuid viewer, uuid id, const library::actor& who) {
  return library::find_book(tx, viewer, id) ? library::reject_waiting(tx, {id}, who) : 0;
}

bool unapprove_visible(db::tx& tx, uuid viewer, uuid id, const library::actor& who) {
  return library::find_book(tx, viewer, id) && library::unapprove_book(tx, id, who);
}

}  // namespace

std::string sure_words(const messages& say, const library::queue_note& note) {
  if (note.source.empty()) return say.text("review.no_source");
  std::string percent = percent_text(say, std::clamp(note.confidence, 0.0, 1.0));
  return say.say("review.by_source", {{"percent", percent}, {"source", source_words(say, note.source)}});
}

std::string first_reason(const messages& say, const library::queue_note& note) {
  return note.reasons.empty() ? std::string() : reason_words(say, note.reasons.front());
}

std::vector<view> warning_views(const messages& say, const std::vector<publication::warning>& warnings) {
  std::vector<view> out;
  for (const publication::warning& w : warnings) {
    std::string key = "warning." + w.code;
    view one;
    one.set("warning", say.has(key) ? say.text(key) : say.say("warning.other", {{"code", w.code}}));
    out.push_back(one);
  }
  return out;
}

answer review_approve(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  http::form form(c.in);
  std::vector<uuid> ids = chosen_books(form);
  if (ids.empty()) co_return done(v, "/review", "review.nothing");
  plan p = co_await at.with.pool.snapshot(load_plan, v.id(), ids);
  if (!form.has("confirm")) co_return show_plan(v, p);

  std::vector<view> results;
  std::int64_t good = 0;
  for (const uuid& id : ids) {
    fate f = co_await approve_one(at, v.id(), id, v.actor());
    good += f == fate::done ? 1 : 0;
    results.push_back(result_view(v, id, p, f));
  }
  std::int64_t rest = static_cast<std::int64_t>(ids.size()) - good;
  view out;
  std::string title = v.say.text("approval.done_title");
  out.set("results", results).set("heading", title).set("asking", false).set("about", v.say.count("approval.done", good));
  out.set("not_done", rest > 0 ? v.say.count("approval.not_done", rest) : "");
  co_return show(v, {title, "inbox"}, "review_approve", std::move(out));
}

answer review_reject(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  int changed = co_await at.with.pool.write(reject_visible, v.id(), id, v.actor());
  if (changed == 0) not_here(v);
  co_return done(v, back_path(form, "/review"), "book.rejected", id.text());
}

answer book_unapprove(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::optional<library::book> book = co_await at.with.pool.read(library::find_book, v.id(), id);
  if (!book) not_here(v);
  bool back = co_await at.with.pool.write(unapprove_visible, v.id(), id, v.actor());
  if (!back) throw http::problem{409, "This cannot be taken back any more.", "too_late"};
  co_return done(v, way_back(form, id, "/review"), "book.unapproved", id.text());
}

answer lately_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  std::optional<uuid> after = id_of(c.in.query("after"));
  std::vector<library::approved_book> found =
      co_await at.with.pool.read(library::approved_lately, v.id(), after, static_cast<int>(page_size) + 1);
  bool more = found.size() > page_size;
  if (more) found.resize(page_size);
  std::vector<view> books;
  for (const library::approved_book& b : found) {
    view one;
    one.set("book", b.book.text())
        .set("book_title", b.title)
        .set("author", b.author)
        .set("person", b.by)
        .set("when", moment(v.say, b.at));
    books.push_back(one);
  }
  view out, pages;
  pages.set("previous", "").set("next", more ? "?after=" + found.back().entry.text() : std::string());
  out.set("books", books).set("pager", pages);
  co_return show(v, {v.say.text("lately.title"), "inbox"}, "lately", std::move(out));
}

}  // namespace carrel::web
