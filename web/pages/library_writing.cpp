// `/libraries/{id}/write-back`: what a managed library writes into its files or beside them (product.md 3.2).

#include "publication/side_file.hpp"
#include "web/format.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"
#include "web/reachable_libraries.hpp"

namespace carrel::web {
namespace {

constexpr int page_size = 50;

struct writing {
  std::optional<library::book_library> is;
  library::write_choice choice;
  library::write_counts counts;
  std::vector<library::unwritten_book> unwritten;  // one more than a page
};

writing load_writing(db::tx& tx, const uuid& viewer, const uuid& id, const std::optional<uuid>& after) {
  writing out;
  out.is = reachable_library(tx, viewer, id);
  if (!out.is || library::refuses_write(*out.is)) return out;
  out.choice = library::find_write_choice(tx, id);
  out.counts = library::count_written(tx, *out.is);
  out.unwritten = library::unwritten_books(tx, viewer, id, after, page_size + 1);
  return out;
}

struct typed_choice {
  library::write_choice choice;
  std::optional<library::write_preview> seen;
  form_errors wrong;
};

void need_writing(const visit& v, const std::optional<library::book_library>& l) {
  if (!l || !v.at.with.libraries.set_writing) not_here(v);
  if (std::optional<error> why = library::refuses_write(*l))
    throw http::problem{409, v.say.text("write." + why->field.substr(why->field.find('.') + 1)), why->field};
}

void show_choice(const visit& v, const library::write_choice& c, view& out) {
  std::vector<view> places, fields;
  for (const char* where : {"off", "side", "files"}) {
    view one;
    one.set("where", where).set("where_words", v.say.text(std::string("write.where.") + where));
    places.push_back(one.set("chosen", c.on() ? c.where == where : std::string_view(where) == "off"));
  }
  for (std::string_view field : publication::writable_fields) {
    view one;
    one.set("field", field).set("field_words", v.say.text("write.field." + std::string(field)));
    fields.push_back(one.set("chosen", !c.on() || c.writes(field)));
  }
  out.set("places", places).set("fields", fields);
}

void show_preview(const visit& v, const library::write_preview& p, view& out) {
  auto number = [&](std::int64_t n) { return v.say.number(n); };
  std::vector<view> lines;
  for (const library::write_preview::line& l : p.lines) {
    view one;
    one.set("line_title", l.title).set("line_href", v.href("/books/" + l.book.text())).set("path", l.path);
    lines.push_back(one.set("how", v.say.text("write.how." + l.how)));
  }
  view seen;
  seen.set("foreseen",
           v.say.say("write.foreseen", {{"books", number(p.books)}, {"files", number(p.files)}, {"beside", number(p.beside)}}));
  seen.set("foreseen_held", p.held > 0 ? v.say.say("write.foreseen_held", {{"held", number(p.held)}}) : std::string());
  out.set("preview", std::move(seen)).set("lines", lines);
}

void show_unwritten(const visit& v, const writing& w, const std::optional<uuid>& after, view& out) {
  std::vector<view> books;
  for (std::size_t i = 0; i < std::min<std::size_t>(w.unwritten.size(), page_size); ++i) {
    const library::unwritten_book& b = w.unwritten[i];
    view one;
    one.set("book_title", b.title).set("book_href", v.href("/books/" + b.book.text()));
    one.set("problem", refusal_text(v.say, b.problem)).set("detail", b.problem == "kobo_holds" ? std::string() : b.detail);
    books.push_back(one.set("when", moment(v.say, b.since)));
  }
  bool more = w.unwritten.size() > page_size;
  view pages;
  pages.set("previous", after ? v.href("/libraries/" + w.is->id.text() + "/write-back") : std::string());
  pages.set("next", more ? query_with(v.c.in, "after", w.unwritten[page_size - 1].book.text()) : std::string());
  out.set("unwritten", books).set("pager", std::move(pages));
}

task<http::response> writing_answer(const site& at, visit v, uuid id, std::optional<typed_choice> typed) {
  std::optional<uuid> after = id_of(v.c.in.query("after"));
  writing w = co_await at.with.pool.read(load_writing, v.id(), id, after);
  need_writing(v, w.is);
  view out;
  out.set("library", id.text()).set("name", w.is->name).set("root", w.is->root).set("is_on", w.choice.on());
  show_choice(v, typed ? typed->choice : w.choice, out);
  auto number = [&](const char* name, std::int64_t n) { out.set(name, v.say.number(n)); };
  number("written", w.counts.written);
  number("waiting", w.counts.waiting);
  number("held", w.counts.held);
  number("failed", w.counts.failed);
  show_unwritten(v, w, after, out);
  out.set("preview", false).set("lines", std::vector<view>{});
  form_errors none;
  (typed ? typed->wrong : none).fill(out);
  if (typed && typed->seen) show_preview(v, *typed->seen, out);
  bool wrong = typed && !typed->wrong.empty();
  co_return show(v, {w.is->name, "libraries"}, "library_writing", std::move(out), wrong ? 422 : 200);
}

// As the form says it, or as the undo form of the bar.
result<library::write_choice> choice_in(const http::form& in) {
  if (!in.has("choice")) return library::write_choice_of(in.text("where"), in.all("field"));
  std::optional<library::write_choice> before = library::write_choice_from_text(in.text("choice"));
  return before ? result<library::write_choice>(*before) : error{"library.write_where", "no such choice"};
}

}  // namespace

answer library_writing_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  uuid id = id_param(c, "id");
  std::optional<typed_choice> as_it_is;
  co_return co_await writing_answer(at, v, id, std::move(as_it_is));
}

answer library_writing(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  uuid id = id_param(c, "id");
  std::optional<library::book_library> l = co_await at.with.pool.read(reachable_library, v.id(), id);
  need_writing(v, l);
  http::form in(c.in);
  result<library::write_choice> wanted = choice_in(in);
  std::optional<typed_choice> typed;
  typed.emplace();
  if (!wanted) {
    typed->choice.where = in.text("where") == "files" ? "files" : "side";
    typed->wrong.add("field", v.say.text("write." + wanted.error().field.substr(wanted.error().field.find('.') + 1)));
    co_return co_await writing_answer(at, v, id, std::move(typed));
  }
  if (in.text("step") == "preview") {
    typed->choice = *wanted;
    result<library::write_preview> seen = co_await at.with.cpu.run(at.with.libraries.foresee_writing, id, *wanted);
    if (!seen) not_here(v);
    typed->seen = std::move(*seen);
    co_return co_await writing_answer(at, v, id, std::move(typed));
  }
  library::actor who = v.actor();
  result<library::write_choice> before = co_await at.with.cpu.run(at.with.libraries.set_writing, id, *wanted, who);
  if (!before) not_here(v);
  std::string taken_back = library::to_text(*before);
  co_return done(v, "/libraries/" + id.text() + "/write-back", "library.write_back", id.text(), taken_back);
}

}  // namespace carrel::web
