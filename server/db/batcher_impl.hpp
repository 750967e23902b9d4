#pragma once
// The bodies of batcher.hpp's template over an untyped core. Include batcher.hpp.

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include "server/core/error.hpp"
#include "server/core/metrics.hpp"
#include "server/db/batcher.hpp"

namespace carrel {
class waiter;
}

namespace carrel::db {

struct batch_item {
  virtual ~batch_item() = default;
  std::shared_ptr<waiter> who;
};

class batch_core : public std::enable_shared_from_this<batch_core> {
 public:
  using items = std::vector<std::shared_ptr<batch_item>>;
  using runner = std::function<void(tx&, const items&)>;

  batch_core(pool&, mode, const std::string& name, runner, std::size_t most, unsigned parallel);

  task<> add(std::shared_ptr<batch_item>);
  void flush();
  std::size_t waiting() const;

 private:
  struct chain;
  bool may_start() const;  // under the mutex
  void put(std::shared_ptr<batch_item>);
  void end_gathering();
  void start_more();
  void launch(const std::shared_ptr<chain>&);
  void finished(const std::shared_ptr<chain>&, const std::exception_ptr&);
  void deliver(const items&, const std::exception_ptr&);

  pool& pool_;
  const mode mode_;
  const runner run_;
  const std::size_t most_;
  const unsigned parallel_;
  const metrics::counter batches_;
  const metrics::counter items_;
  const metrics::counter splits_;

  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::deque<std::shared_ptr<batch_item>> waiting_;
  std::size_t undelivered_ = 0;
  bool gathering_ = false;  // a batch sets out as soon as everybody who is ready has joined it
  unsigned running_ = 0;
  std::size_t under_way_ = 0;  // items at the database
};

template <class In, class Out>
struct batch_item_of final : batch_item {
  explicit batch_item_of(In i) : in(std::move(i)) {}
  In in;
  std::optional<Out> out;
};

template <class In, class Out>
batcher<In, Out>::batcher(pool& p, mode m, std::string name, runner run, std::size_t most, unsigned parallel) {
  using item = batch_item_of<In, Out>;
  auto run_items = [run = std::move(run)](tx& t, const batch_core::items& batch) {
    std::vector<In> in;
    in.reserve(batch.size());
    for (const auto& i : batch) in.push_back(std::move(static_cast<item&>(*i).in));
    auto give_back = [&] {  // the batch may have to be repeated
      for (std::size_t k = 0; k < batch.size(); ++k) static_cast<item&>(*batch[k]).in = std::move(in[k]);
    };
    try {
      std::vector<Out> out = run(t, std::as_const(in));
      CARREL_EXPECT(out.size() == in.size());
      for (std::size_t k = 0; k < batch.size(); ++k) static_cast<item&>(*batch[k]).out.emplace(std::move(out[k]));
    } catch (...) {
      give_back();
      throw;
    }
    give_back();
  };
  core_ = std::make_shared<batch_core>(p, m, name, std::move(run_items), most, parallel);
}

template <class In, class Out>
batcher<In, Out>::~batcher() {
  core_->flush();
}

template <class In, class Out>
task<Out> batcher<In, Out>::add(In in) {
  auto mine = std::make_shared<batch_item_of<In, Out>>(std::move(in));
  std::shared_ptr<batch_item> item = mine;
  std::shared_ptr<batch_core> core = core_;
  task<> committed = core->add(std::move(item));
  co_await std::move(committed);
  co_return std::move(*mine->out);
}

template <class In, class Out>
void batcher<In, Out>::flush() {
  core_->flush();
}

template <class In, class Out>
std::size_t batcher<In, Out>::waiting() const {
  return core_->waiting();
}

}  // namespace carrel::db
