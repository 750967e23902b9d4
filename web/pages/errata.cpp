// `/errata`: one card per kind, each thing with its remedy (product.md 4.9).

#include "web/errata.hpp"

#include <algorithm>

#include "library/catalog_details.hpp"
#include "library/catalog_lists.hpp"
#include "library/source.hpp"
#include "server/core/text.hpp"
#include "web/asking.hpp"
#include "web/format.hpp"
#include "web/pages/duplicates.hpp"
#include "web/pages/errata_list.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

std::vector<view> document_views(const visit& v, const std::vector<library::unknown_document>& documents) {
  std::vector<view> out;
  for (const library::unknown_document& d : documents) {
    view one;
    std::string title = !d.title.empty() ? d.title : d.file_name;
    one.set("document", d.document).set("doc_title", title.empty() ? d.document : title).set("authors", d.authors);
    one.set("doc_id", title.empty() ? "" : d.document).set("device", d.device).set("percent", percent_text(v.say, d.percentage));
    one.set("when", moment(v.say, d.at));
    std::vector<view> suggestions;
    for (const library::suggestion& s : d.suggestions) {
      view choice;
      choice.set("book", s.book.text()).set("book_title", s.title).set("score", percent_text(v.say, s.score));
      suggestions.push_back(choice);
    }
    one.set("suggestions", suggestions).set("choose_href", v.href("/documents/link?document=" + percent_encode(d.document)));
    out.push_back(one);
  }
  return out;
}

std::vector<view> held_views(const visit& v, const std::vector<held_position>& held) {
  std::vector<view> out;
  for (const held_position& h : held) {
    view one;
    one.set("row", h.row.id.text()).set("doc_title", h.title.empty() ? h.row.document : h.title).set("device", h.row.device);
    one.set("percent", percent_text(v.say, h.row.percentage)).set("when", moment(v.say, h.row.at));
    one.set("now_device", h.now_device).set("now_percent", percent_text(v.say, h.now_percentage));
    one.set("book_href", h.row.book ? v.href("/books/" + h.row.book->text() + "#positions") : "");
    out.push_back(one);
  }
  return out;
}

std::vector<view> job_views(const visit& v, const std::vector<failed_job>& jobs) {
  std::vector<view> out;
  for (const failed_job& j : jobs) {
    view one;
    one.set("job", j.id.text()).set("kind", v.say.has("job." + j.kind) ? v.say.text("job." + j.kind) : j.kind);
    one.set("detail", j.error).set("when", moment(v.say, j.since));
    out.push_back(one);
  }
  return out;
}

void set_libraries(const visit& v, const library_errata& found, view& out) {
  std::vector<view> folders, places, damaged, unmoved, unwritten;
  for (const away_folder& f : found.folders) {
    view one;
    one.set("library", f.library.text()).set("name", f.name).set("root", f.root).set("detail", refusal_text(v.say, f.code));
    folders.push_back(one.set("when", moment(v.say, f.since)));
  }
  for (const unread_place& p : found.places) {
    view one;
    one.set("place", p.id.text()).set("library", p.library.text()).set("library_name", p.library_name).set("name", p.name);
    one.set("detail", refusal_text(v.say, p.code)).set("code", p.code);
    places.push_back(one.set("when", moment(v.say, p.since)));
  }
  for (const damaged_file& f : found.damaged) {
    view one;
    one.set("file", f.file.text()).set("book", f.book.text()).set("book_title", f.title).set("name", f.name);
    one.set("book_href", v.href("/books/" + f.book.text() + "#files"));
    damaged.push_back(one.set("when", moment(v.say, f.since)));
  }
  for (const unmoved_book& b : found.unmoved) {
    view one;
    one.set("book_title", b.title)
        .set("book_href", v.href("/books/" + b.book.text()))
        .set("problem", refusal_text(v.say, b.problem));
    unmoved.push_back(one.set("when", moment(v.say, b.since)));
  }
  for (const unmoved_book& b : found.unwritten) {
    view one;
    one.set("book_title", b.title).set("book_href", v.href("/books/" + b.book.text()));
    one.set("problem", refusal_text(v.say, b.problem)).set("path", b.path);
    unwritten.push_back(one.set("when", moment(v.say, b.since)));
  }
  out.set("folders", folders).set("places", places).set("damaged", damaged).set("unmoved", unmoved).set("unwritten", unwritten);
  out.set("may_look", static_cast<bool>(v.at.with.libraries.look_again));
  out.set("may_again", static_cast<bool>(v.at.with.libraries.read_again));
}

