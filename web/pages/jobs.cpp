// `/jobs`: background work, for those who may run it (product.md 4.11).

#include <cmath>

#include "server/jobs/backlog.hpp"
#include "server/jobs/queue.hpp"
#include "web/format.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

constexpr const char* taking_in = "ingest.file";  // a job for each file, so the page tells of them as a whole

// "131 a second, 12 min left"; "" while nothing is known.
std::string pace_words(const messages& say, std::optional<double> rate, std::optional<std::int64_t> seconds_left) {
  if (!rate || !seconds_left) return "";
  double a_minute = *rate * 60;
  std::string n = say.number(std::llround(*rate >= 1 ? *rate : a_minute)), left = length_text(say, *seconds_left * 1000);
  return say.say(*rate >= 1 ? "job.pace.second" : "job.pace.minute", {{"n", n}, {"left", left}});
}

view backlog_view(const visit& v, const jobs::backlog& b) {
  view out;
  out.set("left_words", v.say.count("job.files.left", b.left())).set("done_words", v.say.count("job.files.done", b.done));
  out.set("failed_words", b.failed > 0 ? v.say.count("job.files.failed", b.failed) : "");
  out.set("pace", b.held || b.left() == 0 ? "" : pace_words(v.say, b.rate, b.seconds_left()));
  return out.set("held", b.held).set("total", b.done + b.failed + b.left()).set("done_part", b.done + b.failed);
}

struct work {
  std::vector<jobs::job> jobs;
  jobs::backlog files;
};

work load_work(db::tx& tx) { return {.jobs = jobs::recent_jobs(tx, 50, taking_in), .files = jobs::backlog_of(tx, taking_in)}; }

view job_view(const visit& v, const jobs::job& j) {
  view one;
  one.set("job", j.id.text()).set("kind", v.say.has("job." + j.kind) ? v.say.text("job." + j.kind) : j.kind);
  one.set("state", v.say.has("job.state." + j.state) ? v.say.text("job.state." + j.state) : j.state);
  one.set("fine", j.state == "done").set("broken", j.state == "failed").set("error", j.state == "done" ? "" : j.last_error);
  one.set("name", j.payload_text("name")).set("when", moment(v.say, j.created_at));
  bool waits = j.state == "waiting" || j.state == "running" || j.state == "paused";
  one.set("may_cancel", waits).set("may_retry", j.state == "failed" || j.state == "cancelled");
  one.set("may_pause", j.state == "waiting" || j.state == "running").set("may_resume", j.state == "paused");
  one.set("amount", "").set("total", "").set("done_part", "");
  if (j.total && *j.total > 0) {
    std::string done = v.say.number(j.done), total = v.say.number(*j.total);
    one.set("amount", v.say.say("job.amount", {{"done", done}, {"total", total}}))
        .set("total", *j.total)
        .set("done_part", j.done);
  }
  one.set("pace", pace_words(v.say, j.rate(), j.seconds_left()));
  return one;
}

answer hold(const site& at, http::context& c, bool (*change)(db::tx&, const std::string&), std::string_view act) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  std::string kind = taking_in;
  bool changed = co_await at.with.pool.write(change, kind);
  co_return done(v, "/jobs", changed ? act : "nothing_new");
}

answer change_job(const site& at, http::context& c, bool (*change)(db::tx&, const uuid&), std::string_view act) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  uuid id = id_param(c, "id");
  bool changed = co_await at.with.pool.write(change, id);
  if (!changed) not_here(v);
  co_return done(v, "/jobs", act, id.text());
}

}  // namespace

answer jobs_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  work found = co_await at.with.pool.read(load_work);
  std::vector<view> all;
  all.reserve(found.jobs.size());
  for (const jobs::job& j : found.jobs) all.push_back(job_view(v, j));
  view out;
  bool busy = found.files.left() > 0 || found.files.done + found.files.failed > 0 || found.files.held;
  if (busy) out.set("files", backlog_view(v, found.files));
  out.set("jobs", all);
  co_return show(v, {v.say.text("nav.jobs"), "jobs"}, "jobs", std::move(out));
}

answer job_cancel(const site& at, http::context& c) { return change_job(at, c, jobs::cancel_job, "job.cancelled"); }
answer job_pause(const site& at, http::context& c) { return change_job(at, c, jobs::pause_job, "job.paused"); }
answer job_resume(const site& at, http::context& c) { return change_job(at, c, jobs::resume_job, "job.resumed"); }
answer files_pause(const site& at, http::context& c) { return hold(at, c, jobs::hold_kind, "files.paused"); }
answer files_resume(const site& at, http::context& c) { return hold(at, c, jobs::release_kind, "files.resumed"); }
answer job_retry(const site& at, http::context& c) { return change_job(at, c, jobs::retry_job, "job.retried"); }

}  // namespace carrel::web
