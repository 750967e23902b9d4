#include "server/jobs/queue.hpp"

#include <algorithm>
#include <map>
#include <memory>

#include "library/revision.hpp"
#include "web/api/call.hpp"
#include "web/event_stream.hpp"
#include "web/uploads.hpp"

namespace carrel::web {
namespace {

constexpr db::statement sql_own_jobs{"web.own_jobs", R"sql(
  select id from jobs where user_id = $1 order by done_at is not null, created_at desc, id desc limit $2)sql"};

constexpr db::statement sql_owns_job{"web.owns_job", R"sql(
  select 1 from jobs where id = $1 and user_id = $2)sql"};

// Those who may run jobs see all of them; others see what they caused, such as their uploads.
std::vector<jobs::job> visible_jobs(db::tx& tx, uuid viewer, bool all, int most) {
  if (all) return jobs::recent_jobs(tx, most);
  std::vector<jobs::job> out;
  for (const db::row& r : tx.run(sql_own_jobs, viewer, most)) {
    std::optional<jobs::job> job = jobs::find_job(tx, r.id(0));
    if (job) out.push_back(std::move(*job));
  }
  return out;
}

// Unfinished first. One that ends meanwhile moves down, where it may come twice but is not missed.
place place_of(const jobs::job& j) { return {j.finished_at ? 1 : 0, j.finished_at.value_or(j.created_at), j.id.text()}; }

std::optional<json::object> visible_job(db::tx& tx, uuid viewer, bool all, uuid id) {
  if (!all && tx.run(sql_owns_job, id, viewer).empty()) return std::nullopt;
  std::optional<jobs::job> found = jobs::find_job(tx, id);
  return found ? std::optional(describe_jobs(tx, viewer, {*found}).front()) : std::nullopt;
}

struct moment_of_events {
  bool account_open = false;
  std::int64_t revision = 0;
  std::vector<json::object> jobs;
};

moment_of_events look(db::tx& tx, uuid viewer, bool all) {
  moment_of_events out;
  std::optional<library::user> user = library::find_user(tx, viewer);
  out.account_open = user && !user->disabled;
  if (!out.account_open) return out;
  out.revision = library::current_revision(tx).number;
  out.jobs = describe_jobs(tx, viewer, visible_jobs(tx, viewer, all, 20));
  return out;
}

// What changed since the last look, as events.
class changes {
 public:
  std::string next(const moment_of_events& now) {
    std::string out;
    if (now.revision != revision_) out += event_text("catalog", {{"revision", now.revision}});
    revision_ = now.revision;
    std::map<std::string, std::string> seen;
    for (const json::object& j : now.jobs) {
      std::string id, text = event_text("job", j);
      j.take("id", id);
      auto before = jobs_.find(id);
      if (before == jobs_.end() || before->second != text) out += text;
      seen.emplace(std::move(id), std::move(text));
    }
    jobs_ = std::move(seen);
    return out;
  }

 private:
  std::int64_t revision_ = -1;
  std::map<std::string, std::string> jobs_;
};

// Rights are looked up anew each time, so a stream ends with its account.
task<std::optional<std::string>> what_changed(const site& at, uuid viewer, bool all, std::shared_ptr<changes> since) {
  moment_of_events now = co_await at.with.pool.read(look, viewer, all);
  if (!now.account_open) co_return std::nullopt;
  co_return since->next(now);
}

}  // namespace

answer list_jobs(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  bool all = who.may(library::capability::run_jobs);
  std::vector<jobs::job> found = co_await at.with.pool.read(visible_jobs, who.id(), all, 1000);
  std::sort(found.begin(), found.end(), [](const jobs::job& a, const jobs::job& b) { return place_of(a).before(place_of(b)); });
  std::vector<place> places;
  places.reserve(found.size());
  for (const jobs::job& j : found) places.push_back(place_of(j));
  slice part = slice_after(c.in, "jobs", places);
  auto begin = found.begin() + static_cast<std::ptrdiff_t>(part.first);
  std::vector<jobs::job> page(begin, begin + static_cast<std::ptrdiff_t>(part.count));
  std::vector<json::object> shown = co_await at.with.pool.read(describe_jobs, who.id(), page);
  json::array items;
  for (json::object& one : shown) items.emplace_back(std::move(one));
  co_return json_list(std::move(items), part.next);
}

answer get_job(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  uuid id = id_param(c, "id");
  bool all = who.may(library::capability::run_jobs);
  std::optional<json::object> found = co_await at.with.pool.read(visible_job, who.id(), all, id);
  if (!found) not_there();
  co_return json_object(*found);
}

answer get_events(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  bool all = who.may(library::capability::run_jobs);
  uuid viewer = who.id();
  auto since = std::make_shared<changes>();
  auto asking = [&at, viewer, all, since] { return what_changed(at, viewer, all, since); };
  co_return event_stream(at, {}, asking);
}

}  // namespace carrel::web
