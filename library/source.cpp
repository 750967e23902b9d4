#include "library/source.hpp"

#include <algorithm>
#include <cmath>

#include "library/setting.hpp"
#include "library/storable.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

using std::chrono::milliseconds;

constexpr db::statement sql_secrets{"library.source_secrets", R"sql(
  select service, coalesce(secret_hint, ''), coalesce(state = 'auth_failed', false)
    from external_accounts where owner_key = 'main' and secret_cipher is not null)sql"};

constexpr db::statement sql_states{"library.source_states", R"sql(
  select w.source, coalesce(s.needs_attention, false), coalesce(s.last_error, ''), s.last_error_at, s.last_ok_at, s.paused_until,
         s.tested_at, s.test_wanted_at is not null, coalesce(s.test_result, ''),
         case when s.day = ($3::timestamptz at time zone w.zone)::date then s.requests else 0 end,
         (select count(*) from metadata_jobs m where m.source = w.source and m.done_at is null),
         case when s.books >= 20 then s.asked::float8 / s.books else 2 end
    from unnest($1::text[], $2::text[]) as w (source, zone)
    left join metadata_sources s on s.source = w.source)sql"};

constexpr db::statement sql_want_test{"library.want_source_test", R"sql(
  insert into metadata_sources (source, test_wanted_at) values ($1, $2)
      on conflict (source) do update set test_wanted_at = excluded.test_wanted_at)sql"};

constexpr db::statement sql_forgive{"library.forgive_source", R"sql(
  update metadata_sources set needs_attention = false, last_error = '', last_error_at = null, paused_until = null, failures = 0, pauses = 0
   where source = $1)sql"};

constexpr db::statement sql_ring{"library.ring_sources", "select pg_notify('carrel_metadata', '')"};

constexpr const char *enabled_key = "metadata.enabled", *order_key = "metadata.sources", *contact_key = "metadata.contact",
                     *paused_key = "metadata.paused", *custom_key = "metadata.custom";
constexpr std::string_view custom_prefix = "custom:";

bool is_fixed(const config& c, const std::string& key) { return c.entries().at(key).origin != "default"; }

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

bool flag_of(db::tx& tx, const char* key) {
  std::optional<json::value> v = read_setting(tx, key);
  return v && v->as_bool() && *v->as_bool();
}

std::string text_of(db::tx& tx, const char* key) {
  std::optional<json::value> v = read_setting(tx, key);
  return v && v->as_text() ? *v->as_text() : "";
}

std::string host_of(std::string_view url) {
  std::size_t begin = url.find("://");
  std::string_view rest = url.substr(begin == url.npos ? 0 : begin + 3);
  rest = rest.substr(0, rest.find('/'));
  std::size_t bracket = rest.rfind(']'), colon = rest.rfind(':');
  if (colon != rest.npos && (bracket == rest.npos || colon > bracket)) rest = rest.substr(0, colon);
  return lower_ascii(rest);
}

std::vector<std::string> order_of(db::tx& tx, const config& c, bool fixed) {
  std::vector<std::string> out;
  std::optional<json::value> chosen = fixed ? std::nullopt : read_setting(tx, order_key);
  std::vector<std::string> words;
  if (chosen && chosen->as_array()) {
    for (const json::value& v : *chosen->as_array()) words.push_back(v.as_text() ? *v.as_text() : "");
  } else {
    words = c.list(order_key);
  }
  for (const std::string& w : words) {
    std::string id = source_id(w);
    if (!id.empty() && std::find(out.begin(), out.end(), id) == out.end()) out.push_back(id);
  }
  return out;
}

