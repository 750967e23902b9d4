#include "opds/outlines.hpp"

#include <fcntl.h>

#include <algorithm>

#include "library/file_outline.hpp"
#include "library/popular.hpp"
#include "library/revision.hpp"
#include "opds/outline_job.hpp"
#include "opds/visit.hpp"
#include "server/core/file.hpp"
#include "server/core/log.hpp"

namespace carrel::opds {
namespace {

using publication::outline;
using shared_outline = std::shared_ptr<const outline>;

std::size_t weight_of(const library::stored_outline& o) { return 4 * o.json.size(); }

// Nothing when it could not be looked at just now.
std::optional<library::stored_outline> look_inside(publication::isolated::pool& readers, const std::filesystem::path& path,
                                                   const std::string& name) {
  file source(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!source) return std::nullopt;
  result<outline, publication::refusal> found = readers.outline_of(source.get(), name);
  if (found) return library::stored_outline{.json = publication::to_json(*found), .refused = {}, .pages = found->pages};
  if (found.error().detail == publication::isolated::no_process) return std::nullopt;
  log::info("opds.outline", {{"file", name}, {"code", found.error().code}});
  return library::stored_outline{.json = {}, .refused = found.error().code, .pages = 0};
}

std::vector<library::file_to_outline> one_batch(db::pool& pool, const std::vector<std::string>& formats,
                                                const std::optional<uuid>& after, int most) {
  return pool.read_now([&](db::tx& tx) { return library::files_without_outline(tx, formats, after, most); });
}

// False when it is for another time. Whether a folder that is only read has lost a file, or is away as a whole, whoever looks
// through it finds out.
bool read_one(db::pool& pool, const library::store& store, publication::isolated::pool& readers,
              const library::file_to_outline& f) {
  bool there = store.holds(f.storage_path);
  if (!there && library::is_external(f.storage_path)) return false;
  std::optional<library::stored_outline> found;
  if (there) found = look_inside(readers, store.absolute(f.storage_path), f.name);
  if (there && !found) return false;
  pool.write_now([&](db::tx& tx) {
    if (found)
      library::store_outline(tx, f.id, f.checksum, *found);
    else
      library::mark_file_missing(tx, f.id, true);
  });
  return true;
}

shared_outline unpacked(const library::stored_outline& o) {
  result<outline, publication::refusal> out = publication::outline_from_json(o.json);
  return out ? std::make_shared<const outline>(std::move(*out)) : nullptr;
}

}  // namespace

task<shared_outline> outline_of(shared_state& s, const stored_file& f) {
  std::string key = f.file.id.text() + f.file.checksum;
  if (shared_outline kept = s.outlines.find(key)) co_return kept;
  uuid id = f.file.id;
  std::string checksum = f.file.checksum, name = f.file.original_name;
  std::optional<library::stored_outline> known = co_await s.with.pool.read(library::find_outline, id, checksum);
  if (!known) {
    std::filesystem::path path = f.path;
    publication::isolated::pool* readers = &s.with.readers;
    auto look = [readers](const std::filesystem::path& at, const std::string& called) {
      return look_inside(*readers, at, called);
    };
    known = co_await s.readers.run(look, path, name);
    if (!known) throw too_busy();
    co_await s.with.pool.write(library::store_outline, id, checksum, *known);
  }
  shared_outline out = unpacked(*known);
  if (out) s.outlines.keep(key, out, weight_of(*known));
  co_return out;
}

bool has_pictures(const std::string& format) {
  const publication::kind* k = publication::find_kind(format);
  return k != nullptr && (k->family == "comic" || k->family == "pdf");
}

std::vector<std::string> streamed_formats(const config& c) {
  std::vector<std::string> out;
  for (const publication::kind& k : publication::kinds()) {
    if (k.family == "comic" || (k.family == "pdf" && c.on("opds.pdf_pages"))) out.push_back(k.format);
  }
  return out;
}

http::problem too_busy() {
  http::problem p{503, "Too much is being read at this moment. Please try again."};
  p.headers.emplace_back("Retry-After", "5");
  return p;
}

int read_outlines(db::pool& pool, const library::store& store, publication::isolated::pool& readers,
                  const std::vector<std::string>& formats, const std::function<bool()>& stopping,
                  const std::function<void(int)>& tell) {
  constexpr int batch = 100;
  int done = 0;
  std::optional<uuid> last;
  for (std::vector<library::file_to_outline> next = one_batch(pool, formats, last, batch); !next.empty();
       next = one_batch(pool, formats, last, batch)) {
    for (const library::file_to_outline& f : next) {
      if (stopping()) return done;
      done += read_one(pool, store, readers, f) ? 1 : 0;
    }
    last = next.back().id;
    if (tell) tell(done);
  }
  return done;
}

void register_jobs(jobs::workers& w, db::pool& pool, const library::store& store, publication::isolated::pool& readers,
                   const config& c) {
  w.on("opds.outlines", [&pool, &store, &readers, formats = streamed_formats(c)](const jobs::job&, jobs::progress& p) {
    auto stopping = [&p] { return p.stopping(); };
    read_outlines(pool, store, readers, formats, stopping, [&p](int done) { p.report(done, std::nullopt); });
  });
}

void register_schedule(jobs::schedule& clock, db::pool& pool, const config& settings) {
  auto count = [](db::tx& tx) {
    if (library::count_popular(tx)) library::bump_revision(tx);
  };
  if (settings.on("opds.popular")) clock.every("opds.popular", std::chrono::hours(24), [&pool, count] { pool.write_now(count); });
  clock.every("opds.outlines", std::chrono::minutes(1), [&pool, last = std::int64_t{-1}]() mutable {
    std::int64_t revision = pool.read_now(library::current_revision).number;
    if (revision == last) return;
    pool.write_now([](db::tx& tx) { jobs::enqueue(tx, "opds.outlines", "pages", {}); });
    last = revision;
  });
}

}  // namespace carrel::opds
