#include "kobo/artifacts.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>

#include "kobo/remap.hpp"
#include "library/book.hpp"
#include "library/cache_folder.hpp"
#include "library/delivered_copies.hpp"
#include "library/made_file.hpp"
#include "publication/fingerprint.hpp"
#include "publication/kepub/span_map.hpp"
#include "server/core/log.hpp"
#include "server/core/thread.hpp"
#include "server/core/turn.hpp"

namespace carrel::kobo {
namespace {

namespace fs = std::filesystem;
namespace kepub = publication::kepub;

using library::has_size, library::open_made, library::open_stored, library::put_in_place, library::remove_abandoned;
using library::throw_system, library::touch, library::workpiece;

constexpr std::size_t batch = 20;  // devices hear of these together

// Not a fact of the book: it is tried again.
bool is_of_the_machine(const publication::refusal& why) {
  if (why.code != "kepub_failed") return false;
  auto is = [&](int number) { return why.detail.ends_with(std::strerror(number)); };
  return is(ENOSPC) || is(EDQUOT) || is(EIO) || is(EROFS) || is(EACCES) || is(ENOENT) || is(EMFILE) ||
         why.detail == publication::isolated::no_process;
}

}  // namespace

artifacts::artifacts(db::pool& pool, const library::store& store, publication::isolated::pool& readers, const config& c)
    : pool_(pool),
      store_(store),
      readers_(readers),
      how_(conversion_from(c)),
      most_bytes_(c.bytes("kepub.cache")),
      threads_(publication::isolated::options_from(c).processes) {}

bool artifacts::has_work() const { return !undecided().empty(); }

std::vector<wanted_id> artifacts::undecided() const {
  return pool_.read_now([&](db::tx& tx) { return undecided_files(tx, how_, how_.with_metadata); });
}

std::size_t artifacts::settle_wanted(carrel::jobs::progress& p) const {
  remove_abandoned(store_.cache() / "kepub-new");
  std::set<wanted_id> failed;
  std::int64_t done = 0;
  bool styled = false;
  while (!p.stopping()) {
    std::vector<wanted_id> left = undecided();  // and what has been wanted since
    std::erase_if(left, [&](const wanted_id& w) { return failed.contains(w); });
    if (left.empty()) break;
    auto total = done + static_cast<std::int64_t>(left.size());
    for (std::size_t from = 0; from < left.size() && !p.stopping(); from += batch) {
      std::vector<wanted_id> some(left.begin() + static_cast<std::ptrdiff_t>(from),
                                  left.begin() + static_cast<std::ptrdiff_t>(std::min(from + batch, left.size())));
      done += static_cast<std::int64_t>(some.size());
      styled = styled || std::any_of(some.begin(), some.end(), [](const wanted_id& w) { return !w.style.empty(); });
      settle_some(some, failed);
      p.report(done, total);
      pool_.write_now(tell_devices);
    }
  }
  if (styled) pool_.write_now(count_styled);
  trim();
  return failed.size();
}

void artifacts::settle_some(const std::vector<wanted_id>& wanted, std::set<wanted_id>& failed) const {
  std::vector<wanted_file> some = pool_.read_now([&](db::tx& tx) { return wanted_files(tx, wanted); });
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  auto work = [&] {
    for (std::size_t i = next++; i < some.size(); i = next++) {
      try {
        settle(some[i]);
      } catch (const std::exception& e) {
        log::warn("kobo.kepub", {{"file", some[i].id}, {"reason", e.what()}});
        std::lock_guard guard(mutex);
        failed.insert({some[i].id, some[i].style});
      }
    }
  };
  std::vector<std::thread> helpers;
  for (unsigned i = 1; i < std::min<std::size_t>(threads_, some.size()); ++i) helpers.push_back(quiet_thread(work));
  work();
  for (std::thread& t : helpers) t.join();
}

void artifacts::settle(const wanted_file& f) const {
  if (!how_.styled(f.style).enabled && !f.is_kepub) return keep_as_is(f, "");
  file source = open_stored(store_, f.storage_path);
  if (!source && errno == ENOENT) return pool_.write_now([&](db::tx& tx) { library::mark_file_missing(tx, f.id, true); });
  if (!source) throw_system(f.storage_path);
  conversion how = conversion_of(f);
  std::optional<artifact> known = pool_.read_now([&](db::tx& tx) { return find_artifact(tx, f, how.form()); });
  if (known && known->is_source()) return decide_on(f, known->id, source.get());
  if (known && is_cached(*known)) return decide_on(f, known->id, open_made(artifact_path(store_, *known)).get());
  convert(f, how, source.get());
}

// What a Kobo holds keeps the metadata that it came with, whatever the library and the settings say by now (kobo.md 8.4).
conversion artifacts::conversion_of(const wanted_file& f) const {
  conversion out = how_.styled(f.style);
  if (!how_.with_metadata && metadata_digest(f.form).empty()) return out;
  pool_.write_now([&](db::tx& tx) {
    std::optional<std::string> told;
    if (f.held && f.current)
      told = library::metadata_of_digest(tx, metadata_digest(f.form));
    else if (how_.with_metadata)
      told = library::delivered_metadata(tx, f.book);
    out.options.metadata = told.value_or("");
    if (told) library::remember_metadata(tx, *told);
  });
  return out;
}

// Looked for outside of a transaction: it reads the whole book. What cannot be read moves by its places.
found_words artifacts::words_in(const wanted_file& f, int converted) const {
  marked_words marked = pool_.read_now([&](db::tx& tx) { return marked_in(tx, f.book); });
  found_words out;
  if (marked.quotes.empty()) return out;
  auto found = readers_.find_quotes(converted, f.name, marked.quotes);
  if (!found) {
    log::warn("kobo.highlights", {{"file", f.id}, {"reason", found.error().code}, {"detail", found.error().detail}});
    return out;
  }
  for (std::size_t i = 0; i < found->size(); ++i) {
    if (std::optional<publication::locator::found_quote>& q = (*found)[i])
      out.emplace(marked.annotations[i], found_mark{std::move(marked.quotes[i]), std::move(*q)});
  }
  return out;
}

void artifacts::keep_as_is(const wanted_file& f, const std::string& why) const {
  pool_.write_now([&](db::tx& tx) { decide_in(tx, f, std::nullopt, why, {}); });
}

// `converted`: its bytes.
void artifacts::decide_on(const wanted_file& f, const uuid& artifact, int converted) const {
  found_words words = words_in(f, converted);
  pool_.write_now([&](db::tx& tx) { decide_in(tx, f, artifact, "", words); });
}

void artifacts::decide_in(db::tx& tx, const wanted_file& f, const std::optional<uuid>& artifact, const std::string& kept,
                          const found_words& words) const {
  // A Kobo has begun to fetch what it was told of: the file is looked at anew, as one that is held.
  if (how_.with_metadata && f.current && !f.held && is_held(tx, f.book)) return;
  decide(tx, f, artifact, how_.styled(f.style).how(), kept);
  if (artifact) remap_places(tx, f.book, *artifact, f.current, words);
}

void artifacts::convert(const wanted_file& f, const conversion& how, int source) const {
  workpiece work(store_.cache() / "kepub-new");
  result<kepub::made, publication::refusal> made = readers_.convert(source, f.name, work.path, how.options);
  if (!made) {
    const publication::refusal& why = made.error();
    if (is_of_the_machine(why)) throw std::runtime_error(why.detail);
    log::info("kobo.kepub", {{"file", f.id}, {"kept", why.code}, {"detail", why.detail}});
    return keep_as_is(f, why.code);
  }
  new_artifact out;
  out.is.source = f.checksum;
  out.is.version = kepub::version;
  out.is.form = how.form();
  out.span_map = std::move(made->span_map);
  out.spans = made->spans;
  out.warnings = made->warnings;
  for (const publication::warning& w : out.warnings) {
    if (w.code == "metadata_not_written") log::warn("deliver.metadata", {{"file", f.id}, {"kept", w.code}, {"detail", w.detail}});
  }
  file bytes = open_made(work.path);
  if (!bytes) throw_system(work.path.native());
  result<publication::fingerprints> prints = publication::fingerprint(bytes.get());
  if (!prints) throw std::runtime_error(prints.error().message());
  out.is.checksum = prints->sha256;
  out.is.size = static_cast<std::int64_t>(prints->size);
  out.md5 = prints->md5;
  out.koreader_md5 = prints->koreader_md5;
  if (!made->copied) put_in_place(work.path, artifact_path(store_, out.is));
  found_words words = words_in(f, bytes.get());
  pool_.write_now([&](db::tx& tx) { decide_in(tx, f, add_artifact(tx, f, out), "", words); });
}

bool artifacts::is_cached(const artifact& a) const { return has_size(artifact_path(store_, a), a.size); }

std::optional<fs::path> artifacts::file_of(const artifact& a, const std::string& source_path, const std::string& name) const {
  fs::path target = artifact_path(store_, a);
  turn mine(target.native());
  if (is_cached(a)) {
    touch(target);
    return target;
  }
  std::optional<kepub::options> how = how_.options_of(a.form);
  if (std::string told = metadata_digest(a.form); how && !told.empty()) {
    std::optional<std::string> text = pool_.read_now([&](db::tx& tx) { return library::metadata_of_digest(tx, told); });
    if (!text) return std::nullopt;
    how->metadata = std::move(*text);
  }
  if (a.version != kepub::version || !how) return std::nullopt;
  file source = open_stored(store_, source_path);
  if (!source) return std::nullopt;
  workpiece work(store_.cache() / "kepub-new");
  result<kepub::made, publication::refusal> made = readers_.convert(source.get(), name, work.path, *how);
  if (!made) return std::nullopt;
  file bytes = open_made(work.path);
  result<std::string> is = publication::sha256_of(bytes.get());
  if (!is || *is != a.checksum) return std::nullopt;
  put_in_place(work.path, target);
  log::info("kobo.kepub", {{"made_again", a.id}});
  return target;
}

std::optional<library::made_file> artifacts::find_made(const uuid& file, const std::string& koreader_md5) const {
  std::optional<artifact_of_file> found = pool_.read_now([&](db::tx& tx) { return find_artifact_named(tx, file, koreader_md5); });
  if (!found) return std::nullopt;
  fs::path source = store_.absolute(found->storage_path);
  std::optional<fs::path> bytes =
      found->is.is_source() ? std::optional(source) : file_of(found->is, found->storage_path, found->name);
  if (!bytes) return std::nullopt;
  return library::made_file{.path = std::move(*bytes), .checksum = found->is.checksum};
}

int artifacts::trim() const {
  fs::path folder = store_.cache() / "kepub";
  if (library::bytes_below(folder) <= most_bytes_) return 0;
  std::set<fs::path> keep;
  for (const artifact& a : pool_.read_now(artifacts_in_demand)) keep.insert(artifact_path(store_, a));
  return library::trim_folder(folder, most_bytes_, keep);
}

void register_jobs(carrel::jobs::workers& w, const artifacts& a) {
  w.on("kobo.kepub", [&a](const carrel::jobs::job&, carrel::jobs::progress& p) {
    if (std::size_t left = a.settle_wanted(p); left > 0)
      throw carrel::jobs::not_now(std::to_string(left) + " files could not be converted just now", std::chrono::minutes(1));
  });
}

void register_schedule(carrel::jobs::schedule& clock, db::pool& pool, const artifacts& a) {
  clock.every("kobo.kepub", std::chrono::minutes(5), [&pool, &a] {
    if (a.has_work()) pool.write_now(look_for_wanted);
  });
  clock.every("kobo.kepub_cache", std::chrono::hours(1), [&a] { a.trim(); });
}

}  // namespace carrel::kobo
