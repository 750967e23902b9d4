#include "library/book.hpp"
#include "server/jobs/queue.hpp"
#include "web/api/call.hpp"
#include "web/reachable_libraries.hpp"

namespace carrel::web {
namespace {

struct counted_library {
  library::book_library is;
  library::library_counts counts;
};

std::vector<counted_library> load(db::tx& tx, uuid viewer) {
  std::vector<counted_library> out;
  for (library::book_library& l : reachable_libraries(tx, viewer)) {
    library::library_counts counts = library::count_library(tx, l.id);
    out.push_back({std::move(l), counts});
  }
  return out;
}

library::library_wish wish_of(const json::object& body) {
  library::library_wish out;
  std::string kind;
  if (!body.take("name", out.name)) invalid("name is missing.", "name");
  if (!body.take("folder", out.folder)) invalid("folder is missing.", "folder");
  if (!body.take("kind", kind) || (kind != "in_place" && kind != "managed")) invalid("kind is in_place or managed.", "kind");
  out.managed = kind == "managed";
  body.take("pattern", out.pattern);
  body.take("takes_new", out.takes_new);
  body.take("sure", out.sure);
  return out;
}

http::problem problem_of(const error& why) {
  bool words = why.field == "library.pattern" || why.field == "library.no_name" || why.field == "library.no_folder";
  return {words ? 422U : 409U, why.reason, why.field};
}

std::optional<counted_library> load_one(db::tx& tx, uuid viewer, uuid id) {
  std::optional<library::book_library> l = reachable_library(tx, viewer, id);
  if (!l) return std::nullopt;
  library::library_counts counts = library::count_library(tx, id);
  return counted_library{std::move(*l), counts};
}

std::optional<uuid> begin(db::tx& tx, uuid viewer, uuid id, const std::string& kind, const decltype(library_work::start)& run) {
  return reachable_library(tx, viewer, id) ? run(tx, id, kind, viewer) : std::nullopt;
}

json::object json_of(const library::pattern_preview& p) {
  json::array moves;
  for (const library::pattern_preview::line& m : p.lines)
    moves.push_back(json::object{{"book", m.book}, {"title", m.title}, {"from", m.from}, {"to", m.to}});
  return json::object{{"books", p.books}, {"moved", p.moved}, {"moves", std::move(moves)}};
}

task<http::response> job_answer(const site& at, uuid job) {
  std::optional<jobs::job> found = co_await at.with.pool.read(jobs::find_job, job);
  if (!found) not_there();
  co_return json_object(jobs::to_json(*found), 202);
}

task<http::response> start(const site& at, http::context& c, std::string kind) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::run_jobs);
  uuid id = id_param(c, "id");
  auto run = at.with.libraries.start;
  if (!run) not_there();
  std::optional<uuid> job = co_await at.with.pool.write(begin, who.id(), id, kind, run);
  if (!job) not_there();
  co_return co_await job_answer(at, *job);
}

}  // namespace

answer list_libraries(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::run_jobs);
  std::vector<counted_library> all = co_await at.with.pool.read(load, who.id());
  slice part = slice_of(c.in, "libraries", all.size());
  json::array items;
  for (std::size_t i = 0; i < part.count; ++i) {
    const counted_library& l = all[part.first + i];
    items.emplace_back(library::to_json(l.is, l.counts));
  }
  co_return json_list(std::move(items), part.next);
}

answer post_library(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::run_jobs);
  if (!at.with.libraries.add) not_there();
  json::object body = body_of(c);
  library::library_wish wish = wish_of(body);
  if (wish.managed && wish.pattern.empty()) wish.pattern = at.with.libraries.default_pattern;
  library::actor actor = who.actor();
  result<uuid> made = co_await at.with.cpu.run(at.with.libraries.add, wish, actor);
  if (!made) throw problem_of(made.error());
  std::optional<counted_library> l = co_await at.with.pool.read(load_one, who.id(), *made);
  if (!l) not_there();
  co_return json_object(library::to_json(l->is, l->counts), 201);
}

answer get_library(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::run_jobs);
  uuid id = id_param(c, "id");
  std::optional<counted_library> l = co_await at.with.pool.read(load_one, who.id(), id);
  if (!l) not_there();
  co_return json_object(library::to_json(l->is, l->counts));
}

answer delete_library(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::run_jobs);
  uuid id = id_param(c, "id");
  library::actor actor = who.actor();
  bool removed = co_await at.with.pool.write(remove_reachable_library, who.id(), id, actor);
  if (!removed) not_there();
  co_return http::empty(204);
}

answer post_pattern(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::run_jobs);
  uuid id = id_param(c, "id");
  json::object body = body_of(c);
  std::string pattern;
  if (!body.take("pattern", pattern)) invalid("pattern is missing.", "pattern");
  bool dry_run = false;
  body.take("dry_run", dry_run);
  std::optional<library::book_library> l = co_await at.with.pool.read(reachable_library, who.id(), id);
  if (!l || !at.with.libraries.set_pattern) not_there();
  if (dry_run) {
    result<library::pattern_preview> seen = co_await at.with.cpu.run(at.with.libraries.foresee_pattern, id, pattern);
    if (!seen) throw problem_of(seen.error());
    co_return json_object(json_of(*seen));
  }
  library::actor actor = who.actor();
  result<uuid> job = co_await at.with.cpu.run(at.with.libraries.set_pattern, id, pattern, actor);
  if (!job) throw problem_of(job.error());
  co_return co_await job_answer(at, *job);
}

answer scan_library(const site& at, http::context& c) { return start(at, c, "scan"); }
answer verify_library(const site& at, http::context& c) { return start(at, c, "verify"); }

}  // namespace carrel::web