std::vector<view> drift_views(const visit& v, const std::vector<library::drift>& all) {
  std::vector<view> out;
  for (const library::drift& d : all) {
    view one;
    one.set("device", d.device.text()).set("device_name", d.device_name).set("book_title", d.title);
    one.set("book", d.book ? d.book->text() : "").set("words", v.say.text("kobo.doubt." + d.doubt.reason));
    one.set("when", moment(v.say, d.doubt.since)).set("may_send", d.book.has_value() && d.doubt.reason != "ghost");
    out.push_back(one);
  }
  return out;
}

std::vector<view> guarded_views(const visit& v, const std::vector<library::guarded_device>& all) {
  std::vector<view> out;
  for (const library::guarded_device& d : all) {
    view one;
    one.set("device", d.device.text()).set("device_name", d.name).set("words", v.say.count("kobo.guarded", d.books));
    one.set("when", moment(v.say, d.since));
    out.push_back(one);
  }
  return out;
}

std::vector<view> unsuitable_views(const visit& v, const std::vector<unsuitable_item>& all) {
  std::vector<view> out;
  for (const unsuitable_item& u : all) {
    view one;
    one.set("device", u.device.text()).set("device_name", u.device_name).set("book", u.book.book.text());
    one.set("book_title", u.book.title).set("words", v.say.text("kobo.unsuitable." + u.book.reason));
    out.push_back(one);
  }
  return out;
}

std::vector<view> unconverted_views(const visit& v, const std::vector<unconverted_book>& all) {
  std::vector<view> out;
  for (const unconverted_book& u : all) {
    view one;
    one.set("book_title", u.title).set("book_href", v.href("/books/" + u.book.text() + "#files"));
    one.set("words", refusal_text(v.say, u.code)).set("exactly", u.detail).set("when", moment(v.say, u.since));
    out.push_back(one);
  }
  return out;
}

bool settle(db::tx& tx, uuid user, uuid row, bool accept) { return library::settle_held(tx, user, row, accept); }

answer settle_position(const site& at, http::context& c, bool accept, std::string_view act) {
  visit v = co_await visit_of(at, c);
  uuid row = id_param(c, "row");
  bool settled = co_await at.with.pool.write(settle, v.id(), row, accept);
  if (!settled) not_here(v);
  if (accept) places_changed(at);
  co_return done(v, "/errata", act);
}

answer dismiss_item(const site& at, http::context& c, bool dismissed, std::string_view act) {
  visit v = co_await visit_of(at, c);
  uuid item = id_param(c, "id");
  bool all = v.may(library::capability::see_all_errata);
  bool changed = co_await at.with.pool.write(set_dismissed, v.id(), all, item, dismissed);
  if (!changed) not_here(v);
  co_return done(v, "/errata", act, item.text());
}

// ---- the cards ---------------------------------------------------------------------------------------------------------

constexpr int shown_of_kind = 50;

struct board {
  errata found;
  errata_sizes sizes;
  std::vector<quiet_kind> quiet;
  bool may_ask = false;  // metadata sources
};

template <class T>
errata_size size_of(const std::vector<T>& all) {
  errata_size out{.count = static_cast<std::int64_t>(all.size()), .oldest = {}};
  for (const T& one : all) out.oldest = out.oldest ? std::min(*out.oldest, one.since) : one.since;
  return out;
}

