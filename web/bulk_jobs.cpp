#include "web/bulk_jobs.hpp"

#include "server/jobs/queue.hpp"

namespace carrel::web {
namespace {

constexpr int steps_at_once = 2, forgotten_at_once = 20;

const char* kind_of(const library::bulk_run& r) {
  if (r.state == "running") return "bulk.run";
  return r.state == "undoing" ? "bulk.undo" : "bulk.prepare";
}

// Cancelled among the jobs: the run is told, so that its page offers what can be done with it.
void stop_run(db::pool& pool, const jobs::job& j, const uuid& run) {
  pool.write_now([&](db::tx& tx) {
    std::optional<jobs::job> now = jobs::find_job(tx, j.id);
    std::optional<library::bulk_run> r = library::find_bulk(tx, run);
    bool ours = r && r->job == j.id;  // and nobody has let it go on since
    if (ours && now && now->state == "cancelled") library::cancel_bulk(tx, run);
  });
}

void work_on(db::pool& pool, const jobs::job& j, jobs::progress& p) {
  std::optional<uuid> run = uuid::parse(j.payload_text("run"));
  if (!run) throw jobs::give_up("the job names no run");
  std::optional<library::bulk_run> r = pool.read_now([&](db::tx& tx) { return library::find_bulk(tx, *run); });
  while (r && r->user && !r->at_rest()) {
    if (p.stopping()) return stop_run(pool, j, *run);
    r = pool.write_now([&](db::tx& tx) { return library::step_bulk(tx, *run, *r->user); });
    if (r) p.report(r->progress(), r->total());
  }
  if (!r) throw jobs::give_up("the run is gone");
}

void forget(db::pool& pool) {
  int gone = forgotten_at_once;
  while (gone == forgotten_at_once)
    gone = pool.write_now([](db::tx& tx) { return library::forget_old_bulk(tx, now(), forgotten_at_once); });
}

}  // namespace

void register_bulk_jobs(jobs::workers& w, db::pool& pool) {
  for (const char* kind : {"bulk.prepare", "bulk.run", "bulk.undo"})
    w.on(kind, [&pool](const jobs::job& j, jobs::progress& p) { work_on(pool, j, p); });
}

void register_bulk_schedule(jobs::schedule& clock, db::pool& pool) {
  clock.every("bulk.forget", std::chrono::hours(6), [&pool] { forget(pool); });
}

void enqueue_bulk(db::tx& tx, const uuid& run) {
  std::optional<library::bulk_run> r = library::find_bulk(tx, run);
  if (!r || r->at_rest() || !r->user) return;
  json::object payload{{"run", run}, {"name", r->name}};
  library::set_bulk_job(tx, run, jobs::enqueue(tx, kind_of(*r), run.text(), payload, {}, r->user));
}

std::optional<library::bulk_run> prepare_bulk(db::tx& tx, const uuid& run, const uuid& viewer) {
  std::optional<library::bulk_run> r = library::step_bulk(tx, run, viewer);
  for (int i = 1; i < steps_at_once && r && !r->at_rest(); ++i) r = library::step_bulk(tx, run, viewer);
  enqueue_bulk(tx, run);
  return library::find_bulk(tx, run);
}

}  // namespace carrel::web
