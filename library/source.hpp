#pragma once
// The metadata sources as their owner has set them, and how they fare (metadata-providers.md 2, 11, 12). What is set in the
// configuration is fixed; the rest is chosen on the page of the sources and lies in the database (product.md 7).

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "library/audit.hpp"
#include "library/secret.hpp"
#include "server/core/clock.hpp"
#include "server/core/config.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct source {
  std::string id;                            // google_books, open_library, hardcover, audnexus, custom:<name>
  std::string url{}, covers_url{};           // without a slash at the end
  std::vector<std::string> picture_hosts{};  // where its covers may be, ".x" for all below x; empty: anywhere in the open network
  bool own_url = false;                      // the owner has named this server: it may be in the own network
  bool on = false;                           // one of those that are to be asked
  enum class key { none, wanted, needed } key_is = key::none;
  bool has_key = false, key_fixed = false, key_lost = false;
  std::string key_hint{};
  std::chrono::milliseconds interval{1'000};  // between the starts of two requests
  std::optional<std::int64_t> daily{};        // requests of a day, but for what a person waits for
  std::string zone = "UTC";                   // whose midnight ends the day

  bool usable() const { return on && (key_is != key::needed || has_key); }
  std::string key_setting() const;  // google_books.api_key; "" when only the page has it
};

struct source_plan {
  bool enabled = false, enabled_fixed = false;  // off: nobody is called
  bool order_fixed = false;
  std::string contact;
  bool contact_fixed = false;
  bool paused = false;          // but for what a person waits for
  std::vector<source> sources;  // those that are on in their order, then the others

  const source* find(std::string_view id) const;
  std::vector<std::string> asked() const;  // ids, in their order; none when it is off
};
source_plan read_plan(db::tx&, const config&);
bool sources_enabled(db::tx&, const config&);

// The name of a source in metadata.sources as its id; "" when it is none.
std::string source_id(std::string_view written);

// What a page changes; each is recorded.
void enable_sources(db::tx&, bool on, const actor&);
void choose_sources(db::tx&, const std::vector<std::string>& in_order, const actor&);
void set_contact(db::tx&, const std::string& contact, const actor&);
void pause_sources(db::tx&, bool paused, const actor&);
void set_source_key(db::tx&, const seal&, const std::string& source, const std::string& key, const actor&);
void drop_source_key(db::tx&, const std::string& source, const actor&);

// Servers of the owner's choice that speak the small protocol (section 7). Names: [a-z0-9_-]+.
struct custom_source {
  std::string name, url;
};
std::vector<custom_source> custom_sources(db::tx&);
bool add_custom_source(db::tx&, const custom_source&, const actor&);  // false: the name is taken, or one of both is no good
bool drop_custom_source(db::tx&, const std::string& name, const actor&);

struct source_state {
  std::string source;
  bool needs_attention = false;
  std::string last_error;
  std::optional<instant> last_error_at, last_ok_at, paused_until, tested_at;
  bool testing = false;
  std::string test_result;     // "" while nobody has tried; "ok", or what was wrong
  std::int64_t today = 0;      // requests
  std::int64_t waiting = 0;    // books
  double requests_a_book = 2;  // so far
};
std::vector<source_state> source_states(db::tx&, const source_plan&);

// One harmless question, before everything else that waits.
void want_source_test(db::tx&, const std::string& source);

// How long what waits takes at the polite rate. Sources are asked at the same time: the slowest counts.
std::chrono::seconds estimate(const source_plan&, const std::vector<source_state>&);
// The same of so many books more.
std::chrono::seconds estimate(const source_plan&, const std::vector<source_state>&, std::int64_t more_books);

}  // namespace carrel::library
