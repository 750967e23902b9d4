#pragma once
// The real program as child processes.

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "server/core/json.hpp"
#include "server/postgres/cluster.hpp"

namespace carrel::program::tests {

using settings = std::map<std::string, std::string>;  // CARREL_X without the prefix

// A started program. Its standard error goes to a file.
class process {
 public:
  process(const std::filesystem::path& data, const settings&, const std::vector<std::string>& words,
          const std::string& input = {});
  ~process();
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  void send(int signal) const;
  bool running();
  int wait();  // exit status, or 128 + signal
  void kill();
  std::string out() const;
  std::string err() const;

 private:
  std::filesystem::path out_, err_;
  pid_t pid_ = -1;
  int status_ = -1;
};

// `carrel serve` on loopback, ready when made. The same data folder and port may be used again after it has gone.
class server : public process {
 public:
  explicit server(const std::filesystem::path& data, unsigned port = 0, settings more = {});
  unsigned port() const { return port_; }

 private:
  unsigned port_ = 0;
};

struct account {
  std::string name, password;
  std::string device_password;
  std::string kosync_key;
};

// A command that must succeed; its JSON.
json::object run(const std::filesystem::path& data, const std::vector<std::string>& words, const std::string& input = {});
account add_owner(const std::filesystem::path& data);

// What the library holds, asked as one more user of the private cluster.
class library_of {
 public:
  explicit library_of(const std::filesystem::path& data);
  std::int64_t number(const std::string& sql) const;

 private:
  std::unique_ptr<postgres::cluster> cluster_;
};

pid_t postmaster(const std::filesystem::path& data);  // 0 when there is none

}  // namespace carrel::program::tests
