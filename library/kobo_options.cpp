#include "library/kobo_options.hpp"

#include <algorithm>
#include <array>

namespace carrel::library {
namespace {

constexpr db::statement sql_read{"library.kobo_options", "select settings::text from devices where id = $1"};
constexpr db::statement sql_change{"library.kobo_change_options", R"sql(
  with wished as (
    select id, settings as old, jsonb_set(settings, '{kobo}', coalesce(settings -> 'kobo', '{}') || $2::jsonb) as new
      from devices where id = $1 and kind = 'kobo' and revoked_at is null for update),
  changed as (
    update devices d set updated_at = now(),
           settings = case when kobo_style(w.new) = kobo_style(w.old) then w.new
                           else jsonb_set(w.new, '{kobo,styles}', to_jsonb(coalesce((w.old -> 'kobo' ->> 'styles')::bigint, 0) + 1)) end
      from wished w where d.id = w.id returning d.id)
  update kobo_devices k set changes = changes + 1 from changed c where k.device_id = c.id)sql"};
constexpr db::statement sql_there{"library.kobo_is_kobo", R"sql(
  select from devices where id = $1 and kind = 'kobo' and revoked_at is null for update)sql"};

// Another limit or style may mean other files, which have to be converted first.
constexpr db::statement sql_look{"library.look_for_wanted_books", "select look_for_wanted_books()"};

constexpr std::array<std::string_view, 5> switches{"paused", "collections", "positions", "read_only", "highlights"};
constexpr std::array<std::string_view, 4> server_switches{"put_back", "heal", "kepub", "passthrough"};
constexpr std::array<std::string_view, 3> others{"hyphenation", "sync_mode", "largest"};

bool is_choice(std::string_view name) {
  auto among = [&](const auto& all) { return std::find(all.begin(), all.end(), name) != all.end(); };
  return among(switches) || among(server_switches) || among(others);
}

}  // namespace

kobo_options read_kobo_options(std::string_view settings) {
  kobo_options out;
  result<json::object> all = json::read_object(settings);
  const json::value* own = all ? all->find("kobo") : nullptr;
  if (own == nullptr || own->as_object() == nullptr) return out;
  const json::object& o = *own->as_object();
  o.take("paused", out.paused);
  o.take("collections", out.collections);
  o.take("positions", out.positions);
  o.take("read_only", out.read_only);
  o.take("highlights", out.highlights);
  bool on = false;
  if (o.take("put_back", on)) out.put_back = on;
  if (o.take("heal", on)) out.heal = on;
  if (o.take("kepub", on)) out.kepub = on;
  if (o.take("passthrough", on)) out.passthrough = on;
  o.take("hyphenation", out.hyphenation);
  std::string mode;
  out.by_ledger = o.take("sync_mode", mode) && mode == "ledger";
  o.take("largest", out.largest);
  return out;
}

std::string kobo_options::style() const {
  if (kepub == false) return "as-is";
  std::string own = hyphenation.empty() ? "" : "hyphenation=" + hyphenation;
  if (kepub != true) return own;
  return own.empty() ? "kepub" : "kepub " + own;
}

kobo_options kobo_options_of(db::tx& tx, const uuid& device) {
  db::rows rows = tx.run(sql_read, device);
  return rows.empty() ? kobo_options{} : read_kobo_options(rows[0].view(0));
}

result<bool> change_kobo_options(db::tx& tx, const uuid& device, const json::object& change) {
  json::object clean;
  for (const auto& [name, value] : change.members()) {
    if (!is_choice(name)) return error{name, "is no choice of a Kobo"};
  }
  for (std::string_view name : switches) {
    bool on = false;
    if (change.find(name) == nullptr) continue;
    if (!change.take(name, on)) return error{std::string(name), "is true or false"};
    clean.set(std::string(name), on);
  }
  for (std::string_view name : server_switches) {
    const json::value* v = change.find(name);
    if (v == nullptr) continue;
    if (!v->is_null() && v->as_bool() == nullptr) return error{std::string(name), "is true, false or null"};
    clean.set(std::string(name), *v);
  }
  if (const json::value* v = change.find("hyphenation")) {
    const std::string* word = v->as_text();
    if (!v->is_null() && (word == nullptr || (*word != "on" && *word != "off" && *word != "never")))
      return error{"hyphenation", "is on, off, never or null"};
    clean.set("hyphenation", *v);
  }
  if (change.find("sync_mode") != nullptr) {
    std::string mode;
    if (!change.take("sync_mode", mode) || (mode != "token" && mode != "ledger")) return error{"sync_mode", "is token or ledger"};
    clean.set("sync_mode", mode);
  }
  if (change.find("largest") != nullptr) {
    std::int64_t bytes = 0;
    if (!change.take("largest", bytes) || bytes < 0) return error{"largest", "is a number of bytes, 0 for any"};
    clean.set("largest", bytes);
  }
  if (tx.run(sql_there, device).empty()) return false;
  tx.run(sql_change, device, json::dump(clean));
  bool other_files = clean.find("largest") != nullptr || clean.find("kepub") != nullptr || clean.find("hyphenation") != nullptr;
  if (other_files) tx.run(sql_look);
  return true;
}

json::object kobo_options_json(const kobo_options& o) {
  return {{"paused", o.paused},
          {"collections", o.collections},
          {"positions", o.positions},
          {"read_only", o.read_only},
          {"highlights", o.highlights},
          {"put_back", o.put_back},
          {"heal", o.heal},
          {"sync_mode", o.by_ledger ? "ledger" : "token"},
          {"largest", o.largest},
          {"kepub", o.kepub},
          {"hyphenation", o.hyphenation.empty() ? json::value() : json::value(o.hyphenation)},
          {"passthrough", o.passthrough}};
}

}  // namespace carrel::library
