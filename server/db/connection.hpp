#pragma once
// One session with the server. Internal to server/db: connection.cpp is the only file that includes libpqxx.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/db/tx.hpp"

namespace carrel::db {

enum class mode;

struct session {
  std::string url;
  std::string application;
  std::chrono::milliseconds statement_timeout{0};
};

// Used by one thread at a time, except cancel().
class connection {
 public:
  explicit connection(const session&);  // connects; throws lost
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  tx handle() { return tx(*this); }
  rows run(const statement&, const std::vector<param>&);
  void script(std::string_view sql);
  void copy_in(std::string_view table, const std::vector<std::string>& columns, const std::vector<std::vector<param>>& data);
  void savepoint(const std::function<void()>& work);

  // `stop`, when not null, is looked at before every statement: once true they throw cancelled. What is not `limited` is exempt
  // from the session's statement_timeout.
  void begin(mode, const std::atomic<bool>* stop, bool limited);
  void commit();                   // nothing to do for mode::read; throws lost when the outcome is unknown
  void rollback() noexcept;        // likewise
  std::size_t statements() const;  // since begin()

  bool broken() const;
  // For a connection that was idle: asks the server when something unexpected is there to read, and notices its end.
  bool still_there();
  void cancel() noexcept;  // from any thread, while the owner keeps the connection alive

  // LISTEN: `call` runs inside take_notifications(). A connection that listens is used for nothing else.
  void listen(const std::string& channel, std::function<void(const std::string& payload)> call);
  void unlisten(const std::string& channel);
  void take_notifications();  // throws lost
  int socket() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

// A statement that failed because its plan is older than a change of the schema. Fresh connections do not have this problem.
bool is_stale_plan(const failure&);

}  // namespace carrel::db
