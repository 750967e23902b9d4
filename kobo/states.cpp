#include "kobo/states.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "kobo/sessions.hpp"
#include "library/storable.hpp"
#include "server/core/text.hpp"

namespace carrel::kobo {
namespace {

#define CARREL_STATE                                                                                                        \
  "select s.entitlement, s.revision, s.created_at, s.status, s.status_at, s.statistics, s.statistics_at, s.bookmark,"       \
  " s.bookmark_at, c.status_said_at, c.status_at, c.statistics_said_at, c.statistics_at, c.bookmark_said_at, c.bookmark_at" \
  " from kobo_states s left join kobo_clocks c on c.kobo_id = $2 and c.entitlement = s.entitlement where s.user_id = $1 "
constexpr db::statement sql_states{"kobo.states", CARREL_STATE "and s.entitlement = any ($3::uuid[])"};
constexpr db::statement sql_lock{"kobo.lock_state", CARREL_STATE "and s.entitlement = $3 for update of s"};
#undef CARREL_STATE
constexpr db::statement sql_begin{"kobo.begin_state", R"sql(
  insert into kobo_states (user_id, entitlement, revision, created_at) values ($1, $2, 0, $3) on conflict do nothing)sql"};
constexpr db::statement sql_store{"kobo.store_state", R"sql(
  update kobo_states set revision = revision + 1, status = $3::jsonb, status_at = $4, statistics = $5::jsonb, statistics_at = $6,
         bookmark = $7::jsonb, bookmark_at = $8
   where user_id = $1 and entitlement = $2 returning revision)sql"};
constexpr db::statement sql_keep_clock{"kobo.keep_clock", R"sql(
  insert into kobo_clocks as c (kobo_id, entitlement, status_said_at, status_at, statistics_said_at, statistics_at, bookmark_said_at,
                                bookmark_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8)
      on conflict (kobo_id, entitlement) do update
     set status_said_at = excluded.status_said_at, status_at = excluded.status_at,
         statistics_said_at = excluded.statistics_said_at, statistics_at = excluded.statistics_at,
         bookmark_said_at = excluded.bookmark_said_at, bookmark_at = excluded.bookmark_at)sql"};
// The device that said it holds it already, as long as what was stored is what it sent; the others are told. Not in their rows:
// two that report at once would wait for each other.
constexpr db::statement sql_tell_others{"kobo.tell_others", R"sql(
  insert into kobo_readers as r (user_id, states) values ($1, 1) on conflict (user_id) do update set states = r.states + 1)sql"};

constexpr db::statement sql_furthest{"kobo.furthest_wins", R"sql(
  select coalesce(position_policy = 'furthest', $2::boolean) from users where id = $1)sql"};
// A book that is read again keeps the day on which it was finished (10.5, rule 8).
constexpr db::statement sql_finished{"kobo.finished", R"sql(
  update kobo_states set finished_at = $3 where user_id = $1 and entitlement = $2)sql"};
// A running total of each device; the person's is the sum of the last of each (10.5, rule 9).
constexpr db::statement sql_minutes{"kobo.minutes", R"sql(
  insert into kobo_minutes (kobo_id, entitlement, minutes, at) values ($1, $2, $3, $4)
      on conflict (kobo_id, entitlement) do update set minutes = excluded.minutes, at = excluded.at where excluded.at >= kobo_minutes.at)sql"};

std::optional<state_section> section_from(const db::row& r, std::size_t column) {
  if (r.is_null(column)) return std::nullopt;
  result<json::object> fields = json::read_object(r.view(column));
  state_section out{.fields = fields ? std::move(*fields) : json::object{}, .at = r.at(column + 1)};
  std::size_t said = column + 6;
  if (!r.is_null(said)) out.by_device = wrong_time{.said = r.at(said), .counts = r.at(said + 1)};
  return out;
}

json::object section_json(const std::optional<state_section>& s, instant otherwise) {
  json::object out;
  out.set("LastModified", s ? s->shown_at() : otherwise);
  if (s) {
    for (const auto& [name, value] : s->fields.members()) out.set(name, value);
  }
  return out;
}

reading_state state_from(const db::row& r) {
  return {.revision = r.integer(1),
          .created = r.at(2),
          .status = section_from(r, 3),
          .statistics = section_from(r, 5),
          .bookmark = section_from(r, 7)};
}

enum class fate { missing, older, failed, kept, outvoted, accepted, merged };
const char* word_of(fate f) {
  if (f == fate::failed) return "Failure";
  return f == fate::missing || f == fate::older ? "Ignored" : "Success";
}

constexpr double most_minutes = 10'000'000;
constexpr std::size_t longest_text = 1000;

// What a section may hold; anything else in it is not kept, because every device of the reader would be told (7.5).
bool take_status(const json::object& sent, json::object& out) {
  std::string status;
  if (sent.find("Status") != nullptr && !sent.take("Status", status)) return false;
  if (!status.empty() && status != "ReadyToRead" && status != "Reading" && status != "Finished") return false;
  if (!status.empty()) out.set("Status", status);
  for (const char* time : {"LastTimeStartedReading", "LastTimeFinished"}) {
    std::string text;
    if (sent.take(time, text) && parse_time(text)) out.set(time, text);
  }
  return true;
}

// A fraction makes the device ask its question again and again, so numbers become whole (7.5).
bool take_number(const json::object& sent, const char* name, double most, json::object& out) {
  if (sent.find(name) == nullptr || sent.find(name)->is_null()) return true;
  double n = 0;
  if (!sent.take(name, n) || !(n >= 0 && n <= most)) return false;
  out.set(name, static_cast<std::int64_t>(n));
  return true;
}

bool take_statistics(const json::object& sent, json::object& out) {
  return take_number(sent, "SpentReadingMinutes", most_minutes, out) &&
         take_number(sent, "RemainingTimeMinutes", most_minutes, out);
}

bool take_bookmark(const json::object& sent, json::object& out) {
  if (!take_number(sent, "ProgressPercent", 100, out) || !take_number(sent, "ContentSourceProgressPercent", 100, out))
    return false;
  const json::value* location = sent.find("Location");
  if (location == nullptr || location->is_null()) return true;
  if (location->as_object() == nullptr) return false;
  json::object place;
  for (const char* name : {"Source", "Type", "Value"}) {
    std::string text;
    if (location->as_object()->find(name) == nullptr) continue;
    if (!location->as_object()->take(name, text) || text.size() > longest_text) return false;
    place.set(name, text);
  }
  out.set("Location", std::move(place));
  return true;
}

instant time_in(const json::object& sent, instant otherwise) {
  std::string text;
  return (sent.take("LastModified", text) ? parse_time(text) : std::nullopt).value_or(otherwise);
}

// A clock that is a day ahead would win against every other device for ever (10.5, 5).
bool is_ahead(instant t) { return t > now() + std::chrono::hours(24); }
instant believable(instant t) { return is_ahead(t) ? std::chrono::floor<std::chrono::seconds>(now()) : t; }

// Said once more it is no later than when it was said first.
void believe(state_section& made, const std::optional<state_section>& stored) {
  bool again = stored && stored->by_device && stored->by_device->said == made.at;
  if (!again && !is_ahead(made.at)) return;
  made.by_device = wrong_time{.said = made.at, .counts = again ? stored->by_device->counts : believable(made.at)};
  made.at = made.by_device->counts;
}

// The first thing that is known of a reader and a book: no section may seem older (10.5, 3).
instant earliest_in(const json::object& sent, instant envelope) {
  instant out = envelope;
  for (const char* name : {"StatusInfo", "Statistics", "CurrentBookmark"}) {
    const json::value* section = sent.find(name);
    if (section != nullptr && section->as_object() != nullptr) out = std::min(out, time_in(*section->as_object(), envelope));
  }
  return out;
}

// The database gives members back in an order of its own.
std::string in_order(const json::object& o) {
  std::map<std::string, std::string> members;
  for (const auto& [name, v] : o.members())
    members[name] = v.as_object() != nullptr ? in_order(*v.as_object()) : json::dump(json::object{{name, v}});
  std::string out = "{";
  for (const auto& [name, text] : members) out.append(name).append(1, '=').append(text).append(1, ';');
  return out + "}";
}

bool is_part(const json::object& sent, const json::object& stored) {
  return std::all_of(sent.members().begin(), sent.members().end(), [&](const auto& member) {
    const json::value* there = stored.find(member.first);
    return there != nullptr && in_order({{"", *there}}) == in_order({{"", member.second}});
  });
}

using section_reader = bool (*)(const json::object&, json::object&);

fate take_section(std::optional<state_section>& stored, const json::object& sent, std::string_view name, instant otherwise,
                  section_reader read) {
  const json::value* v = sent.find(name);
  if (v == nullptr || v->is_null()) return fate::missing;
  if (v->as_object() == nullptr) return fate::failed;
  state_section made{.fields = {}, .at = time_in(*v->as_object(), otherwise)};
  if (!read(*v->as_object(), made.fields)) return fate::failed;
  believe(made, stored);
  if (stored && made.at < stored->at) return fate::older;
  if (stored && in_order(made.fields) == in_order(stored->fields)) {
    if (!made.by_device) stored->by_device.reset();  // its clock has been put right
    return fate::kept;
  }
  // At the same moment what is stored stays; who said otherwise is told of it (10.5, 1; 17.2).
  if (stored && made.at == stored->at) return is_part(made.fields, stored->fields) ? fate::kept : fate::outvoted;
  // Missing parts never clear stored parts (10.1); but how far one was in a document says nothing of another one.
  std::size_t parts = made.fields.size();
  bool elsewhere = made.fields.find("Location") != nullptr;
  if (stored) {
    for (const auto& [key, value] : stored->fields.members()) {
      bool stale = elsewhere && key == "ContentSourceProgressPercent";
      if (made.fields.find(key) == nullptr && !stale) made.fields.set(key, value);
    }
  }
  bool merged = made.fields.size() != parts;
  stored = std::move(made);
  return merged ? fate::merged : fate::accepted;
}

std::optional<std::string> text_of(const std::optional<state_section>& s) {
  return s ? std::optional(library::jsonb_text(s->fields)) : std::nullopt;
}
std::optional<instant> time_of(const std::optional<state_section>& s) { return s ? std::optional(s->at) : std::nullopt; }

bool has_clock(const reading_state& s) {
  auto wrong = [](const std::optional<state_section>& part) { return part && part->by_device; };
  return wrong(s.status) || wrong(s.statistics) || wrong(s.bookmark);
}
std::optional<instant> said_in(const std::optional<state_section>& s) {
  return s && s->by_device ? std::optional(s->by_device->said) : std::nullopt;
}
std::optional<instant> counted_in(const std::optional<state_section>& s) {
  return s && s->by_device ? std::optional(s->by_device->counts) : std::nullopt;
}
void keep_clock(db::tx& tx, const uuid& row, const uuid& entitlement, const reading_state& s) {
  tx.run(sql_keep_clock, row, entitlement, said_in(s.status), counted_in(s.status), said_in(s.statistics),
         counted_in(s.statistics), said_in(s.bookmark), counted_in(s.bookmark));
}

std::string status_in(const std::optional<state_section>& s) {
  std::string out;
  if (s) s->fields.take("Status", out);
  return out;
}

double progress_in(const std::optional<state_section>& s) {
  double out = 0;
  if (s) s->fields.take("ProgressPercent", out);
  return out;
}

bool is_new(fate f) { return f == fate::accepted || f == fate::merged; }

library::kobo_place place_in(const reading_state& s) {
  library::kobo_place out;
  out.finished = status_in(s.status) == "Finished";
  std::int64_t percent = 0;
  if (!s.bookmark) return out;
  if (s.bookmark->fields.take("ProgressPercent", percent)) out.in_book = percent;
  if (s.bookmark->fields.take("ContentSourceProgressPercent", percent)) out.in_document = percent;
  const json::value* location = s.bookmark->fields.find("Location");
  if (location == nullptr || location->as_object() == nullptr) return out;
  location->as_object()->take("Source", out.source);
  location->as_object()->take("Value", out.value);
  return out;
}

// A finished book is told with its first document, and with 0 or 100 %, or with its status alone (10.1, 18.5): the end is what
// counts, whatever place is told as long as it is finished. A book that is marked as unread begins anew.
void put_at(std::optional<state_section>& bookmark, int percent, instant at, fate& how) {
  json::object place{{"ProgressPercent", percent}};
  if (bookmark && in_order(bookmark->fields) == in_order(place)) return;
  state_section end{.fields = std::move(place), .at = at};
  if (bookmark) end.at = std::max(bookmark->at, at), end.by_device = bookmark->by_device;
  bookmark = std::move(end);
  how = fate::merged;
}

void count_minutes(db::tx& tx, const kobo_row& k, const uuid& entitlement, const json::object& sent, instant envelope) {
  const json::value* v = sent.find("Statistics");
  json::object clean;
  if (v == nullptr || v->as_object() == nullptr || !take_statistics(*v->as_object(), clean)) return;
  std::int64_t minutes = 0;
  if (!clean.take("SpentReadingMinutes", minutes)) return;
  tx.run(sql_minutes, k.ids.row, entitlement, minutes, std::min(time_in(*v->as_object(), envelope), now()));
}

}  // namespace

instant state_section::shown_at() const {
  if (!by_device) return at;
  return by_device->counts == at ? by_device->said : std::max(at, by_device->said + std::chrono::seconds(1));
}

instant reading_state::last_modified() const {
  std::optional<instant> out;
  for (const auto* s : {&status, &statistics, &bookmark}) {
    if (*s) out = out ? std::max(*out, (*s)->shown_at()) : (*s)->shown_at();
  }
  return out.value_or(created);
}

std::unordered_map<uuid, reading_state> read_states(db::tx& tx, const kobo_ids& k, const std::vector<uuid>& entitlements) {
  std::unordered_map<uuid, reading_state> out;
  for (const db::row& r : tx.run(sql_states, k.user, k.row, entitlements)) {
    out.emplace(r.id(0), state_from(r));
  }
  return out;
}

json::object state_json(const uuid& entitlement, const reading_state* s, instant added) {
  static const reading_state nothing;
  const reading_state& is = s ? *s : nothing;
  instant created = s ? s->created : added, changed = s ? s->last_modified() : added;
  json::object status = section_json(is.status, created);
  if (status.find("Status") == nullptr) status.set("Status", "ReadyToRead");
  json::object bookmark = section_json(is.bookmark, created);
  for (const char* percent : {"ProgressPercent", "ContentSourceProgressPercent"}) {
    // Left out beside a place, it makes the reader ask again and again where to go on (7.5).
    if (bookmark.find("Location") != nullptr && bookmark.find(percent) == nullptr) bookmark.set(percent, 0);
  }
  return {{"EntitlementId", entitlement},
          {"Created", created},
          {"LastModified", changed},
          {"PriorityTimestamp", changed},
          {"StatusInfo", std::move(status)},
          {"Statistics", section_json(is.statistics, created)},
          {"CurrentBookmark", std::move(bookmark)}};
}

std::optional<instant> parse_time(std::string_view text) {
  auto number = [&](std::size_t at, std::size_t count) -> std::optional<std::int64_t> {
    if (at + count > text.size()) return std::nullopt;
    for (char c : text.substr(at, count)) {
      if (c < '0' || c > '9') return std::nullopt;
    }
    return to_integer(text.substr(at, count));
  };
  auto year = number(0, 4), month = number(5, 2), day = number(8, 2), hour = number(11, 2), minute = number(14, 2),
       second = number(17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != ' ') || text[13] != ':' || text[16] != ':')
    return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)), std::chrono::month(static_cast<unsigned>(*month)),
                                   std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  std::string_view rest = text.substr(19);
  std::int64_t micros = 0;
  if (rest.starts_with('.')) {
    std::size_t end = std::min(rest.find_first_not_of("0123456789", 1), rest.size());
    if (end < 2 || end > 8) return std::nullopt;
    for (std::size_t i = 1; i < 7; ++i) micros = micros * 10 + (i < end ? rest[i] - '0' : 0);
    rest.remove_prefix(end);
  }
  if (rest != "Z" && rest != "+00:00" && !rest.empty()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second) +
         std::chrono::microseconds(micros);
}

