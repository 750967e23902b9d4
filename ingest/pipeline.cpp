#include "ingest/pipeline.hpp"

#include "ingest/item_lock.hpp"
#include "ingest/library_folders.hpp"
#include "ingest/names.hpp"
#include "ingest/work.hpp"
#include "server/core/log.hpp"
#include "server/core/metrics.hpp"

namespace carrel::ingest {
namespace {

ending run(work& w) {
  std::optional<ending> end = w.what.staging_path.empty() ? look(w) : resume(w);
  if (end) return *end;
  return publish(w);
}

// The item is where it should be; only its source, or the file that was refused, may be left to see to.
std::optional<ending> already_there(work& w) {
  const item& i = w.what;
  if (i.state == "rejected" && !i.source_done && !i.quarantine_path.empty()) {
    finish_refusal(w);
    return refused_before(i);
  }
  // What was refused lies in quarantine or is gone; only `try_again` brings it back. A source that is still there is read anew.
  if (i.state == "rejected" && i.source_done && !(i.has_source() && identity_at(w.source_path()) == i.who))
    return refused_before(i);
  if (i.state != "inbox" && i.state != "organised" && i.state != "duplicate") return std::nullopt;
  std::optional<library::known_bytes> there = w.with.pool.read_now([&](db::tx& tx) { return library::find_bytes(tx, i.sha256); });
  if (!there) {
    w.what.staging_path.clear();  // the book was deleted since; the file may come in again
    return std::nullopt;
  }
  finish_source(w);
  ending out;
  out.how = ending::duplicate;
  if (i.state != "duplicate") out.status = i.state == "organised" ? "organized" : "review";
  out.book = there->book;
  out.file = there->file;
  return out;
}

// Nothing is moved out of a library, also when its folder became one after the file was asked for.
void leave_in_library(work& w) {
  if (w.what.keep || !w.what.has_source() || !lies_in_library(w.with, w.source_path())) return;
  w.what.keep = true;
  w.with.pool.write_now([&](db::tx& tx) { mark_kept(tx, w.what.id); });
}

const char* name_of(ending::kind how) {
  switch (how) {
    case ending::added: return "added";
    case ending::duplicate: return "duplicate";
    case ending::rejected: return "rejected";
    case ending::failed: return "failed";
    case ending::left_alone: return "left_alone";
    case ending::vanished: return "vanished";
  }
  return "";
}

}  // namespace

std::string work::safe() const {
  if (!what.has_source()) return safe_name(what.display_name);
  return safe_name(source_path().filename().native());
}

std::optional<ending> take_in(const services& s, const uuid& id, bool wait, const brought* from, const company* beside) {
  std::optional<item_lock> mine = item_lock::take(s.store, id, wait);
  if (!mine) return std::nullopt;
  std::optional<item> row = s.pool.read_now([&](db::tx& tx) { return find_item(tx, id); });
  work w{.with = s, .what = {}, .in = {}, .prints = {}, .inside = {}, .repairs = {}, .from = from, .beside = beside};
  if (!row) return vanish(w);
  w.what = std::move(*row);
  leave_in_library(w);
  std::optional<ending> out = already_there(w);
  if (!out) out = run(w);
  log::info("ingest.file", {{"item", id}, {"outcome", name_of(out->how)}, {"code", out->code}, {"name", w.what.display_name}});
  static const char* help = "files that were looked at, by outcome";
  metrics::make_counter("carrel_ingest_files_total", help, {{"outcome", name_of(out->how)}}).add();
  return out;
}

}  // namespace carrel::ingest
