#pragma once
// Group work: what arrives while one batch is at the database forms the next (architecture.md 7, group commit). A lone item
// is not delayed, there is no timer. With `parallel` lanes a second batch sets out beside the first once it is as large.
// Used for durable small writes and for small reads that many requests repeat.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/core/task.hpp"
#include "server/db/pool.hpp"

namespace carrel::db {

// Untyped core; see batcher<In, Out> below.
class batch_core;

// `run` gets the items of a batch in arrival order and returns exactly one result for each, in the same order. It runs in
// one transaction (mode::write) or one round trip (mode::read); co_await add() resumes after the commit.
// A batch that fails for another reason than `lost`, `cancelled` or `busy` is split in halves and tried again, so that one bad
// item fails alone. `run` must be repeatable.
template <class In, class Out>
class batcher {
 public:
  using runner = std::function<std::vector<Out>(tx&, const std::vector<In>&)>;

  batcher(pool&, mode, std::string name, runner, std::size_t most = 512, unsigned parallel = 1);
  ~batcher();  // waits for what is under way
  batcher(const batcher&) = delete;
  batcher& operator=(const batcher&) = delete;

  // Throws what the item's batch threw; `busy` when very much waits already.
  task<Out> add(In item);
  void flush();  // blocks until nothing is waiting or running
  std::size_t waiting() const;

 private:
  std::shared_ptr<batch_core> core_;
};

}  // namespace carrel::db

#include "server/db/batcher_impl.hpp"
