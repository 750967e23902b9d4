#include "server/commands/long_run.hpp"

#include <signal.h>
#include <unistd.h>
#include <algorithm>

#include <cstdio>
#include <utility>

namespace carrel::commands {
namespace {

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int s : {SIGINT, SIGTERM}) sigaddset(&set, s);
  return set;
}

}  // namespace

progress_bar::progress_bar(std::string things) : things_(std::move(things)), terminal_(::isatty(STDERR_FILENO) == 1) {}

progress_bar::~progress_bar() {
  if (shown_) std::fputc('\n', stderr);
}

void progress_bar::show(std::int64_t done_now, std::int64_t found) {
  auto moment = std::chrono::steady_clock::now();
  if (!terminal_ || (moment - last_ < std::chrono::milliseconds{100} && done_now != found)) return;
  last_ = moment;
  double seconds = std::chrono::duration<double>(moment - start_).count();
  double rate = seconds > 0.5 ? static_cast<double>(done_now) / seconds : 0;
  constexpr int width = 30;
  int filled = found > 0 ? static_cast<int>(std::min(done_now, found) * width / found) : 0;  // what was counted may be too few
  std::string bar =
      std::string(static_cast<std::size_t>(filled), '#') + std::string(static_cast<std::size_t>(width - filled), '.');
  std::fprintf(stderr, "\r[%s] %lld of %lld %s", bar.c_str(), static_cast<long long>(done_now), static_cast<long long>(found),
               things_.c_str());
  if (rate > 0) std::fprintf(stderr, ", %.0f/s, %.0f s left ", rate, static_cast<double>(found - done_now) / rate);
  std::fflush(stderr);
  shown_ = true;
}

void patience::block() {
  sigset_t set = ending_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

patience::patience() : waiter_([this] { wait(); }) {}

patience::~patience() {
  over_ = true;
  waiter_.join();
}

void patience::wait() {
  sigset_t set = ending_signals();
  while (!over_) {
    timespec moment{.tv_sec = 0, .tv_nsec = 50'000'000};
    int got = ::sigtimedwait(&set, nullptr, &moment);
    if (got <= 0) continue;
    if (source_.request_stop()) continue;
    ::signal(got, SIG_DFL);
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    ::raise(got);
  }
}

}  // namespace carrel::commands
