#include "ingest/in_place.hpp"

#include "ingest/in_place_file.hpp"
#include "ingest/item_lock.hpp"
#include "ingest/names.hpp"
#include "ingest/organise.hpp"
#include "ingest/place.hpp"
#include "ingest/write_back.hpp"
#include "server/core/log.hpp"
#include "server/jobs/queue.hpp"

namespace carrel::ingest {
namespace {

constexpr int most_rounds = 5;

// What was put off is looked at again when it has been quiet for as long again, and after ten minutes in any case.
constexpr db::statement sql_waits{"ingest.waits_for_reading", R"sql(
  select exists (select from library_files where library_id = $1 and state = 'waiting'
                    and (read_at is null or now() - read_at > least(interval '10 minutes',
                           greatest(interval '2 seconds', read_at - to_timestamp(mtime_ns / 1e9)))))
      or exists (select from library_sidecars where library_id = $1 and waiting
                    and tried_at is null))sql"};
constexpr db::statement sql_left{"ingest.places_left", R"sql(
  select exists (select from library_files where library_id = $1 and state = 'waiting'))sql"};
constexpr db::statement sql_refused{"ingest.refused_places", R"sql(
  select place, code, detail from library_files where library_id = $1 and state = 'refused' order by place limit $2)sql"};

std::optional<library::book_library> library_of(const services& s, const carrel::jobs::job& j) {
  std::optional<uuid> id = uuid::parse(j.payload_text("library"));
  if (!id) throw carrel::jobs::give_up("the job names no library");
  return s.pool.read_now([&](db::tx& tx) { return library::find_library(tx, *id); });
}

std::int64_t done_by(const read_counts& c) {
  return c.added + c.joined + c.replaced + c.moved + c.same + c.duplicates + c.refused;
}

void scan(const services& s, const carrel::jobs::job& j, carrel::jobs::progress& p) {
  std::optional<library::book_library> l = library_of(s, j);
  if (!l || !l->in_place()) return;  // removed meanwhile
  std::optional<item_lock> mine = item_lock::take(s.store, l->id, false);
  if (!mine) throw carrel::jobs::not_now("another process reads this folder just now", std::chrono::seconds(5));
  stop_asked stop = [&p] { return p.stopping(); };
  folder_look found = look_through(s, *l, stop, nullptr, [&p](std::int64_t files) { p.report(files, std::nullopt); });
  if (found.stopped) return;
  if (!found.trouble.empty()) throw carrel::jobs::give_up(publication::message_for(found.trouble, l->root));
  read_options how{.stop = stop, .tell = [&p](std::int64_t now, std::int64_t all) { p.report(now, all); }};
  j.payload.take("settle", how.settle);
  read_counts read;
  // What was renamed over another file is new at its old place only when the other has been found.
  for (int round = 0; round < most_rounds && !p.stopping(); ++round) {
    read_counts more = read_waiting(s, *l, how);
    read.added += more.added + more.joined;
    read.moved += more.moved;
    read.replaced += more.replaced;
    read.refused += more.refused;
    if (done_by(more) == 0 || !s.pool.read_now([&](db::tx& tx) { return tx.run(sql_left, l->id)[0].flag(0); })) break;
  }
  std::int64_t told = tell_beside(s, *l, stop);
  log::info("library.scan", {{"library", l->id},
                             {"files", found.files},
                             {"new", found.fresh},
                             {"changed", found.changed},
                             {"gone", found.gone},
                             {"added", read.added},
                             {"moved", read.moved},
                             {"replaced", read.replaced},
                             {"refused", read.refused},
                             {"told", told}});
}

}  // namespace

uuid enqueue_scan(db::tx& tx, const library::book_library& l, bool settle, const std::optional<uuid>& user) {
  json::object payload{{"library", l.id}, {"name", l.name}, {"settle", settle}};
  return carrel::jobs::enqueue(tx, "library.scan", l.id.text(), payload, {}, user);
}

bool waits_for_reading(db::tx& tx, const uuid& library) {
  return tx.run(sql_waits, library)[0].flag(0) || !unjoined_recordings(tx, library, 1).empty();
}

std::vector<refused_place> refused_places(db::tx& tx, const uuid& library, int most) {
  std::vector<refused_place> out;
  for (const db::row& r : tx.run(sql_refused, library, most))
    out.push_back({shown_name(path_of("", r.raw(0)).native()), r.text(1), r.text(2)});
  return out;
}

void register_library_jobs(carrel::jobs::workers& w, const services& s) {
  w.on("library.scan", [&s](const carrel::jobs::job& j, carrel::jobs::progress& p) { scan(s, j, p); });
  register_verify(w, s);
  register_organise(w, s);
  register_write_back(w, s);
}

}  // namespace carrel::ingest
