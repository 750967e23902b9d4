#include <signal.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>

#include "server/app.hpp"
#include "server/commands/command.hpp"
#include "server/core/log.hpp"
#include "server/core/text.hpp"

namespace carrel::commands {
namespace {

log::level level_from(const std::string& name) {
  return name == "debug"   ? log::level::debug
         : name == "warn"  ? log::level::warn
         : name == "error" ? log::level::error
                           : log::level::info;
}

// "journal" is for the journal: on a terminal or in a pipe lines get their time.
void start_log(const config& c) {
  std::string format = c.text("log.format");
  if (format == "journal" && ::getenv("JOURNAL_STREAM") == nullptr) format = "text";  // NOLINT(concurrency-mt-unsafe)
  log::start(level_from(c.text("log.level")), format);
}

// The signals that steer the service are taken by the main thread alone.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int s : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, s);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

// Waits for SIGTERM or SIGINT; looks after the database and the watchdog once a second meanwhile.
void wait_for_end(app& service, const sigset_t& signals) {
  for (;;) {
    timespec second{.tv_sec = 1, .tv_nsec = 0};
    int got = ::sigtimedwait(&signals, nullptr, &second);
    if (got == SIGTERM || got == SIGINT) return;
    if (got == SIGHUP) {
      ::sd_notify(0, "RELOADING=1");
      service.reload();
      ::sd_notify(0, "READY=1");
    }
    service.tick();
    ::sd_notify(0, "WATCHDOG=1");
  }
}

void stop_with_impatience(app& service, const sigset_t& signals) {
  std::atomic<bool> stopped{false};
  std::thread impatient([&] {
    while (!stopped) {
      timespec moment{.tv_sec = 0, .tv_nsec = 100'000'000};
      int got = ::sigtimedwait(&signals, nullptr, &moment);
      if (got == SIGTERM || got == SIGINT) service.stop_now();
    }
  });
  service.stop();
  stopped = true;
  impatient.join();
}

constexpr unsigned most_connections = 24;  // of the private database's 40; commands want some, too

exit_status serve(invocation& call) {
  config settings = call.load_settings();
  start_log(settings);
  sigset_t signals = block_signals();
  unsigned connections = settings.is_set("database.pool")
                             ? static_cast<unsigned>(std::max<std::int64_t>(2, settings.integer("database.pool")))
                             : std::clamp(2 * std::thread::hardware_concurrency(), 4U, most_connections);
  connections += 2;  // the watcher and the schedule hold a session lock each
  result<environment> e = open_environment(std::move(settings), {.connections = connections});
  if (!e) throw stop(failed, e.error().message());

  app service(std::move(*e));
  result<std::vector<std::string>> addresses = service.bind();
  if (!addresses) throw stop(failed, addresses.error().message());
  service.start();
  log::info("ready", {{"listen", join(*addresses, ", ")}});
  ::sd_notify(0, "READY=1");
  if (std::string code = service.setup_code(); !code.empty()) {
    log::warn("setup", {{"code", code}, {"open", device_base(call.load_settings()) + "/setup"}});
  }

  wait_for_end(service, signals);
  log::info("stopping");
  ::sd_notify(0, "STOPPING=1");
  stop_with_impatience(service, signals);
  log::info("stopped");
  return done;
}

}  // namespace

void describe_serve(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("serve", "run the service until SIGTERM or Ctrl-C");
  cmd->callback([&call] { call.action = serve; });
}

}  // namespace carrel::commands
