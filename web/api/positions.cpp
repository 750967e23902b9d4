#include "library/position.hpp"

#include <algorithm>

#include "library/book.hpp"
#include "library/document.hpp"
#include "web/api/call.hpp"
#include "web/errata.hpp"
#include "web/format.hpp"

namespace carrel::web {
namespace {

json::object position_json(const library::position_row& p) {
  return {
      {"id", p.id},         {"document", p.document}, {"book", p.book}, {"percentage", p.percentage}, {"progress", p.progress},
      {"device", p.device}, {"source", p.source},     {"at", p.at},     {"current", p.current},       {"accepted", p.accepted},
      {"waits", p.waits()}, {"quality", p.quality}};
}

struct history {
  bool visible = false;
  std::vector<library::position_row> rows;
};

constexpr int most_rows = 5000;

history load_history(db::tx& tx, uuid user, uuid book) {
  history out;
  out.visible = library::find_book(tx, user, book).has_value();
  if (out.visible) out.rows = library::positions_of_book(tx, user, book, most_rows);
  return out;
}

std::optional<library::position_row> restore(db::tx& tx, uuid user, uuid book, uuid row) {
  for (const library::position_row& p : library::positions_of_book(tx, user, book, most_rows)) {
    if (p.id == row) return library::restore_position(tx, user, row);
  }
  return std::nullopt;
}

json::object unknown_json(const library::unknown_document& d) {
  json::array suggestions;
  for (const library::suggestion& s : d.suggestions)
    suggestions.push_back(json::object{{"book", s.book}, {"title", s.title}, {"score", s.score}});
  json::object out{{"document", d.document}, {"device", d.device}, {"percentage", d.percentage}, {"at", d.at}};
  out.set("title", d.title.empty() ? json::value() : json::value(d.title));
  out.set("filename", d.file_name.empty() ? json::value() : json::value(d.file_name));
  out.set("suggestions", std::move(suggestions));
  return out;
}

struct issue {
  place where;
  json::object shown;
};

issue issue_of(const char* kind, std::string id, instant since, std::string title, std::string detail, json::object refs,
               json::array actions) {
  place where{0, since, id};
  return {std::move(where),
          {{"kind", kind},
           {"id", std::move(id)},
           {"since", since},
           {"title", std::move(title)},
           {"detail", std::move(detail)},
           {"refs", std::move(refs)},
           {"actions", std::move(actions)}}};
}

std::string held_detail(const messages& say, const held_position& h) {
  std::string percent = percent_text(say, h.row.percentage), now = percent_text(say, h.now_percentage);
  const char* key = h.now_device.empty() ? "errata.held_alone" : "errata.held_detail";
  return say.say(key, {{"device", h.row.device}, {"percent", percent}, {"now_device", h.now_device}, {"now_percent", now}});
}

void add_library_issues(const messages& say, const library_errata& found, std::vector<issue>& out) {
  for (const away_folder& f : found.folders) {
    json::object refs{{"library", f.library}, {"path", f.root}, {"code", f.code}};
    out.push_back(issue_of("library_folder", f.library.text(), f.since, f.name, refusal_text(say, f.code), refs, {"scan"}));
  }
  for (const unread_place& p : found.places) {
    json::object refs{{"library", p.library}, {"path", p.name}, {"code", p.code}};
    if (!p.detail.empty()) refs.set("exactly", p.detail);
    out.push_back(issue_of("unread_file", p.id.text(), p.since, p.name, refusal_text(say, p.code), refs, {"retry", "dismiss"}));
  }
  for (const damaged_file& f : found.damaged) {
    json::object refs{{"book", f.book}, {"file", f.file}, {"path", f.name}};
    std::string detail = say.text("errata.damaged_detail");
    out.push_back(
        issue_of("damaged_file", f.file.text(), f.since, f.title, std::move(detail), std::move(refs), {"look", "trash"}));
  }
  for (const unmoved_book& b : found.unmoved)
    out.push_back(issue_of("unmoved_book", b.book.text(), b.since, b.title, refusal_text(say, b.problem),
                           {{"book", b.book}, {"code", b.problem}}, {}));
  for (const unmoved_book& b : found.unwritten)
    out.push_back(issue_of("unwritten_book", b.book.text(), b.since, b.title, refusal_text(say, b.problem),
                           {{"book", b.book}, {"code", b.problem}, {"path", b.path}}, {}));
}

// Newest first.
std::vector<issue> errata_items(const messages& say, const errata& found, bool may_retry) {
  std::vector<issue> out;
  for (const failed_item& f : found.items) {
    json::object refs{{"path", f.name}, {"code", f.code}};
    if (!f.detail.empty()) refs.set("exactly", f.detail);
    json::array actions{"dismiss"};
    if (may_retry && !f.imported) actions.insert(actions.begin(), "retry");
    out.push_back(issue_of("failed_ingest", f.id.text(), f.since, f.name, why_failed(say, f), refs, actions));
  }
  for (const held_position& h : found.held) {
    json::object refs{{"document", h.row.document}, {"device", h.row.device}, {"reason", h.row.reason}};
    refs.set("book", h.row.book);
    std::string detail = held_detail(say, h);
    out.push_back(issue_of("held_position", h.row.id.text(), h.row.at, h.title, detail, refs, {"accept", "dismiss"}));
  }
  for (const library::unknown_document& d : found.documents) {
    std::string title = d.title.empty() ? d.file_name : d.title;
    out.push_back(
        issue_of("unknown_document", d.document, d.at, title, "", {{"document", d.document}, {"device", d.device}}, {"link"}));
  }
  for (const missing_file& f : found.missing) {
    json::object refs{{"book", f.book}, {"file", f.file}, {"path", f.name}};
    std::string detail = say.text("errata.missing_detail");
    out.push_back(
        issue_of("missing_file", f.file.text(), f.since, f.title, std::move(detail), std::move(refs), {"look", "trash"}));
  }
  add_library_issues(say, found.libraries, out);
  for (const library::drift& d : found.drift) {
    json::object refs{{"book", d.book}, {"device", d.device}, {"reason", d.doubt.reason}};
    std::string id = d.row.text() + "." + d.entitlement.text() + "." + d.doubt.reason;
    json::array actions = d.doubt.reason == "ghost" ? json::array{} : json::array{"resend"};
    out.push_back(issue_of("drift", id, d.doubt.since, d.title, say.text("kobo.doubt." + d.doubt.reason), refs, actions));
  }
  for (const library::guarded_device& d : found.guarded) {
    json::object refs{{"device", d.device}, {"reason", "guard"}};
    out.push_back(issue_of("drift", d.device.text(), d.since, d.name, say.count("kobo.guarded", d.books), refs, {"agree"}));
  }
  for (const possible_duplicate& d : found.duplicates) {
    json::object refs{{"book", d.book.id}, {"other", d.other.id}, {"reason", d.pair.kind}, {"reasons", d.pair.reasons}};
    std::string id = d.book.id.text() + "." + d.other.id.text(),
                detail = say.say("errata.duplicate_detail", {{"title", d.other.title}});
    json::array actions = d.offer == "merge" ? json::array{"merge", "both"} : json::array{d.offer, "merge", "both"};
    out.push_back(issue_of("duplicate", id, d.pair.found_at, d.book.title, detail, std::move(refs), std::move(actions)));
  }
  for (const unconverted_book& u : found.unconverted) {
    json::object refs{{"book", u.book}, {"file", u.file}, {"code", u.code}};
    if (!u.detail.empty()) refs.set("exactly", u.detail);
    out.push_back(issue_of("unconverted", u.file.text(), u.since, u.title, refusal_text(say, u.code), std::move(refs), {}));
  }
  for (const unsuitable_item& u : found.unsuitable) {
    json::object refs{{"book", u.book.book}, {"device", u.device}, {"reason", u.book.reason}};
    std::string id = u.device.text() + "." + u.book.book.text(), detail = say.text("kobo.unsuitable." + u.book.reason);
    out.push_back(issue_of("unsuitable", id, u.since, u.book.title, std::move(detail), std::move(refs), {}));
  }
  for (const missing_field& m : found.metadata.fields) {
    json::object refs{{"field", m.field}, {"books", m.books}};
    instant since = found.metadata.size.oldest.value_or(instant{});
    std::string detail = say.count("errata.metadata_detail", m.books);
    out.push_back(issue_of("missing_metadata", m.field, since, m.field, std::move(detail), std::move(refs), {}));
  }
  for (const unplaced_highlights& h : found.highlights) {
    json::object refs{{"content", h.content}, {"reason", h.unreadable ? "unreadable" : "no_book"}};
    std::string detail = say.count(h.unreadable ? "errata.highlights_unreadable" : "errata.highlights_no_book", h.count);
    std::string id = h.content + (h.unreadable ? ".unreadable" : ".no_book");
    out.push_back(issue_of("unplaced_highlights", id, h.since, h.title, std::move(detail), std::move(refs), {}));
  }
  for (const failed_job& j : found.jobs) {
    out.push_back(issue_of("failed_job", j.id.text(), j.since, j.kind, j.error, {}, {"retry"}));
  }
  std::sort(out.begin(), out.end(), [](const issue& a, const issue& b) { return a.where.before(b.where); });
  return out;
}

std::vector<library::unknown_document> load_unknown(db::tx& tx, uuid user) { return library::unknown_documents(tx, user, 1000); }

}  // namespace

answer list_positions(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  uuid book = id_param(c, "id");
  history found = co_await at.with.pool.snapshot(load_history, who.id(), book);
  if (!found.visible) not_there();
  slice part = slice_of(c.in, "positions", found.rows.size());
  json::array items;
  for (std::size_t i = 0; i < part.count; ++i) items.push_back(position_json(found.rows[part.first + i]));
  co_return json_list(std::move(items), part.next);
}

answer restore_position(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  uuid book = id_param(c, "id"), row = id_param(c, "row");
  std::optional<library::position_row> restored = co_await at.with.pool.write(restore, who.id(), book, row);
  if (!restored) not_there();
  places_changed(at);
  co_return json_object(position_json(*restored));
}

answer list_unknown(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  std::vector<library::unknown_document> all = co_await at.with.pool.snapshot(load_unknown, who.id());
  slice part = slice_of(c.in, "unknown", all.size());
  json::array items;
  for (std::size_t i = 0; i < part.count; ++i) items.push_back(unknown_json(all[part.first + i]));
  co_return json_list(std::move(items), part.next);
}

answer put_document_book(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  std::string document(c.in.param("document")), text;
  json::object body = body_of(c);
  if (!body.take("book", text)) invalid("book: is missing");
  std::optional<uuid> book = uuid::parse(text);
  if (!book) not_there();
  bool linked = co_await at.with.pool.write(library::link_by_hand, who.id(), document, *book);
  if (!linked) not_there();
  places_changed(at);
  co_return json_object({{"document", document}, {"book", *book}, {"linked", 1}});
}

answer list_errata(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  bool all = who.may(library::capability::see_all_errata), jobs = who.may(library::capability::run_jobs);
  errata found = co_await at.with.pool.snapshot(load_errata, who.id(), all, jobs, 1000);
  std::vector<issue> items = errata_items(at.words.english(), found, static_cast<bool>(at.with.retry_ingest));
  std::vector<place> places;
  places.reserve(items.size());
  for (const issue& i : items) places.push_back(i.where);
  slice part = slice_after(c.in, "errata", places);
  json::array shown;
  for (std::size_t i = 0; i < part.count; ++i) shown.emplace_back(std::move(items[part.first + i].shown));
  co_return json_list(std::move(shown), part.next);
}

}  // namespace carrel::web
