#include "ingest/sources/by_rule.hpp"

#include <algorithm>

#include "ingest/sources/stored.hpp"
#include "library/by_rule.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest::sources {
namespace {

// What a person rejected is not chosen. A cover counts as the picture that was fetched.
constexpr db::statement sql_records{"sources.stored_records", R"sql(
  select c.id, c.source, c.confidence::float8, c.normalized::text, c.score_detail::text, v.id is not null, coalesce(v.width, 0),
         coalesce(v.height, 0)
    from book_metadata_candidates c left join covers v on v.id = c.cover_id
   where c.book_id = $1 and c.query_kind <> '' and c.status in ('new', 'applied')
   order by c.confidence desc, c.fetched_at, c.id
   limit 200)sql"};

constexpr double believed = 0.75;  // own files that name a title of worth (ingest.md 18.1)

struct stored_records {
  std::vector<uuid> ids;
  std::vector<candidate> all;
};

stored_records read_records(db::tx& tx, const uuid& book) {
  stored_records out;
  for (const db::row& r : tx.run(sql_records, book)) {
    result<json::object> normalized = json::read_object(r.view(3)), detail = json::read_object(r.view(4));
    if (!normalized || !detail) continue;
    candidate c{.source = r.text(1), .about = record_from(*normalized), .scored = score_from(r.real(2), *detail)};
    if (!r.flag(5)) c.about.cover = {};
    c.about.cover.width = static_cast<int>(r.integer(6));
    c.about.cover.height = static_cast<int>(r.integer(7));
    out.ids.push_back(r.id(0));
    out.all.push_back(std::move(c));
  }
  return out;
}

bool holds_something(const json::value& v) {
  if (v.is_null()) return false;
  if (v.as_text() != nullptr) return !v.as_text()->empty();
  if (v.as_array() != nullptr) return !v.as_array()->empty();
  return v.as_object() == nullptr || !v.as_object()->empty();
}

bool is_in(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

void add_values(book_now& out, const library::field_now& f) {
  const json::object* o = f.value.as_object();
  if (o == nullptr) return;
  if (f.name == "identifiers") {
    for (const auto& [scheme, value] : o->members()) {
      if (value.as_text() != nullptr) out.identifiers.emplace_back(scheme, *value.as_text());
    }
  }
  std::int64_t width = 0;
  if (f.name == "cover" && o->take("width", width)) out.cover_width = static_cast<int>(width);
}

// What a rule put there, or was guessed, may come from a better source yet; what somebody took back stays as it is.
book_now book_from(const library::ruled_book& held) {
  book_now out;
  out.audio = held.audio;
  out.approved = held.approved;
  for (const library::field_now& f : held.fields) {
    if (holds_something(f.value) && !is_in(held.provisional, f.name)) out.filled.push_back(f.name);
    if (f.locked || is_in(held.taken_back, f.name)) out.locked.push_back(f.name);
    add_values(out, f);
  }
  for (const library::candidate& c : held.own_files) {
    if (c.source == "path" || c.confidence < believed) continue;
    out.local_confidence = std::max(out.local_confidence, c.confidence);
    for (const library::offer& o : c.offers) out.local_fields.push_back(o.field);
  }
  return out;
}

library::ruled_picks picks_from(const choices& chosen, const stored_records& records) {
  library::ruled_picks out;
  for (const choice& c : chosen.fields) {
    if (c.field != "duration") out.fields.push_back({records.ids[c.from], c.field});  // the files know how long they are
  }
  if (!chosen.covers.empty()) out.fields.push_back({records.ids[chosen.covers.front()], "cover"});
  for (const choice& c : chosen.identifiers) out.identifiers.push_back({records.ids[c.from], c.field});
  return out;
}

std::vector<std::string> take_fields(db::tx& tx, const book_rules& rules, const uuid& book, const library::ruled_book& held,
                                     const stored_records& records) {
  library::ruled_picks picks = picks_from(choose(book_from(held), records.all, rules.mode, rules.limits), records);
  if (picks.fields.empty() && picks.identifiers.empty()) return {};
  result<library::taken> done = library::take_by_rule(tx, book, picks, library::metadata_rule);
  return done && done->group ? done->fields : std::vector<std::string>();
}

// As sure as the setting wants it: what the files say, or a record that no other one of its source comes near.
bool is_sure(const library::ruled_book& held, const stored_records& records, double least) {
  bool files = std::any_of(held.own_files.begin(), held.own_files.end(), [&](const auto& c) { return c.confidence >= least; });
  std::vector<standing> all = standings(records.all, {.automatic = least});
  return files || std::find(all.begin(), all.end(), standing::automatic) != all.end();
}

}  // namespace

book_rules book_rules_from(const config& c) {
  book_rules out;
  const std::string& mode = c.text("metadata.auto_apply");
  if (mode == "fill_empty") out.mode = apply_mode::fill_empty;
  if (mode == "replace") out.mode = apply_mode::replace;
  out.limits.automatic = to_double(c.text("metadata.auto_threshold")).value_or(out.limits.automatic);
  out.limits.review = to_double(c.text("metadata.review_threshold")).value_or(out.limits.review);
  if (c.text("ingest.auto_approve") != "off") out.approve_at = to_double(c.text("ingest.auto_approve"));
  return out;
}

rule_outcome follow_rules(db::tx& tx, const book_rules& rules, const uuid& book) {
  rule_outcome out;
  std::optional<library::ruled_book> held = library::hold_for_rule(tx, book);
  if (!held || held->approved) return out;
  stored_records records = read_records(tx, book);
  out.fields = take_fields(tx, rules, book, *held, records);
  bool sure = rules.approve_at && is_sure(*held, records, *rules.approve_at);
  out.approved = sure && library::approve_by_rule(tx, book, library::metadata_rule);
  return out;
}

}  // namespace carrel::ingest::sources
