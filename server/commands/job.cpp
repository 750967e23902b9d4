#include "server/commands/command.hpp"
#include "server/jobs/queue.hpp"

namespace carrel::commands {
namespace {

std::string id;

exit_status list(invocation& call) {
  environment e = call.open(1);
  std::vector<jobs::job> all = e.pool->read_now([](db::tx& tx) { return jobs::recent_jobs(tx, 200); });
  json::array document;
  std::vector<std::vector<std::string>> rows{{"KIND", "STATE", "DONE", "ERROR", "ID"}};
  for (const jobs::job& j : all) {
    document.push_back(jobs::to_json(j));
    rows.push_back({j.kind, j.state, std::to_string(j.done) + (j.total ? " of " + std::to_string(*j.total) : ""), j.last_error,
                    j.id.text()});
  }
  call.answer(document, all.empty() ? "No jobs." : table(rows));
  return done;
}

exit_status retry_or_cancel(invocation& call, bool retry) {
  std::optional<uuid> job = uuid::parse(id);
  if (!job) throw stop(usage, "JOB is an id that `carrel job list` prints.");
  environment e = call.open(1);
  bool changed = change(e, call, [&](db::tx& tx) { return retry ? jobs::retry_job(tx, *job) : jobs::cancel_job(tx, *job); });
  if (!changed)
    throw stop(not_found, retry ? "There is no failed job with this id." : "There is no waiting or running job with this id.");
  call.answer(json::object{{"changed", 1}}, retry ? "It will be tried again." : "Cancelled.");
  return done;
}

}  // namespace

void describe_job(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("job", "background work: list, retry, cancel");
  cmd->require_subcommand(1);
  cmd->add_subcommand("list", "unfinished jobs, then the newest")->callback([&call] { call.action = list; });
  for (bool retry : {true, false}) {
    CLI::App* one = cmd->add_subcommand(retry ? "retry" : "cancel", retry ? "try a failed job again" : "stop a job");
    one->add_option("JOB", id, "id")->required();
    one->callback([&call, retry] { call.action = [retry](invocation& c) { return retry_or_cancel(c, retry); }; });
  }
}

}  // namespace carrel::commands
