#pragma once
// Servers that stand in for the sources, a database, and one or more of the processes that ask them. The clock stands still and
// is moved on to whatever comes next, so that hours pass in a moment and every distance can be measured.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ingest/sources/fetcher.hpp"
#include "library/source_queue.hpp"
#include "server/jobs/queue.hpp"
#include "tests/harness/peer.hpp"
#include "tests/integration/ingest/workbench.hpp"

namespace carrel::ingest::sources::test {

namespace fs = std::filesystem;
using harness::said;

// The time of day of a test.
struct stopped_clock {
  explicit stopped_clock(instant at);
  ~stopped_clock();
};
instant at(const char* rfc3339);  // "2026-03-04T12:00:00Z"

// A source: what it is asked and when, and what it says. By default it knows every book under the title it is asked for.
class stand_in {
 public:
  using voice = std::function<std::string(const harness::heard&)>;

  stand_in();
  std::string url() const { return peer_.url(); }
  unsigned port() const { return peer_.port(); }
  void says(voice);
  // These one after the other, then again as before.
  void says_first(std::vector<std::string> answers);
  std::vector<std::string> targets() const;
  std::vector<instant> moments() const;
  std::vector<harness::heard> all() const { return peer_.all(); }
  std::size_t count() const { return targets().size(); }

 private:
  std::string speak(const harness::heard&);

  mutable std::mutex mutex_;
  std::vector<instant> moments_;
  std::vector<std::string> first_;
  voice voice_;
  harness::peer peer_;
};

// {"records":[{"key","title","confidence","cover":[...]}]}: what the test's own talk understands.
std::string record_text(const std::string& key, const std::string& title, double confidence = 0.95,
                        const std::vector<std::string>& covers = {});
std::string one_record(const std::string& key, const std::string& title, double confidence = 0.95,
                       const std::vector<std::string>& covers = {});

using settings_list = std::vector<std::pair<std::string, std::string>>;

struct stage : ingest::test::workbench {
  explicit stage(const settings_list& more = {}, const std::string& sources = "open_library,audnexus,google_books");
  ~stage();

  stand_in library, google;  // open_library and google_books
  config settings;
  http::client client;
  fetch_services services;
  fetcher first;  // a process

  uuid add_book(const std::string& title, bool with_cover = false);
  std::vector<uuid> add_books(int count);
  // As a person asks for a book.
  uuid ask(const uuid& book, library::urgency how = library::urgency::somebody_waits);
  uuid ask_for_all(const std::vector<uuid>& books);

  // Until nothing is left to do within `most` of the clock's time.
  void run(std::chrono::seconds most = std::chrono::hours(48));
  void run(const std::vector<fetcher*>& processes, std::chrono::seconds most = std::chrono::hours(48));
  void step_once(const std::string& source) { first.take_step(source); }

  std::string job_state(const uuid& job);
  std::string candidates(const std::string& source);  // their keys, in order
};

// Asks for /find?title=..., then as many times /more/N as the answer says.
std::unique_ptr<conversation> test_talk(std::string_view source, const question&, const preferences&);
score test_weight(const local_book&, const record&);

}  // namespace carrel::ingest::sources::test
