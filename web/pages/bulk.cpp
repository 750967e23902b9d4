// `/bulk`: one change of many books, from the choice of the books to the undo of all of it (product.md 2.6, 4.4).

#include "library/bulk.hpp"

#include "library/shelf.hpp"
#include "server/core/text.hpp"
#include "server/http/query.hpp"
#include "server/jobs/queue.hpp"
#include "web/bulk_jobs.hpp"
#include "web/format.hpp"
#include "web/pages/book_form.hpp"
#include "web/pages/bulk_pages.hpp"
#include "web/pages/table.hpp"

namespace carrel::web {
namespace {

constexpr int page_size = 50;

bool is_act(std::string_view act) { return act == "edit" || act == "shelf" || act == "trash" || act == "approve"; }

std::optional<error> choose(db::tx& tx, const uuid& run, const uuid& viewer, const choice& c) {
  if (c.all && c.all->shelf && !library::find_shelf(tx, viewer, *c.all->shelf)) return error{"shelf", "gone"};
  if (c.all)
    library::choose_matching(tx, run, *c.all);
  else if (library::choose_books(tx, run, viewer, c.books) == 0)
    return error{"book", "gone"};
  if (c.act == "edit") return std::nullopt;
  library::bulk_request wanted;
  wanted.shelf = c.shelf;
  return library::request_bulk(tx, run, viewer, wanted);
}

// Nothing when there is no such book or shelf for this person.
std::optional<uuid> begin_choice(db::tx& tx, uuid viewer, const library::actor& who, const choice& c) {
  uuid run = library::start_bulk(tx, viewer, who, c.act, c.all ? c.all->text : "");
  if (choose(tx, run, viewer, c)) {
    library::drop_bulk(tx, run);
    return std::nullopt;
  }
  prepare_bulk(tx, run, viewer);
  return run;
}

struct run_data {
  std::optional<library::bulk_run> run;
  bool stalled = false;  // nobody works on it although it is not at its end
  std::vector<library::bulk_change> changes;
  std::vector<library::bulk_outcome> problems;
};

run_data load_run(db::tx& tx, uuid viewer, uuid id, const library::bulk_place& after) {
  run_data out;
  out.run = library::find_bulk_of(tx, viewer, id);
  if (!out.run) return out;
  std::optional<jobs::job> job = out.run->job ? jobs::find_job(tx, *out.run->job) : std::nullopt;
  out.stalled = !out.run->at_rest() && (!job || job->finished_at);
  out.changes = library::bulk_changes(tx, id, after, page_size + 1);
  out.problems = library::bulk_problems(tx, id, 0, page_size);
  return out;
}

// Where a page of changes begins: the place and the field of the last one before.
library::bulk_place place_of(const http::request& in) {
  std::string after = in.query("after").value_or("");
  std::size_t dot = after.find('.');
  std::optional<std::int64_t> place = to_integer(std::string_view(after).substr(0, dot));
  if (!place || dot == std::string::npos) return {};
  return {.place = *place, .field = after.substr(dot + 1)};
}

std::string field_label(const messages& say, const std::string& field) {
  std::string key = "field." + field;
  return say.has(key) ? say.text(key) : say.text("bulk.field." + field);
}

std::vector<view> change_views(const visit& v, const std::vector<library::bulk_change>& all) {
  std::vector<view> out;
  for (const library::bulk_change& c : all) {
    view one;
    one.set("book_href", v.href("/books/" + c.book.text())).set("book_title", c.title).set("field", field_label(v.say, c.field));
    one.set("before", value_text(v.say, c.field, c.before)).set("after", value_text(v.say, c.field, c.after));
    one.set("state", v.say.text("bulk.change." + c.state)).set("quiet", c.state != "planned" && c.state != "done");
    out.push_back(one);
  }
  return out;
}

std::string problem_words(const visit& v, const std::string& reason) {
  std::string key = "bulk.reason." + reason;
  if (v.say.has(key)) return v.say.text(key);
  std::size_t colon = reason.find(": ");
  if (colon == std::string::npos) return reason_text(v.say, reason);
  return wrong_words(v, reason.substr(0, colon), reason_text(v.say, reason.substr(colon + 2)));
}

std::vector<view> problem_views(const visit& v, const std::vector<library::bulk_outcome>& all) {
  std::vector<view> out;
  for (const library::bulk_outcome& o : all) {
    view one;
    one.set("book_title", o.title.empty() ? o.book.text() : o.title).set("words", problem_words(v, o.reason));
    out.push_back(one);
  }
  return out;
}

// One sentence for each number that says something.
std::vector<view> facts(const visit& v, const library::bulk_run& r) {
  const library::bulk_counts& c = r.counts;
  bool over = r.state == "done" || r.state == "cancelled" || r.state == "undone" || r.state == "undoing" || r.state == "running";
  std::vector<view> out;
  auto add = [&](const char* key, std::int64_t n, bool always = false) {
    view one;
    one.set("fact", v.say.count(std::string("bulk.count.") + key, n));
    if (n > 0 || always) out.push_back(one);
  };
  add("books", c.books, true);
  if (r.state == "collecting" || r.state == "chosen") return out;
  if (over) {
    add("done", c.done, true);
    add("failed", c.failed);
    add("stale", c.stale);
  } else {
    add("to_change", c.to_change, true);
  }
  add("same", c.same);
  add("locked", c.locked);
  add("invalid", c.invalid);
  add("undone", c.undone);
  add("kept", c.kept);
  add("hidden", c.hidden);
  return out;
}

void fill_progress(const visit& v, const library::bulk_run& r, view& out) {
  std::optional<std::int64_t> total = r.total();
  out.set("amount", "").set("total", "").set("done_part", "");
  if (r.at_rest() || !total || *total == 0) return;
  std::string done = v.say.number(r.progress()), of = v.say.number(*total);
  out.set("amount", v.say.say("job.amount", {{"done", done}, {"total", of}})).set("total", *total).set("done_part", r.progress());
}

void fill_acts(const visit& v, const run_data& d, view& out) {
  const library::bulk_run& r = *d.run;
  const library::bulk_counts& c = r.counts;
  bool began = r.state == "running" || r.state == "undoing", rests = r.state == "done" || r.state == "cancelled";
  bool left = c.done + c.failed < c.to_change;
  out.set("may_begin", r.state == "ready" && c.to_change > 0).set("may_cancel", began);
  out.set("begin_words", v.say.count("bulk.begin." + r.act, c.to_change));
  out.set("may_drop", !began && !rests && r.state != "undone");
  out.set("may_undo", rests && c.done > c.undone).set("may_go_on", d.stalled || (r.state == "cancelled" && left));
}

http::response run_answer(const visit& v, run_data d) {
  const library::bulk_run& r = *d.run;
  bool more = d.changes.size() > page_size;
  if (more) d.changes.resize(page_size);
  view pages, out;
  pages.set("previous", "");
  pages.set("next", more ? "?after=" + std::to_string(d.changes.back().place) + "." + d.changes.back().field : std::string());
  out.set("run", r.id.text()).set("heading", v.say.text("bulk.act." + r.act)).set("name", r.name);
  out.set("state", v.say.text(d.stalled ? "bulk.state.stalled" : "bulk.state." + r.state));
  out.set("moving", !r.at_rest() && !d.stalled).set("when", moment(v.say, r.created_at)).set("facts", facts(v, r));
  out.set("changes", change_views(v, d.changes)).set("problems", problem_views(v, d.problems)).set("pager", pages);
  fill_progress(v, r, out);
  fill_acts(v, d, out);
  return show(v, {v.say.text("bulk.act." + r.act), "library"}, "bulk", std::move(out));
}

http::response form_answer(const visit& v, const library::bulk_run& r, const http::form* typed, const wrong_fields& wrong) {
  view out;
  out.set("run", r.id.text())
      .set("heading", v.say.text("bulk.act.edit"))
      .set("books_words", v.say.count("bulk.count.books", r.counts.books));
  fill_edit_form(v, typed, wrong, out);
  return show(v, {v.say.text("bulk.act.edit"), "library"}, "bulk_edit", std::move(out), wrong.empty() ? 200 : 422);
}

std::optional<error> plan(db::tx& tx, uuid viewer, uuid run, const library::bulk_request& wanted) {
  if (std::optional<error> bad = library::request_bulk(tx, run, viewer, wanted)) return bad;
  prepare_bulk(tx, run, viewer);
  return std::nullopt;
}

// Changes the state of a run of one's own, and has somebody work on it.
using change = bool (*)(db::tx&, const uuid&);
bool change_run(db::tx& tx, uuid run, change what) {
  if (!what(tx, run)) return false;
  enqueue_bulk(tx, run);
  return true;
}

bool cancel(db::tx& tx, const uuid& run) {
  std::optional<library::bulk_run> r = library::find_bulk(tx, run);
  if (!library::cancel_bulk(tx, run)) return false;
  if (r && r->job) jobs::cancel_job(tx, *r->job);
  return true;
}

// What was cancelled begins again; what nobody works on any more goes on as it is.
bool go_on(db::tx& tx, const uuid& run) {
  std::optional<library::bulk_run> r = library::find_bulk(tx, run);
  return r && (!r->at_rest() || library::begin_bulk(tx, run));
}

bool drop(db::tx& tx, const uuid& run) {
  std::optional<library::bulk_run> r = library::find_bulk(tx, run);
  if (r && r->job) jobs::cancel_job(tx, *r->job);
  return library::drop_bulk(tx, run);
}

task<library::bulk_run> own_run(const site& at, const visit& v, uuid id) {
  std::optional<library::bulk_run> run = co_await at.with.pool.read(library::find_bulk_of, v.id(), id);
  if (!run || !v.may(library::needed_for(run->act))) not_here(v);
  co_return std::move(*run);
}

answer change_answer(const site& at, http::context& c, change what) {
  visit v = co_await visit_of(at, c);
  uuid id = id_param(c, "id");
  library::bulk_run run = co_await own_run(at, v, id);
  bool changed = co_await at.with.pool.write(change_run, run.id, what);
  if (!changed) throw http::problem{409, v.say.text("bulk.too_late"), "bulk_state"};
  co_return http::redirect(v.href("/bulk/" + id.text()));
}

}  // namespace

choice choice_in(const visit& v, const http::form& form) {
  choice out{.act = form.text("act"), .books = {}, .all = {}, .shelf = id_of(form.text("shelf"))};
  if (form.has("all")) out.all = filter_of(v, http::parse_query(form.text("where")));
  if (out.act == "device") {  // by a shelf that feeds it
    out.act = "shelf";
    out.shelf = id_of(form.text("device_shelf"));
  }
  for (const std::string& text : form.all("book")) {
    if (std::optional<uuid> id = uuid::parse(text)) out.books.push_back(*id);
  }
  return out;
}

std::string value_text(const messages& say, const std::string& field, const json::value& value) {
  if (const bool* flag = value.as_bool()) return say.text(*flag ? "bulk.value.yes" : "bulk.value.no");
  if (const json::number* n = value.as_number()) return n->text;
  if (const std::string* text = value.as_text()) return field == "status" ? say.text("status." + *text) : *text;
  std::vector<std::string> parts;
  if (const json::array* items = value.as_array()) {
    for (const json::value& item : *items) parts.push_back(value_text(say, field, item));
    return join(parts, ", ");
  }
  const json::object* o = value.as_object();
  if (o == nullptr) return "";
  for (const auto& [name, part] : o->members()) {
    std::string text = value_text(say, field, part);
    if (!text.empty()) parts.push_back(field == "series" ? text : name + ": " + text);
  }
  return join(parts, field == "series" ? " " : ", ");
}

answer bulk_list_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::shelve);
  std::optional<uuid> after = id_of(c.in.query("after"));
  std::vector<library::bulk_run> found = co_await at.with.pool.read(library::recent_bulk, v.id(), after, page_size + 1);
  bool more = found.size() > page_size;
  if (more) found.resize(page_size);
  std::vector<view> runs;
  for (const library::bulk_run& r : found) {
    view one;
    one.set("run_href", v.href("/bulk/" + r.id.text())).set("act", v.say.text("bulk.act." + r.act)).set("name", r.name);
    one.set("state", v.say.text("bulk.state." + r.state)).set("when", moment(v.say, r.created_at)).set("facts", facts(v, r));
    runs.push_back(one);
  }
  view pages, out;
  pages.set("previous", "").set("next", more ? "?after=" + found.back().id.text() : std::string());
  out.set("runs", runs).set("pager", pages);
  co_return show(v, {v.say.text("bulk.title"), "library"}, "bulk_list", std::move(out));
}

