#pragma once
// A migrated database of its own, people in it, and requests without a network.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "library/device.hpp"
#include "library/user.hpp"
#include "server/auth/cpu_pool.hpp"
#include "server/auth/credentials.hpp"
#include "server/core/clock.hpp"
#include "server/core/config.hpp"
#include "server/db/pool.hpp"
#include "server/http/message.hpp"
#include "tests/harness/database.hpp"

namespace carrel::people {

using header_list = http::header_list;
using setting_list = std::vector<std::pair<std::string, std::string>>;

struct home {
  home();

  harness::database database;
  db::pool pool;

  library::user add(const std::string& name, library::role = library::role::reader);
  library::user add_with_password(const std::string& name, const std::string& password, library::role = library::role::reader);
  library::new_device add_device(const library::user&, const std::string& name, const std::string& kind = "koreader");
  uuid add_book(const std::string& title, const std::string& status = "organized");
  uuid add_file(const uuid& book);
  library::user load(const uuid& user);

  // What a statement's first cell says.
  std::int64_t number(const char* sql);

  template <class F>
  auto write(F f) {
    return pool.write_now(std::move(f));
  }
  template <class F>
  auto read(F f) {
    return pool.read_now(std::move(f));
  }
};

config settings_with(setting_list);

// A home with the credentials of one server process.
struct house : home {
  explicit house(setting_list wanted = {});
  config settings;
  auth::cpu_pool cpu{2};
  auth::credentials who;
};

struct visit {
  explicit visit(header_list headers, http::verb = http::verb::get, std::string target = "/", std::string body = "",
                 std::string address = "192.0.2.7", std::string scheme = "http");
  visit(const visit&) = delete;
  visit& operator=(const visit&) = delete;
  http::request in;
  http::context c{in, {}, {}, {}, {}};
};

template <class T>
T run(task<T> t) {
  boost::asio::io_context io;
  std::future<T> done = boost::asio::co_spawn(io, std::move(t), boost::asio::use_future);
  io.run();
  return done.get();
}

// The problem that a coroutine ends with; status 0 when it does not.
template <class T>
http::problem problem_of(task<T> t) {
  try {
    run(std::move(t));
  } catch (const http::problem& p) {
    return p;
  }
  return {0, "no problem"};
}

std::string header_of(const http::problem&, std::string_view name);

std::string basic(const std::string& name, const std::string& password);
header_list basic_headers(const std::string& name, const std::string& password);
header_list kosync_headers(const std::string& name, const std::string& key);

// The clock stands still, and goes on when told to.
class still_clock {
 public:
  still_clock() { set_clock(at_); }
  ~still_clock() { set_clock(std::nullopt); }
  void pass(std::chrono::seconds s) { set_clock(at_ += s); }

 private:
  instant at_ = now();
};

}  // namespace carrel::people