template <class T>
errata_size cut_to_shown(std::vector<T>& all) {
  errata_size size = size_of(all);
  if (all.size() > shown_of_kind) all.erase(all.begin() + shown_of_kind, all.end());
  return size;
}

board load_board(db::tx& tx, uuid viewer, bool everybody, bool jobs, const config* c) {
  board out;
  out.found = load_errata(tx, viewer, everybody, jobs, shown_of_kind);
  out.sizes = sizes_of_errata(tx, viewer, everybody, jobs);
  out.sizes["unsuitable"] = cut_to_shown(out.found.unsuitable);
  out.sizes["unconverted"] = cut_to_shown(out.found.unconverted);
  out.sizes["metadata"] = out.found.metadata.size;
  out.quiet = quiet_kinds(tx, viewer);
  out.may_ask = everybody && !library::read_plan(tx, *c).asked().empty();
  return out;
}

// What stands above the list of a kind; nothing when there is none.
void fill_card(const visit& v, const board& all, const std::string& kind, view& out) {
  auto at = all.sizes.find(kind);
  out.set("card_" + kind, false);
  if (at == all.sizes.end() || at->second.count == 0) return;
  view card;
  card.set("card_kind", kind)
      .set("card_title", v.say.text("errata." + kind))
      .set("card_about", v.say.text("errata." + kind + "_about"));
  card.set("card_size", v.say.number(at->second.count));
  bool on_pages = (kind == "failed" || kind == "missing") && at->second.count > shown_of_kind;
  card.set("card_all", on_pages ? v.href("/errata/kinds/" + kind) : std::string());
  moment(v.say, at->second.oldest, card, "card_oldest");
  out.set("card_" + kind, std::move(card));
}

std::vector<view> missing_metadata_views(const visit& v, const board& all) {
  std::vector<view> out;
  for (const missing_field& m : all.found.metadata.fields) {
    view one;
    one.set("field", m.field).set("field_words", v.say.text("filter.missing." + m.field)).set("books", v.say.number(m.books));
    one.set("books_href", v.href("/books?missing=" + m.field));
    out.push_back(one);
  }
  return out;
}

std::vector<view> highlight_views(const visit& v, const std::vector<unplaced_highlights>& all) {
  std::vector<view> out;
  for (const unplaced_highlights& h : all) {
    view one;
    one.set("content", h.title.empty() ? h.content : h.title).set("when", moment(v.say, h.since));
    one.set("words", v.say.count(h.unreadable ? "errata.highlights_unreadable" : "errata.highlights_no_book", h.count));
    out.push_back(one);
  }
  return out;
}

std::vector<view> quiet_views(const visit& v, const std::vector<quiet_kind>& all) {
  std::vector<view> out;
  for (const quiet_kind& q : all) {
    view one;
    one.set("quiet_id", q.id.text()).set("quiet_title", v.say.text("errata." + q.kind)).set("note", q.note);
    one.set("when", moment(v.say, q.made_at)).set("ignored", !q.until);
    if (q.until) one.set("until", moment(v.say, *q.until).set("words", date_text(v.say, rfc3339(*q.until).substr(0, 10))));
    out.push_back(one);
  }
  return out;
}

bool is_kind(const std::string& kind) { return std::find(errata_kinds.begin(), errata_kinds.end(), kind) != errata_kinds.end(); }

std::string kind_param(const visit& v) {
  std::string kind(v.c.in.param("kind"));
  if (!is_kind(kind)) not_here(v);
  return kind;
}

// As many as one act asks about.
constexpr int asked_at_once = 10'000;

bool ask_about_missing(db::tx& tx, const config* c, uuid viewer, const std::string& field) {
  library::filter f{.status = "organized"};
  if (!library::set_detail(f, "missing", field)) return false;
  return ask_about_books(tx, *c, library::matching_ids(tx, viewer, f, {}, asked_at_once), viewer).has_value();
}

}  // namespace