instant state_time(const json::object& sent) { return time_in(sent, now()); }

section_results put_state(db::tx& tx, const kobo_row& k, const uuid& entitlement, const json::object& sent,
                          bool furthest_usually) {
  const uuid& user = k.ids.user;
  instant envelope = state_time(sent);
  tx.run(sql_begin, user, entitlement, earliest_in(sent, believable(envelope)));
  reading_state state = state_from(tx.run(sql_lock, user, k.ids.row, entitlement)[0]);
  bool had_clock = has_clock(state);

  const std::string status_before = status_in(state.status);
  const std::optional<state_section> bookmark_before = state.bookmark;
  std::array fates{take_section(state.status, sent, "StatusInfo", envelope, take_status),
                   take_section(state.statistics, sent, "Statistics", envelope, take_statistics),
                   take_section(state.bookmark, sent, "CurrentBookmark", envelope, take_bookmark)};
  bool back = is_new(fates[2]) && bookmark_before && progress_in(state.bookmark) < progress_in(bookmark_before);
  if (back && status_in(state.status) == status_before && tx.run(sql_furthest, user, furthest_usually)[0].flag(0)) {
    state.bookmark = bookmark_before;
    fates[2] = fate::older;
  }
  bool finished = status_in(state.status) == "Finished", was_finished = status_before == "Finished";
  bool ends = is_new(fates[0]) && finished && !was_finished;
  bool unread = is_new(fates[0]) && was_finished && status_in(state.status) == "ReadyToRead" && !is_new(fates[2]);
  if (unread) put_at(state.bookmark, 0, state.status->at, fates[2]);
  std::optional<library::kobo_place> place;
  if (ends || is_new(fates[2])) place = place_in(state);
  if (finished && (ends || is_new(fates[2]))) put_at(state.bookmark, 100, state.status->at, fates[2]);
  auto any = [&](fate f) { return std::find(fates.begin(), fates.end(), f) != fates.end(); };
  if (any(fate::accepted) || any(fate::merged)) {
    db::rows stored =
        tx.run(sql_store, user, entitlement, text_of(state.status), time_of(state.status), text_of(state.statistics),
               time_of(state.statistics), text_of(state.bookmark), time_of(state.bookmark));
    state.revision = stored[0].integer(0);
    tx.run(sql_tell_others, user);
  }
  if (had_clock || has_clock(state)) keep_clock(tx, k.ids.row, entitlement, state);
  if (ends) tx.run(sql_finished, user, entitlement, state.status->at);
  count_minutes(tx, k, entitlement, sent, envelope);
  bool exact = !any(fate::older) && !any(fate::outvoted) && !any(fate::failed) && !any(fate::merged);
  state_said(tx, k, entitlement, exact ? std::optional(state.revision) : std::nullopt);
  return {.status = word_of(fates[0]),
          .statistics = word_of(fates[1]),
          .bookmark = word_of(fates[2]),
          .place = std::move(place),
          .last_modified = state.last_modified()};
}

}  // namespace carrel::kobo
