// `/errata`: one card per kind, each thing with its remedy (product.md 4.9).

#include "web/errata.hpp"

#include "server/core/text.hpp"
#include "web/format.hpp"
#include "web/pages/duplicates.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

std::vector<view> item_views(const visit& v, const std::vector<failed_item>& items, bool may_retry) {
  std::vector<view> out;
  for (const failed_item& f : items) {
    view one;
    one.set("item", f.id.text()).set("name", f.name).set("code", f.code).set("kept", f.kept).set("when", moment(v.say, f.since));
    one.set("detail", why_failed(v.say, f)).set("exactly", detail_text(v.say, f.detail));
    one.set("imported", f.imported).set("may_retry", may_retry && !f.imported);
    out.push_back(one);
  }
  return out;
}

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

std::vector<view> missing_views(const visit& v, const std::vector<missing_file>& files) {
  std::vector<view> out;
  for (const missing_file& f : files) {
    view one;
    one.set("book_title", f.title).set("book_href", v.href("/books/" + f.book.text() + "#files"));
    one.set("name", f.name).set("when", moment(v.say, f.since)).set("file", f.file.text()).set("book", f.book.text());
    out.push_back(one);
  }
  return out;
}

void set_libraries(const visit& v, const library_errata& found, view& out) {
  std::vector<view> folders, places, damaged, unmoved;
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
  out.set("folders", folders).set("places", places).set("damaged", damaged).set("unmoved", unmoved);
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

}  // namespace

answer errata_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  bool all = v.may(library::capability::see_all_errata), jobs = v.may(library::capability::run_jobs);
  errata found = co_await at.with.pool.snapshot(load_errata, v.id(), all, jobs, 50);

  view out;
  out.set("items", item_views(v, found.items, static_cast<bool>(at.with.retry_ingest)))
      .set("documents", document_views(v, found.documents));
  out.set("held", held_views(v, found.held)).set("jobs", job_views(v, found.jobs));
  out.set("missing", missing_views(v, found.missing));
  out.set("drift", drift_views(v, found.drift)).set("guarded", guarded_views(v, found.guarded));
  out.set("unsuitable", unsuitable_views(v, found.unsuitable)).set("unconverted", unconverted_views(v, found.unconverted));
  fill_duplicates(v, found.duplicates, "/errata", out);
  set_libraries(v, found.libraries, out);
  out.set("any_kobo", !found.drift.empty() || !found.guarded.empty());
  out.set("nothing", found.items.empty() && found.documents.empty() && found.held.empty() && found.jobs.empty() &&
                         found.missing.empty() && found.drift.empty() && found.guarded.empty() && found.unsuitable.empty() &&
                         found.unconverted.empty() && found.duplicates.empty() && found.libraries.empty());
  co_return show(v, {v.say.text("nav.errata"), "errata"}, "errata", std::move(out));
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