answer bulk_start(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  http::form form(c.in);
  choice chosen = choice_in(v, form);
  if (!is_act(chosen.act) || !v.may(library::needed_for(chosen.act))) not_here(v);
  if (!chosen.all && chosen.books.empty()) throw http::problem{422, v.say.text("bulk.wrong.no_books"), "no_books"};
  std::optional<uuid> run = co_await at.with.pool.write(begin_choice, v.id(), v.actor(), chosen);
  if (!run) not_here(v);
  co_return http::redirect(v.href("/bulk/" + run->text()));
}

answer bulk_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid id = id_param(c, "id");
  library::bulk_place after = place_of(c.in);
  run_data data = co_await at.with.pool.snapshot(load_run, v.id(), id, after);
  if (!data.run || !v.may(library::needed_for(data.run->act))) not_here(v);
  if (data.run->state == "chosen") co_return form_answer(v, *data.run, nullptr, {});
  co_return run_answer(v, std::move(data));
}

answer bulk_plan(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid id = id_param(c, "id");
  library::bulk_run run = co_await own_run(at, v, id);
  if (run.act != "edit") not_here(v);
  if (run.state != "chosen") throw http::problem{409, v.say.text("bulk.too_late"), "bulk_state"};
  http::form form(c.in);
  wrong_fields wrong;
  library::bulk_request wanted;
  wanted.edits = edits_in(form, v, wrong);
  wanted.locked_too = form.has("locked");
  if (!wrong.empty()) co_return form_answer(v, run, &form, wrong);
  std::optional<error> bad = co_await at.with.pool.write(plan, v.id(), id, wanted);
  if (bad) throw http::problem{409, v.say.text("bulk.too_late"), "bulk_state"};
  co_return http::redirect(v.href("/bulk/" + id.text()));
}

answer bulk_begin(const site& at, http::context& c) { return change_answer(at, c, library::begin_bulk); }
answer bulk_undo(const site& at, http::context& c) { return change_answer(at, c, library::undo_bulk); }
answer bulk_cancel(const site& at, http::context& c) { return change_answer(at, c, cancel); }
answer bulk_go_on(const site& at, http::context& c) { return change_answer(at, c, go_on); }

answer bulk_drop(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid id = id_param(c, "id");
  library::bulk_run run = co_await own_run(at, v, id);
  bool dropped = co_await at.with.pool.write(change_run, run.id, drop);
  if (!dropped) throw http::problem{409, v.say.text("bulk.too_late"), "bulk_state"};
  co_return done(v, "/books", "bulk.dropped");
}

}  // namespace carrel::web