answer errata_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  bool everybody = v.may(library::capability::see_all_errata), jobs = v.may(library::capability::run_jobs);
  const config* settings = &at.with.settings;
  board all = co_await at.with.pool.snapshot(load_board, v.id(), everybody, jobs, settings);
  const errata& found = all.found;

  view out;
  out.set("items", item_views(v, found.items, static_cast<bool>(at.with.retry_ingest)))
      .set("documents", document_views(v, found.documents));
  out.set("held", held_views(v, found.held)).set("jobs", job_views(v, found.jobs));
  out.set("missing", missing_views(v, found.missing));
  out.set("drift", drift_views(v, found.drift)).set("guarded", guarded_views(v, found.guarded));
  out.set("unsuitable", unsuitable_views(v, found.unsuitable)).set("unconverted", unconverted_views(v, found.unconverted));
  fill_duplicates(v, found.duplicates, "/errata", out);
  set_libraries(v, found.libraries, out);
  out.set("fields", missing_metadata_views(v, all)).set("highlights", highlight_views(v, found.highlights));
  out.set("may_ask", all.may_ask && v.may(library::capability::curate)).set("quiet", quiet_views(v, all.quiet));
  bool any = false;
  for (const char* kind : errata_kinds) {
    fill_card(v, all, kind, out);
    any = any || all.sizes[kind].count > 0;
  }
  out.set("nothing", !any);
  co_return show(v, {v.say.text("nav.errata"), "errata"}, "errata", std::move(out));
}

answer errata_put_off(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  std::string kind = kind_param(v);
  http::form form(c.in);
  std::string text = form.text("days");
  if (text != "1" && text != "7" && text != "30") not_here(v);
  int days = static_cast<int>(to_integer(text).value_or(1));
  uuid made = co_await at.with.pool.write(put_off_errata, v.id(), kind, days, v.actor());
  co_return done(v, "/errata", "errata.put_off", made.text());
}

answer errata_ignore(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  std::string kind = kind_param(v);
  http::form form(c.in);
  std::string note(trim(form.text("note")));
  uuid made = co_await at.with.pool.write(ignore_errata, v.id(), kind, note, v.actor());
  co_return done(v, "/errata", "errata.ignored", made.text());
}

answer errata_show_again(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid quiet = id_param(c, "id");
  bool gone = co_await at.with.pool.write(show_errata_again, v.id(), quiet, v.actor());
  if (!gone) not_here(v);
  co_return done(v, "/errata", "undone");
}

answer errata_ask(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  http::form form(c.in);
  std::string field = form.text("field");
  const config* settings = &at.with.settings;
  bool asked = co_await at.with.pool.write(ask_about_missing, settings, v.id(), field);
  std::string_view act = asked ? "source.fetch" : "source.nothing";
  co_return done(v, "/errata", act);
}

answer errata_dismiss(const site& at, http::context& c) { return dismiss_item(at, c, true, "errata.dismissed"); }
answer errata_undismiss(const site& at, http::context& c) { return dismiss_item(at, c, false, "undone"); }

answer errata_retry(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid item = id_param(c, "id");
  bool all = v.may(library::capability::see_all_errata);
  bool sees = co_await at.with.pool.read(sees_item, v.id(), all, item);
  if (!sees || !at.with.retry_ingest) not_here(v);
  bool started = co_await at.with.cpu.run(at.with.retry_ingest, item);
  if (!started) throw http::problem{409, v.say.text("errata.nothing_to_retry"), "nothing_to_retry"};
  co_return done(v, "/errata", "errata.retried");
}

answer position_accept(const site& at, http::context& c) { return settle_position(at, c, true, "position.accepted"); }
answer position_dismiss(const site& at, http::context& c) { return settle_position(at, c, false, "position.dismissed"); }

}  // namespace carrel::web
