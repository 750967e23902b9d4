#include <unistd.h>

#include <array>

#include "ingest/item_lock.hpp"
#include "ingest/work.hpp"
#include "server/core/log.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::chrono::seconds, 4> delays{std::chrono::minutes(1), std::chrono::minutes(5), std::chrono::minutes(30),
                                                     std::chrono::hours(2)};
constexpr std::chrono::seconds space_delay = std::chrono::minutes(5);

constexpr db::statement sql_try_again{"ingest.try_again", R"sql(
  update ingest_items set state = $2, quarantine_path = '', next_try_at = null, dismissed_at = null, source_done = policy = 'keep',
         updated_at = clock_timestamp()
   where id = $1)sql"};
constexpr db::statement sql_stage{"ingest.stage_again", "update ingest_items set staging_path = $2 where id = $1"};
constexpr db::statement sql_same_refused{"ingest.same_refused", R"sql(
  select id, quarantine_path from ingest_items
   where sha256 = $1 and id <> $2 and state = 'rejected' and quarantine_path <> '' order by created_at limit 1)sql"};
constexpr db::statement sql_kept_before{"ingest.kept_before", R"sql(
  select o.id
    from ingest_items i
    join ingest_items o on o.sha256 = $2 and o.sha256 <> '' and o.state = 'rejected' and (o.created_at, o.id) < (i.created_at, i.id)
   where i.id = $1 order by o.created_at, o.id limit 20)sql"};
constexpr db::statement sql_kept_too{"ingest.kept_too", R"sql(
  update ingest_items set dismissed_at = now()
   where sha256 = $1 and id <> $2 and state = 'rejected' and policy = 'keep' and dismissed_at is null)sql"};
constexpr db::statement sql_count_again{"ingest.count_again", R"sql(
  update ingest_items set attempts = attempts + 1, dismissed_at = null, updated_at = clock_timestamp() where id = $1)sql"};
constexpr db::statement sql_counted{"ingest.counted_elsewhere", "update ingest_items set dismissed_at = now() where id = $1"};
constexpr db::statement sql_dismiss{"ingest.dismiss", R"sql(
  update ingest_items set dismissed_at = now(), next_try_at = null where id = $1 and state in ('rejected', 'failed') and dismissed_at is null)sql"};

void set_why(work& w, const std::string& code, const std::string& detail) {
  w.what.error_code = code;
  w.what.error_detail = cut_utf8(replace_invalid_utf8(detail), 500);
}

ending ended(work& w, ending::kind how, const std::string& code, const std::string& detail) {
  set_why(w, code, detail);
  w.with.pool.write_now([&](db::tx& tx) { mark_ended(tx, w.what); });
  ending out;
  out.how = how;
  out.code = code;
  out.detail = w.what.error_detail;
  return out;
}

// Where the refused file lies now; nothing when its name stands for another file by now.
std::optional<fs::path> refused_file(const work& w) {
  if (!w.what.staging_path.empty() && is_there(w.path_of(w.what.staging_path))) return w.path_of(w.what.staging_path);
  if (w.what.has_source() && identity_at(w.source_path()) == w.what.who) return w.source_path();
  return std::nullopt;
}

// With policy keep the refused file is the source; what we copied of it is not needed.
void drop_own_copy(const work& w) {
  if (w.what.staging_path.empty() || identity_at(w.source_path()) != w.what.who) return;
  ::unlink(w.path_of(w.what.staging_path).c_str());
  ::rmdir(w.folder("staging").c_str());
}

