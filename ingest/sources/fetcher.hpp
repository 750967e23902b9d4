#pragma once
// Asks the sources (metadata-providers.md 11): a thread for each that is to be asked, so that one that is slow or away holds up
// no other and nothing else. What they say becomes candidates; of books that came in, rules take from those
// (by_rule.hpp).

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ingest/services.hpp"
#include "ingest/sources/conversation.hpp"
#include "ingest/sources/preferences.hpp"
#include "ingest/sources/score.hpp"
#include "server/core/config.hpp"
#include "server/db/notify.hpp"
#include "server/http/client.hpp"
#include "server/jobs/worker.hpp"

namespace carrel::ingest::sources {

struct fetch_services {
  const ingest::services& with;
  http::client& client;
  const config& settings;
  std::string version;
  std::function<std::unique_ptr<conversation>(std::string_view source, const question&, const preferences&)> talk;
  std::function<score(const local_book&, const record&)> weigh;
};

class fetcher {
 public:
  fetcher(const fetch_services&, std::string process_name);
  ~fetcher();

  void start(db::notifier&);
  void stop();  // after http::client::stop(): what is under way ends at once and is asked again later

  // One request at most, or what can be answered without one, of this source. For the threads, commands and tests.
  struct step {
    bool worked = false;
    std::optional<instant> next;  // of one that did nothing: when there may be something to do
  };
  step take_step(const std::string& source);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

// Records that were not likely enough to be shown go after 30 days (9.2).
void forget_unlikely(db::tx&, double least_shown);

// Old answers and candidates that nobody will look at go, every hour.
void register_schedule(jobs::schedule&, db::pool&, const config&);

}  // namespace carrel::ingest::sources
