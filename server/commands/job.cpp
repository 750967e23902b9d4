#include <array>

#include "server/commands/command.hpp"
#include "server/jobs/backlog.hpp"
#include "server/jobs/queue.hpp"

namespace carrel::commands {
namespace {

std::string id;

exit_status list(invocation& call) {
  environment e = call.open(1);
  std::vector<jobs::job> all = e.pool->read_now([](db::tx& tx) { return jobs::recent_jobs(tx, 200); });
  json::array document;
  std::vector<std::vector<std::string>> rows{{"KIND", "STATE", "DONE", "LEFT", "ERROR", "ID"}};
  for (const jobs::job& j : all) {
    document.push_back(jobs::to_json(j));
    rows.push_back({j.kind, j.state, std::to_string(j.done) + (j.total ? " of " + std::to_string(*j.total) : ""),
                    j.seconds_left() ? std::to_string(*j.seconds_left()) + " s" : "", j.last_error, j.id.text()});
  }
  call.answer(document, all.empty() ? "No jobs." : table(rows));
  return done;
}

// What can be done with one job, and what is said then.
struct act {
  const char *word, *about, *said, *none;
  bool (*change)(db::tx&, const uuid&);
  bool (*change_kind)(db::tx&, const std::string&) = nullptr;  // of a kind as a whole
};
constexpr std::array acts{
    act{"retry", "try a failed job again", "It will be tried again.", "There is no failed job with this id.", jobs::retry_job},
    act{"cancel", "stop a job", "Cancelled.", "There is no waiting or running job with this id.", jobs::cancel_job},
    act{"pause", "let a job wait until it is resumed", "It waits. What it has done is kept.",
        "There is no waiting or running job with this id, and no unpaused kind of this name.", jobs::pause_job, jobs::hold_kind},
    act{"resume", "let a paused job go on", "It goes on.",
        "There is no paused job with this id, and no paused kind of this name.", jobs::resume_job, jobs::release_kind}};

exit_status carry_out(invocation& call, const act& a) {
  std::optional<uuid> job = uuid::parse(id);
  if (!job && a.change_kind == nullptr) throw stop(usage, "JOB is an id that `carrel job list` prints.");
  environment e = call.open(1);
  bool changed = change(e, call, [&](db::tx& tx) { return job ? a.change(tx, *job) : a.change_kind(tx, id); });
  if (!changed) throw stop(not_found, a.none);
  call.answer(json::object{{"changed", 1}}, a.said);
  return done;
}

}  // namespace

void describe_job(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("job", "background work: list, pause, resume, retry, cancel");
  cmd->require_subcommand(1);
  cmd->add_subcommand("list", "unfinished jobs, then the newest")->callback([&call] { call.action = list; });
  for (const act& a : acts) {
    CLI::App* one = cmd->add_subcommand(a.word, a.about);
    const char* which = a.change_kind ? "id, or a kind such as ingest.file: then all of it, also what comes later" : "id";
    one->add_option("JOB", id, which)->required();
    one->callback([&call, &a] { call.action = [&a](invocation& c) { return carry_out(c, a); }; });
  }
}

}  // namespace carrel::commands
