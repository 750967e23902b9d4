#include "server/db/migrate.hpp"

#include <algorithm>
#include <map>

#include "server/core/digest.hpp"
#include "server/core/log.hpp"

namespace carrel::db {
namespace {

constexpr statement sql_has_table{"migrate.has_table", "select to_regclass('schema_migrations') is not null"};
constexpr statement sql_applied{"migrate.applied", "select number, name, checksum from schema_migrations order by number"};
constexpr statement sql_record{"migrate.record", R"sql(
  insert into schema_migrations (number, name, checksum, applied_at) values ($1, $2, $3, now()))sql"};

// Any number that nobody else on this database uses; the letters "carrel".
constexpr const char* lock_sql = "set local statement_timeout = 0; select pg_advisory_xact_lock(109271204457836)";
constexpr const char* table_sql = R"sql(
  create table if not exists schema_migrations (
    number integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null))sql";

struct applied_migration {
  std::string name;
  std::string checksum;
};
using applied_map = std::map<int, applied_migration>;

std::string label(int number, const std::string& name) {
  std::string digits = std::to_string(number);
  if (digits.size() < 4) digits.insert(0, 4 - digits.size(), '0');
  return digits + "_" + name;
}

applied_map applied_in(tx& t) {
  applied_map out;
  if (!t.run(sql_has_table)[0].flag(0)) return out;
  for (const row& r : t.run(sql_applied)) out[static_cast<int>(r.integer(0))] = {r.text(1), r.text(2)};
  return out;
}

schema_state state_from(const applied_map& applied, const std::vector<migration>& all) {
  schema_state out;
  for (const migration& m : all) {
    out.known = std::max(out.known, m.number);
    if (!applied.contains(m.number)) out.pending.push_back(label(m.number, m.name));
  }
  if (!applied.empty()) out.applied = applied.rbegin()->first;
  return out;
}

std::optional<error> contradiction(const applied_map& applied, const std::vector<migration>& all) {
  std::map<int, const migration*> known;
  for (const migration& m : all) known[m.number] = &m;
  for (const auto& [number, was] : applied) {
    auto hit = known.find(number);
    if (hit == known.end()) {
      return error{"schema", "the database has migration " + label(number, was.name) +
                                 ", which this program does not know: it belongs to a newer release"};
    }
    if (sha256_hex(hit->second->sql) != was.checksum) {
      return error{"schema", "migration " + label(number, was.name) + " was applied with another text"};
    }
  }
  return std::nullopt;
}

// True when this call applied it, false when somebody else had done so before the lock was ours.
bool apply(tx& t, const migration& m) {
  t.script(lock_sql);
  t.script(table_sql);
  if (applied_in(t).contains(m.number)) return false;
  t.script(m.sql);
  t.run(sql_record, m.number, m.name, sha256_hex(m.sql));
  return true;
}

}  // namespace

schema_state state_of_schema(pool& p, const std::vector<migration>& all) { return state_from(p.read_now(applied_in), all); }

result<schema_state> migrate(pool& p, const std::vector<migration>& all) {
  std::vector<const migration*> ordered;
  ordered.reserve(all.size());
  for (const migration& m : all) ordered.push_back(&m);
  std::sort(ordered.begin(), ordered.end(), [](auto* a, auto* b) { return a->number < b->number; });

  applied_map applied = p.read_now(applied_in);
  if (auto bad = contradiction(applied, all)) return *bad;
  for (const migration* m : ordered) {
    if (applied.contains(m->number)) continue;
    try {
      bool mine = p.write_now([&](tx& t) { return apply(t, *m); });
      if (mine) log::info("db.migrated", {{"migration", label(m->number, m->name)}});
    } catch (const lost&) {
      throw;
    } catch (const failure& f) {
      return error{"schema", "migration " + label(m->number, m->name) + " failed: " + f.what()};
    }
  }
  applied = p.read_now(applied_in);
  if (auto bad = contradiction(applied, all)) return *bad;
  return state_from(applied, all);
}

}  // namespace carrel::db
