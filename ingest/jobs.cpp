#include "ingest/jobs.hpp"

#include <algorithm>

#include "ingest/covers.hpp"
#include "ingest/group.hpp"
#include "ingest/in_place.hpp"
#include "ingest/organise.hpp"
#include "ingest/orphans.hpp"
#include "ingest/pipeline.hpp"
#include "ingest/recover.hpp"
#include "ingest/space.hpp"
#include "ingest/sweep.hpp"
#include "ingest/write_back.hpp"
#include "library/duplicate.hpp"
#include "publication/metadata.hpp"

namespace carrel::ingest {
namespace {

constexpr std::chrono::seconds space_delay = std::chrono::minutes(5);

// Nobody stands beside the drop folder, and a book in the trash is not in the library: errata says so.
constexpr db::statement sql_in_trash{"ingest.mark_in_trash", R"sql(
  update ingest_items i set state = 'rejected', error_code = 'duplicate_trashed', error_detail = b.title, updated_at = clock_timestamp()
    from books b
   where i.id = $1 and i.source = 'watch' and i.state = 'duplicate' and i.source_done and i.error_code = ''
     and b.id = i.book_id and b.deleted_at is not null)sql"};

// So does it of a recording more of such a book, which goes with it when the trash is emptied.
constexpr db::statement sql_joined_trash{"ingest.mark_joined_trash", R"sql(
  update ingest_items i set state = 'rejected', error_code = 'recording_trashed', error_detail = b.title, updated_at = clock_timestamp()
    from books b
   where i.id = $1 and i.source = 'watch' and i.state in ('inbox', 'organised') and i.source_done and i.error_code = ''
     and b.id = i.book_id and b.deleted_at is not null)sql"};

// What came of the file that was asked for, or of the one of its group that has to be tried again.
std::optional<ending> take_in_group(const services& s, const uuid& group, const uuid& asked) {
  std::optional<std::vector<member_ending>> all = take_group(s, group, false);
  if (!all || all->empty()) return std::nullopt;
  for (const member_ending& m : *all) {
    if (m.end.how == ending::duplicate) s.pool.write_now([&](db::tx& tx) { tx.run(sql_in_trash, m.item); });
    if (m.end.how == ending::added) s.pool.write_now([&](db::tx& tx) { tx.run(sql_joined_trash, m.item); });
  }
  auto waits = std::find_if(all->begin(), all->end(), [](const member_ending& m) { return m.end.again_after.has_value(); });
  auto own = std::find_if(all->begin(), all->end(), [&](const member_ending& m) { return m.item == asked; });
  return (waits != all->end() ? waits : own != all->end() ? own : all->begin())->end;
}

void take_in_file(const services& s, const carrel::jobs::job& j, carrel::jobs::progress& p) {
  std::optional<uuid> id = uuid::parse(j.payload_text("item"));
  if (!id) throw carrel::jobs::give_up("the job names no item");
  if (!has_room(s)) {
    pause_for_space(s);
    throw carrel::jobs::not_now(publication::message_for("disk_full", ""), space_delay);
  }
  if (lies_in_quarantine(s, *id)) try_again(s, *id);
  std::optional<uuid> group = s.pool.read_now([&](db::tx& tx) { return group_of(tx, *id); });
  std::optional<ending> end = group ? take_in_group(s, *group, *id) : take_in(s, *id, false);
  if (!end) throw carrel::jobs::not_now("another worker has this file", std::chrono::seconds(10));
  if (end->how == ending::duplicate && !group) s.pool.write_now([&](db::tx& tx) { tx.run(sql_in_trash, *id); });
  if (end->again_after) throw carrel::jobs::not_now(publication::message_for(end->code, end->detail), *end->again_after);
  if (end->how == ending::added || end->how == ending::duplicate) return p.report(1, 1);
  if (end->how == ending::vanished || end->how == ending::left_alone) return;
  throw carrel::jobs::give_up(publication::message_for(end->code, end->detail));
}

// A batch a transaction: what was looked at is not looked at again after an interruption.
void look_for_duplicates(const services& s, carrel::jobs::progress& p) {
  constexpr int batch = 50;
  std::int64_t seen = 0;
  for (int n = batch; n > 0 && !p.stopping();) {
    n = s.pool.write_now([](db::tx& tx) { return library::look_for_duplicates(tx, batch); });
    p.report(seen += n, std::nullopt);
  }
}

}  // namespace

void enqueue_duplicates(db::tx& tx) { carrel::jobs::call(tx, "library.duplicates", "library"); }

uuid enqueue_file(db::tx& tx, const uuid& item, const std::optional<uuid>& user) {
  json::object payload{{"item", item}};
  return carrel::jobs::enqueue(tx, "ingest.file", item.text(), payload, {}, user);
}

void register_jobs(carrel::jobs::workers& w, const services& s) {
  w.on("ingest.file", [&s](const carrel::jobs::job& j, carrel::jobs::progress& p) { take_in_file(s, j, p); });
  w.on("ingest.cover", [&s](const carrel::jobs::job&, carrel::jobs::progress& p) { cut_renditions(s, p); });
  w.on("library.duplicates", [&s](const carrel::jobs::job&, carrel::jobs::progress& p) { look_for_duplicates(s, p); });
  w.on("ingest.orphans", [&s](const carrel::jobs::job&, carrel::jobs::progress&) { tidy_orphans(s); });
  register_library_jobs(w, s);
  w.on("store.sweep", [&s](const carrel::jobs::job&, carrel::jobs::progress& p) { sweep_store(s, p); });
}

void register_schedule(carrel::jobs::schedule& clock, const services& s) {
  clock.every("ingest.resume", std::chrono::minutes(1), [&s, first = true]() mutable {
    resume_with_space(s);
    s.pool.write_now([&](db::tx& tx) { enqueue_unfinished(tx, first); });
    first = false;
  });
  clock.every("ingest.cover", std::chrono::minutes(1), [&s, last = std::optional<instant>()]() mutable {
    std::optional<instant> newest = s.pool.read_now(newest_cover);
    if (!newest || newest == last) return;
    s.pool.write_now([](db::tx& tx) { carrel::jobs::call(tx, "ingest.cover", "renditions"); });
    last = newest;
  });
  schedule_organise(clock, s);
  schedule_write_back(clock, s);
  clock.every("ingest.orphans", std::chrono::hours(6),
              [&s] { s.pool.write_now([](db::tx& tx) { carrel::jobs::enqueue(tx, "ingest.orphans", "staging", {}); }); });
  clock.every("library.duplicates", std::chrono::hours(6), [&s] { s.pool.write_now(enqueue_duplicates); });
  clock.every("store.sweep", std::chrono::hours(24),
              [&s] { s.pool.write_now([](db::tx& tx) { carrel::jobs::enqueue(tx, "store.sweep", "daily", {}); }); });
}

}  // namespace carrel::ingest
