#pragma once
// Runs a coroutine to its end on an io_context of the calling thread.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <utility>
#include <vector>

#include "server/core/task.hpp"

namespace carrel::harness {

inline void run_all(boost::asio::io_context& io, std::vector<task<>> coroutines) {
  std::exception_ptr first;
  auto done = [&first](std::exception_ptr e) {
    if (e && !first) first = e;
  };
  for (task<>& t : coroutines) boost::asio::co_spawn(io, std::move(t), done);
  io.restart();
  io.run();
  if (first) std::rethrow_exception(first);
}

inline void run_one(task<> t) {
  boost::asio::io_context io(1);
  std::vector<task<>> all;
  all.push_back(std::move(t));
  run_all(io, std::move(all));
}

}  // namespace carrel::harness
