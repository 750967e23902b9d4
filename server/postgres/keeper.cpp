#include "server/postgres/keeper.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "server/core/log.hpp"
#include "server/postgres/process.hpp"

namespace carrel::postgres {

keeper::keeper() {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // signals belong to other threads
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

keeper::~keeper() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

std::optional<error> keeper::start(std::vector<std::string> argv, std::filesystem::path folder, std::filesystem::path log) {
  request r{std::move(argv), std::move(folder), std::move(log), false, {}};
  std::unique_lock lock(mutex_);
  CARREL_EXPECT(pid_ == 0 && wanted_ == nullptr);
  wanted_ = &r;
  changed_.notify_all();
  changed_.wait(lock, [&] { return r.done; });
  return r.failure;
}

pid_t keeper::pid() const {
  std::lock_guard lock(mutex_);
  return pid_;
}

void keeper::signal(int s) {
  std::lock_guard lock(mutex_);  // run() reaps under this mutex, so the number cannot be somebody else's
  if (pid_ != 0) ::kill(pid_, s);
}

bool keeper::wait(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [&] { return pid_ == 0; });
}

void keeper::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return ending_ || wanted_ != nullptr; });
    if (wanted_ == nullptr) return;
    serve(lock);
  }
}

// Starts what is wanted and stays with it until it ends.
void keeper::serve(std::unique_lock<std::mutex>& lock) {
  request& r = *wanted_;
  wanted_ = nullptr;
  int log = ::open(r.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) {
    r.failure = error{"postgres", r.log.string() + ": " + std::strerror(errno)};
  } else {
    result<pid_t> pid = start_process(r.argv, r.folder, log, SIGINT);
    ::close(log);
    if (pid)
      pid_ = *pid;
    else
      r.failure = pid.error();
  }
  r.done = true;
  changed_.notify_all();
  if (pid_ == 0) return;

  pid_t child = pid_;
  siginfo_t info{};
  lock.unlock();
  while (::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  lock.lock();
  ::waitpid(child, nullptr, 0);
  pid_ = 0;
  log::debug("postgres.ended", {{"pid", child}, {"status", info.si_status}});
  changed_.notify_all();
}

}  // namespace carrel::postgres
