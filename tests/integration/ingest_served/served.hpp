#pragma once
// The built program, as a service and as a command, on a database and a data directory of its own.

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "server/core/uuid.hpp"
#include "server/db/pool.hpp"
#include "tests/harness/database.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/web/client.hpp"

namespace carrel::ingest::served {

namespace fs = std::filesystem;

struct printed {
  int status = -1;
  std::string out, err;
  json::object document() const { return json::read_object(out).value(); }
};

// A child with its output in files; ended when it goes out of scope.
class process {
 public:
  process(const fs::path& folder, std::vector<std::string> words, std::vector<std::string> environment);
  ~process();
  process(const process&) = delete;
  process& operator=(const process&) = delete;
  void signal(int);
  printed wait();
  std::string errors() const;

 private:
  fs::path out_, err_;
  pid_t pid_ = -1;
};

struct house {
  house();
  printed run(std::vector<std::string> words) const { return process(folder, std::move(words), environment).wait(); }
  std::int64_t number(const std::string& sql);
  std::string text(const std::string& sql);

  harness::database database;
  fs::path folder, data, inbox;
  std::vector<std::string> environment;
  db::pool pool;
};

// `carrel serve` with an owner who is signed in.
struct service {
  explicit service(house&);
  ~service();
  web::tests::reply upload(const std::string& name, const std::string& bytes);
  // The job once it has ended.
  json::object ended_job(const std::string& id);

  process server;
  unsigned port;
  web::tests::client owner;
};

using harness::eventually;
std::string text_of(const json::object&, std::string_view name);  // "" when absent or null

}  // namespace carrel::ingest::served
