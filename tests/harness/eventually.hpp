#pragma once
// Waiting for what happens elsewhere: looked for often, for a time that only a failure uses up.

#include <chrono>
#include <thread>

namespace carrel::harness {

template <class Condition>
bool eventually(Condition holds, std::chrono::milliseconds most = std::chrono::seconds{20}) {
  auto until = std::chrono::steady_clock::now() + most;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return true;
}

}  // namespace carrel::harness