// The same bytes lie in quarantine already (4.2): that item counts them, and this one is not shown. Our file goes only when the
// copy there is proven; an interruption finds the item as one whose source is left.
bool counted_elsewhere(work& w) {
  if (w.what.sha256.empty()) return false;
  std::optional<fs::path> ours = refused_file(w);
  db::rows same = w.with.pool.read_now([&](db::tx& tx) { return tx.run(sql_same_refused, w.what.sha256, w.what.id); });
  if (!ours || same.empty() || sha256_of(w.path_of(same[0].text(1))) != w.what.sha256) return false;
  uuid other = same[0].id(0);
  w.what.quarantine_path.clear();
  w.with.pool.write_now([&](db::tx& tx) { mark_ended(tx, w.what); });
  w.with.pass(step::refused);
  if (std::optional<error> bad = remove_synced(*ours)) {
    log::warn("ingest.source_stays", {{"item", w.what.id}, {"error", bad->message()}});
    w.with.pool.write_now([&](db::tx& tx) { mark_source_done(tx, w.what.id); });  // shown as an item of its own, where it is
    return true;
  }
  w.what.source_done = true;
  w.with.pool.write_now([&](db::tx& tx) {
    mark_source_done(tx, w.what.id);
    tx.run(sql_counted, w.what.id);
    tx.run(sql_count_again, other);
  });
  remove_empty_folders(w);
  ::rmdir(w.folder("staging").c_str());
  return true;
}

// The same for a file that stays where it is: an item from before has the bytes, in quarantine or in a folder of its own.
bool counted_with_kept(work& w) {
  if (w.what.sha256.empty()) return false;
  for (const db::row& r : w.with.pool.read_now([&](db::tx& tx) { return tx.run(sql_kept_before, w.what.id, w.what.sha256); })) {
    std::optional<item> other = w.with.pool.read_now([&](db::tx& tx) { return find_item(tx, r.id(0)); });
    if (!other) continue;
    bool there = other->quarantine_path.empty() ? other->has_source() && identity_at(other->source_path) == other->who
                                                : sha256_of(w.path_of(other->quarantine_path)) == w.what.sha256;
    if (!there) continue;
    w.with.pool.write_now([&](db::tx& tx) {
      mark_ended(tx, w.what);
      tx.run(sql_counted, w.what.id);
      tx.run(sql_count_again, other->id);
    });
    return true;
  }
  return false;
}

}  // namespace

ending refused_before(const item& i) {
  ending out;
  out.how = ending::rejected;
  out.code = i.error_code;
  out.detail = i.error_detail;
  return out;
}

ending refuse(work& w, const publication::refusal& why) {
  bool news = w.what.state != "rejected";  // a kept file is met again whenever its folder is read
  w.what.state = "rejected";
  w.what.next_try_at.reset();
  w.what.source_done = w.what.keep;
  w.what.quarantine_path = w.what.keep ? "" : w.relative("quarantine");
  set_why(w, why.code, why.detail);
  // Of two workers with the same bytes the second finds the item of the first.
  item_lock alone = item_lock::hold(w.with.store, "refused " + w.what.sha256);
  if (w.what.keep ? news && counted_with_kept(w) : counted_elsewhere(w)) {
    if (w.what.keep && w.what.has_source()) drop_own_copy(w);
    return refused_before(w.what);
  }
  ending out = ended(w, ending::rejected, why.code, why.detail);
  w.with.pass(step::refused);
  finish_refusal(w);
  if (w.what.keep && w.what.has_source()) drop_own_copy(w);
  // Items of kept files that wait for an eye: the one with the bytes in quarantine stands for them.
  if (!w.what.quarantine_path.empty() && !w.what.sha256.empty())
    w.with.pool.write_now([&](db::tx& tx) { tx.run(sql_kept_too, w.what.sha256, w.what.id); });
  return out;
}