// `metadata.rate` holds for every source; what a source asks for itself may be slower.
milliseconds polite(const config& c, milliseconds own) {
  const std::string& rate = c.text("metadata.rate");
  std::size_t slash = rate.find('/');
  std::int64_t times = to_integer(rate.substr(0, slash)).value_or(1);
  std::string per = rate.substr(slash + 1);
  milliseconds span = parse_duration(per.size() == 1 ? "1" + per : per).value_or(milliseconds(1'000));
  return std::max(own, span / std::max<std::int64_t>(times, 1));
}

source google_books(const config& c) {
  source s{.id = "google_books", .url = c.text("google_books.base_url"), .key_is = source::key::needed};
  s.own_url = is_fixed(c, "google_books.base_url");
  s.interval = c.duration("google_books.min_interval");
  s.daily = c.integer("google_books.daily_budget");
  s.zone = "America/Los_Angeles";
  return s;
}

source open_library(const config& c, bool introduced) {
  source s{.id = "open_library", .url = c.text("open_library.base_url"), .covers_url = c.text("open_library.covers_url")};
  s.own_url = is_fixed(c, "open_library.base_url") || is_fixed(c, "open_library.covers_url");
  s.picture_hosts = {host_of(s.covers_url), "archive.org", ".archive.org"};
  s.interval =
      c.is_set("open_library.min_interval") ? c.duration("open_library.min_interval") : milliseconds(introduced ? 400 : 1'100);
  return s;
}

source hardcover(const config& c) {
  source s{.id = "hardcover", .url = c.text("hardcover.base_url"), .key_is = source::key::needed};
  s.own_url = is_fixed(c, "hardcover.base_url");
  s.interval = milliseconds(60'000 / std::max<std::int64_t>(c.integer("hardcover.requests_per_minute"), 1));
  s.daily = c.integer("hardcover.daily_budget");
  return s;
}

source audnexus(const config& c) {
  source s{.id = "audnexus", .url = c.text("audnexus.base_url")};
  s.own_url = is_fixed(c, "audnexus.base_url");
  s.interval = c.duration("audnexus.min_interval");
  return s;
}

std::vector<source> known_sources(db::tx& tx, const config& c, bool introduced) {
  std::vector<source> out{open_library(c, introduced), google_books(c), hardcover(c), audnexus(c)};
  for (const custom_source& own : custom_sources(tx)) {
    out.push_back({.id = std::string(custom_prefix) + own.name, .url = own.url, .own_url = true, .key_is = source::key::wanted});
  }
  for (source& s : out) {
    s.url = without_slash(s.url);
    s.covers_url = without_slash(s.covers_url);
    s.interval = polite(c, s.interval);
  }
  return out;
}

void add_keys(db::tx& tx, const config& c, std::vector<source>& all) {
  db::rows kept = tx.run(sql_secrets);
  for (source& s : all) {
    for (const db::row& r : kept) {
      if (r.text(0) != s.id || s.key_is == source::key::none) continue;
      s.key_lost = r.flag(2);
      s.has_key = !s.key_lost;
      s.key_hint = r.text(1);
    }
    std::string setting = s.key_setting();
    if (setting.empty() || !c.is_set(setting)) continue;
    s.has_key = s.key_fixed = true;
    s.key_lost = false;
    s.key_hint.clear();
  }
}

void put_in_order(std::vector<source>& all, const std::vector<std::string>& order) {
  auto place = [&](const source& s) { return std::find(order.begin(), order.end(), s.id) - order.begin(); };
  for (source& s : all) s.on = place(s) < static_cast<std::ptrdiff_t>(order.size());
  std::stable_sort(all.begin(), all.end(), [&](const source& a, const source& b) { return place(a) < place(b); });
}

void ring(db::tx& tx) { tx.run(sql_ring); }

void write(db::tx& tx, const char* key, const json::value& v, const actor& by) {
  write_setting(tx, key, v);
  record(tx, by, "settings.change", "setting", std::nullopt, {{"key", key}});
  ring(tx);
}

void write_custom(db::tx& tx, const std::vector<custom_source>& all, const actor& by) {
  json::array list;
  for (const custom_source& s : all) list.emplace_back(json::object{{"name", s.name}, {"url", s.url}});
  write(tx, custom_key, list.empty() ? json::value() : json::value(std::move(list)), by);
}

bool is_custom_name(std::string_view s) {
  return !s.empty() && s.size() <= 40 && s.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == s.npos;
}

}  // namespace

std::string source::key_setting() const { return id == "google_books" ? "google_books.api_key" : ""; }

const source* source_plan::find(std::string_view id) const {
  auto at = std::find_if(sources.begin(), sources.end(), [&](const source& s) { return s.id == id; });
  return at == sources.end() ? nullptr : &*at;
}

std::vector<std::string> source_plan::asked() const {
  std::vector<std::string> out;
  for (const source& s : sources) {
    if (enabled && s.usable()) out.push_back(s.id);
  }
  return out;
}

std::string source_id(std::string_view written) {
  if (written == "openlibrary" || written == "open_library") return "open_library";
  if (written == "googlebooks" || written == "google_books") return "google_books";
  if (written == "hardcover" || written == "audnexus") return std::string(written);
  bool custom = written.starts_with(custom_prefix) && written.size() > custom_prefix.size();
  return custom ? std::string(written) : std::string();
}

bool sources_enabled(db::tx& tx, const config& c) { return c.is_set(enabled_key) ? c.on(enabled_key) : flag_of(tx, enabled_key); }

source_plan read_plan(db::tx& tx, const config& c) {
  source_plan out;
  out.enabled_fixed = c.is_set(enabled_key);
  out.enabled = sources_enabled(tx, c);
  out.order_fixed = is_fixed(c, order_key);
  out.contact_fixed = c.is_set(contact_key);
  out.contact = out.contact_fixed ? c.text(contact_key) : text_of(tx, contact_key);
  out.paused = flag_of(tx, paused_key);
  out.sources = known_sources(tx, c, !out.contact.empty());
  add_keys(tx, c, out.sources);
  put_in_order(out.sources, order_of(tx, c, out.order_fixed));
  return out;
}

void enable_sources(db::tx& tx, bool on, const actor& by) { write(tx, enabled_key, on, by); }

void choose_sources(db::tx& tx, const std::vector<std::string>& in_order, const actor& by) { write(tx, order_key, in_order, by); }

void set_contact(db::tx& tx, const std::string& contact, const actor& by) {
  write(tx, contact_key, contact.empty() ? json::value() : json::value(contact), by);
}

void pause_sources(db::tx& tx, bool paused, const actor& by) { write(tx, paused_key, paused, by); }

void set_source_key(db::tx& tx, const seal& with, const std::string& source, const std::string& key, const actor& by) {
  keep_secret(tx, with, source, "main", key);
  tx.run(sql_forgive, source);
  record(tx, by, "source.key", "source", std::nullopt, {{"source", source}});
  ring(tx);
}

void drop_source_key(db::tx& tx, const std::string& source, const actor& by) {
  if (drop_secret(tx, source, "main")) record(tx, by, "source.key_dropped", "source", std::nullopt, {{"source", source}});
}

std::vector<custom_source> custom_sources(db::tx& tx) {
  std::vector<custom_source> out;
  std::optional<json::value> v = read_setting(tx, custom_key);
  if (!v || !v->as_array()) return out;
  for (const json::value& one : *v->as_array()) {
    custom_source s;
    const json::object* o = one.as_object();
    if (o != nullptr && o->take("name", s.name) && o->take("url", s.url) && is_custom_name(s.name)) out.push_back(std::move(s));
  }
  return out;
}

bool add_custom_source(db::tx& tx, const custom_source& fresh, const actor& by) {
  std::vector<custom_source> all = custom_sources(tx);
  bool taken = std::any_of(all.begin(), all.end(), [&](const custom_source& s) { return s.name == fresh.name; });
  bool address = (fresh.url.starts_with("http://") || fresh.url.starts_with("https://")) && fresh.url.size() <= 500 &&
                 fresh.url.find_first_of(" \t\"<>\\^`{|}?#@") == fresh.url.npos && storable(fresh.url);
  if (taken || !address || !is_custom_name(fresh.name)) return false;
  all.push_back(fresh);
  write_custom(tx, all, by);
  return true;
}

bool drop_custom_source(db::tx& tx, const std::string& name, const actor& by) {
  std::vector<custom_source> all = custom_sources(tx);
  if (std::erase_if(all, [&](const custom_source& s) { return s.name == name; }) == 0) return false;
  drop_source_key(tx, std::string(custom_prefix) + name, by);
  write_custom(tx, all, by);
  return true;
}

std::vector<source_state> source_states(db::tx& tx, const source_plan& plan) {
  std::vector<std::string> ids, zones;
  for (const source& s : plan.sources) {
    ids.push_back(s.id);
    zones.push_back(s.zone);
  }
  std::vector<source_state> out;
  db::rows rows = tx.run(sql_states, ids, zones, now());
  for (const db::row& r : rows) {
    out.push_back({.source = r.text(0),
                   .needs_attention = r.flag(1),
                   .last_error = r.text(2),
                   .last_error_at = r.maybe_at(3),
                   .last_ok_at = r.maybe_at(4),
                   .paused_until = r.maybe_at(5),
                   .tested_at = r.maybe_at(6),
                   .testing = r.flag(7),
                   .test_result = r.text(8),
                   .today = r.integer(9),
                   .waiting = r.integer(10),
                   .requests_a_book = r.real(11)});
  }
  return out;
}

void want_source_test(db::tx& tx, const std::string& source) {
  tx.run(sql_want_test, source, now());
  ring(tx);
}

std::chrono::seconds estimate(const source_plan& plan, const std::vector<source_state>& states) {
  return estimate(plan, states, 0);
}

std::chrono::seconds estimate(const source_plan& plan, const std::vector<source_state>& states, std::int64_t more_books) {
  std::chrono::seconds longest{0};
  for (const source_state& st : states) {
    const source* s = plan.find(st.source);
    if (!plan.enabled || s == nullptr || !s->usable()) continue;
    double requests = static_cast<double>(st.waiting + more_books) * std::max(st.requests_a_book, 1.0);
    double seconds = requests * std::chrono::duration<double>(s->interval).count();
    double days = s->daily && *s->daily > 0 ? std::floor(requests / static_cast<double>(*s->daily)) : 0;
    longest = std::max(longest, std::chrono::seconds(static_cast<std::int64_t>(std::max(seconds, days * 86'400.0))));
  }
  return longest;
}

}  // namespace carrel::library
