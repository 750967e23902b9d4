#pragma once

#include <pthread.h>

#include <csignal>
#include <thread>
#include <utility>

namespace carrel {

// A thread that receives no signals: those belong to the threads that wait for them.
template <class F>
std::thread quiet_thread(F work) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread out(std::move(work));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return out;
}

}  // namespace carrel
