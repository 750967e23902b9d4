#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace carrel::db {

// One LISTEN connection on a thread of its own. A doorbell only: a lost connection is opened again (with growing delay up
// to 5 s), and every listener is then called once with an empty payload, because something may have been missed.
class notifier {
 public:
  explicit notifier(std::string url);
  ~notifier();

  // `call(payload)` runs on the notifier's thread; keep it short. Returns an id for forget(). Names: [a-z_]+.
  unsigned listen(const std::string& channel, std::function<void(const std::string& payload)> call);
  void forget(unsigned id);
  bool connected() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace carrel::db
