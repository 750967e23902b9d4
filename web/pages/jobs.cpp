// `/jobs`: background work, for those who may run it.

#include "server/jobs/queue.hpp"

#include "web/format.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

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
  return one;
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
  std::vector<jobs::job> found = co_await at.with.pool.read(jobs::recent_jobs, 50);
  std::vector<view> all;
  all.reserve(found.size());
  for (const jobs::job& j : found) all.push_back(job_view(v, j));
  view out;
  out.set("jobs", all);
  co_return show(v, {v.say.text("nav.jobs"), "jobs"}, "jobs", std::move(out));
}

answer job_cancel(const site& at, http::context& c) { return change_job(at, c, jobs::cancel_job, "job.cancelled"); }
answer job_pause(const site& at, http::context& c) { return change_job(at, c, jobs::pause_job, "job.paused"); }
answer job_resume(const site& at, http::context& c) { return change_job(at, c, jobs::resume_job, "job.resumed"); }
answer job_retry(const site& at, http::context& c) { return change_job(at, c, jobs::retry_job, "job.retried"); }

}  // namespace carrel::web
