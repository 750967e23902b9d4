#include "ingest/space.hpp"

#include "ingest/folder_note.hpp"
#include "server/core/log.hpp"
#include "server/jobs/queue.hpp"

namespace carrel::ingest {
namespace {

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

folder_note note_of(const services& s) {
  std::string detail =
      mebibytes(s.store.free_bytes()) + " are free and " + mebibytes(s.how.reserve) + " are needed; taking in is paused";
  return {s.store.data(), "disk_full", detail};
}

}  // namespace

bool has_room(const services& s) { return s.store.free_bytes() >= s.how.reserve; }

void pause_for_space(const services& s) {
  bool news = s.pool.write_now([&](db::tx& tx) {
    carrel::jobs::pause_jobs(tx, "ingest.file", true);
    return note_folder(tx, note_of(s));
  });
  if (news)
    log::warn("ingest.paused", {{"folder", s.store.data().native()}, {"free", s.store.free_bytes()}, {"needed", s.how.reserve}});
}

bool resume_with_space(const services& s) {
  if (!has_room(s)) return false;
  bool was_paused = s.pool.write_now([&](db::tx& tx) {
    if (!close_note(tx, note_of(s))) return false;
    carrel::jobs::pause_jobs(tx, "ingest.file", false);
    return true;
  });
  if (was_paused) log::info("ingest.resumed", {{"folder", s.store.data().native()}, {"free", s.store.free_bytes()}});
  return was_paused;
}

}  // namespace carrel::ingest
