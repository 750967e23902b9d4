#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <ctime>

#include "server/auth/accounts.hpp"
#include "server/core/digest.hpp"
#include "server/db/batcher.hpp"
#include "tests/integration/people/support.hpp"

using namespace carrel;
using namespace carrel::people;

namespace {

double cpu_seconds(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

task<> ask_opds(auth::credentials& who, visit& v, int times) {
  for (int i = 0; i < times; ++i) {
    task<http::principal> asking = who.basic(v.c, "opds");
    http::principal p = co_await std::move(asking);
    if (!p.device) throw std::runtime_error("not the device");
  }
}

task<> ask_kosync(auth::credentials& who, visit& v, int times) {
  for (int i = 0; i < times; ++i) {
    task<http::principal> asking = who.kosync(v.c);
    http::principal p = co_await std::move(asking);
    if (p.user_name.empty()) throw std::runtime_error("nobody");
  }
}

// What waiting for a batch costs by itself.
struct bare_waiting {
  explicit bare_waiting(db::pool& pool)
      : batches(
            pool, db::mode::read, "test.bare", [](db::tx&, const std::vector<int>& in) { return in; }, 256, 2) {}
  db::batcher<int, int> batches;
  task<> ask(int times) {
    for (int i = 0; i < times; ++i) {
      task<int> waiting = batches.add(i);
      int same = co_await std::move(waiting);
      if (same != i) throw std::runtime_error("another's answer");
    }
  }
};

// Microseconds of CPU on the I/O thread for one check, with `readers` at the same time; the database threads apart.
template <class Ask>
double cost(house& h, const header_list& headers, int readers, int times, Ask ask) {
  boost::asio::io_context io;
  std::vector<std::unique_ptr<visit>> visits;
  for (int i = 0; i < readers; ++i) {
    visits.push_back(std::make_unique<visit>(headers));
    boost::asio::co_spawn(io, ask(h.who, *visits.back(), times), [](const std::exception_ptr& e) {
      if (e) std::rethrow_exception(e);
    });
  }
  double before = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
  io.run();
  return (cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - before) * 1e6 / (readers * times);
}

}  // namespace

TEST_CASE("a repeated device password costs microseconds and is asked for in batches") {
  house h;
  library::user ada = h.add("ada", library::role::owner);
  library::new_device clara = h.add_device(ada, "Clara");
  auto opds = basic_headers("ada", clara.password), sync = kosync_headers("ada", md5_hex(clara.password));

  cost(h, opds, 4, 200, ask_opds);
  double lone = cost(h, opds, 1, 3000, ask_opds), many = cost(h, opds, 64, 300, ask_opds),
         kosync = cost(h, sync, 64, 300, ask_kosync);
  bare_waiting bare(h.pool);
  auto wait_only = [&](auth::credentials&, visit&, int times) { return bare.ask(times); };
  double bare_lone = cost(h, {}, 1, 3000, wait_only), bare_many = cost(h, {}, 64, 300, wait_only);
  std::printf("I/O thread, us per check: lone %.1f (of them waiting %.1f), 64 readers %.1f (%.1f), kosync 64 readers %.1f\n",
              lone, bare_lone, many, bare_many, kosync);
  CHECK(many < 100);  // measured: 2; the rest is for busy machines and sanitizers
  CHECK(kosync < 100);
}

TEST_CASE("one indexed statement answers a whole batch") {
  house h;
  library::user ada = h.add("ada", library::role::owner);
  std::vector<auth::shown_credential> shown;
  for (int i = 0; i < 100; ++i) {
    library::new_device d = h.add_device(ada, "d" + std::to_string(i));
    shown.push_back({.secret = {.hash = library::plain_secret_hash(d.password), .form = "plain"}, .name_key = "ada"});
  }
  std::vector<double> all;
  double cpu = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
  for (int i = 0; i < 200; ++i) {
    auto begin = std::chrono::steady_clock::now();
    auto found = h.read([&](db::tx& tx) { return auth::find_credentials(tx, shown); });
    all.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
    REQUIRE(std::all_of(found.begin(), found.end(), [](const auto& f) { return f.device.has_value(); }));
  }
  std::sort(all.begin(), all.end());
  cpu = (cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6 / static_cast<double>(all.size());
  std::printf("100 secrets in one statement: median %.0f us, of them %.0f us CPU of this process\n", all[all.size() / 2], cpu);
}