void finish_refusal(work& w) {
  if (w.what.keep || w.what.source_done) return;
  fs::path to = w.path_of(w.what.quarantine_path);
  std::optional<fs::path> from = refused_file(w);
  std::optional<error> bad;
  if (from && is_there(to) && sha256_of(*from) == sha256_of(to))
    bad = remove_synced(*from);
  else if (from)
    bad = make_synced_folder(w.folder("quarantine"));
  if (from && !bad && is_there(*from)) bad = library::take_proven(*from, to);
  ::rmdir(w.folder("staging").c_str());
  if (bad && bad->field == "disk_full") return;  // stays where it is and is tried again at the next start
  w.what.source_done = true;
  if (bad || !is_there(to)) {
    if (bad) log::warn("ingest.source_stays", {{"item", w.what.id}, {"error", bad->message()}});
    w.what.quarantine_path.clear();
  } else {
    w.with.pass(step::in_quarantine);
    remove_empty_folders(w);
  }
  w.with.pool.write_now([&](db::tx& tx) { mark_ended(tx, w.what); });
}

ending leave_alone(work& w, const std::string& code) {
  w.what.state = "rejected";
  w.what.source_done = true;
  w.what.next_try_at.reset();
  ending out = ended(w, ending::left_alone, code, "");
  return out;
}

ending fail(work& w, const error& why) {
  bool space = why.field == "disk_full";
  std::optional<std::chrono::seconds> after;
  if (space)
    after = space_delay;
  else if (static_cast<std::size_t>(w.what.attempts) < delays.size())
    after = delays[static_cast<std::size_t>(w.what.attempts)];
  else if (why.field == "source_unreadable")
    after = delays.back();  // for as long as it is there: somebody may give it other rights, or the disk comes back
  w.what.state = "failed";
  w.what.next_try_at = after ? std::optional<instant>(now() + *after) : std::nullopt;
  ending out = ended(w, ending::failed, why.field, why.reason);
  out.again_after = after;
  return out;
}

ending vanish(work& w) {
  ending out;
  out.how = ending::vanished;
  out.code = "file_missing";
  if (w.what.id.is_nil()) return out;
  w.what.state = "vanished";
  w.what.next_try_at.reset();
  return ended(w, ending::vanished, out.code, w.what.display_name);
}

bool try_again(const services& s, const uuid& id) {
  std::optional<item_lock> mine = item_lock::take(s.store, id, true);
  std::optional<item> row = s.pool.read_now([&](db::tx& tx) { return find_item(tx, id); });
  if (!row || (row->state != "rejected" && row->state != "failed")) return false;
  if (row->origin == "import") return false;  // to be imported again: its book is known there only
  work w{.with = s, .what = std::move(*row), .in = {}, .prints = {}, .inside = {}, .repairs = {}};
  if (!w.what.quarantine_path.empty()) {
    w.what.staging_path = w.relative("staging");
    fs::path from = w.path_of(w.what.quarantine_path), to = w.path_of(w.what.staging_path);
    if (!is_there(from) && !is_there(to)) return false;
    // The row names both places while the file is on its way, so an interrupted attempt can be repeated.
    s.pool.write_now([&](db::tx& tx) { tx.run(sql_stage, id, w.what.staging_path); });
    if (is_there(from) && (make_synced_folder(w.folder("staging")) || library::take_proven(from, to))) return false;
    s.pass(step::in_staging);
    std::optional<std::string> sum = sha256_of(to);
    if (!sum) return false;
    w.what.sha256 = *sum;
    s.pool.write_now([&](db::tx& tx) { mark_hashed(tx, w.what); });
    s.pass(step::hashed);
  } else if (!refused_file(w)) {
    return false;
  }
  std::string state = w.what.staging_path.empty() ? "settled" : "hashed";
  s.pool.write_now([&](db::tx& tx) { tx.run(sql_try_again, id, state); });
  return true;
}

bool lies_in_quarantine(const services& s, const uuid& id) {
  std::optional<item> row = s.pool.read_now([&](db::tx& tx) { return find_item(tx, id); });
  return row && row->state == "rejected" && row->source_done && !row->quarantine_path.empty();
}

bool dismiss(db::tx& tx, const uuid& id) { return tx.run(sql_dismiss, id).affected() > 0; }

}  // namespace carrel::ingest
