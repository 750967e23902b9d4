#include "library/attic.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <tuple>

namespace carrel::library {
namespace {

namespace fs = std::filesystem;

constexpr db::statement sql_origins{"library.attic_origins", R"sql(
  with found as (
    select i.id, false as replaced, i.book_id, null::uuid as file_id from ingest_items i where i.id = any ($2::uuid[])
     union all
    select (a.detail->>'kept')::uuid, true, a.subject_id, (a.detail->>'file')::uuid
      from audit a where a.action = 'file.replace' and a.detail->>'kept' = any ($3::text[]))
  select f.id, f.replaced, f.book_id, f.file_id, coalesce(r.title, ''), b.id is not null and r.id is null
    from found f
    left join books b on b.id = f.book_id
    left join reachable_books($1) r on r.id = f.book_id)sql"};

instant instant_of(const struct timespec& t) {
  return instant(
      std::chrono::duration_cast<instant::duration>(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec)));
}

bool earlier(const attic_place& a, const attic_place& b) { return std::tie(a.at, a.id) < std::tie(b.at, b.id); }

// A folder of the attic itself, whatever else somebody has put there.
std::optional<attic_place> place_of(const fs::path& folder) {
  struct stat facts {};
  std::optional<uuid> id = uuid::parse(folder.filename().native());
  if (!id || ::lstat(folder.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode)) return std::nullopt;
  return attic_place{.at = instant_of(facts.st_mtim), .id = *id};
}

std::optional<attic_entry> look(const fs::path& attic, const attic_place& at) {
  attic_entry out{.id = at.id, .name = {}, .files = 0, .size = 0, .at = at.at};
  std::error_code code;
  for (const fs::directory_entry& f : fs::directory_iterator(attic / at.id.text(), code)) {
    struct stat facts {};
    if (::lstat(f.path().c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue;
    std::string name = f.path().filename().native();
    if (out.files++ == 0 || name < out.name) out.name = std::move(name);
    out.size += static_cast<std::uint64_t>(facts.st_size);
  }
  return out.files > 0 ? std::optional(out) : std::nullopt;
}

}  // namespace

std::vector<attic_entry> attic_entries(const fs::path& attic, const std::optional<attic_place>& after, std::size_t most) {
  std::vector<attic_place> newest;  // a heap, the earliest in front
  auto later = [](const attic_place& a, const attic_place& b) { return earlier(b, a); };
  std::error_code code;
  for (const fs::directory_entry& folder : fs::directory_iterator(attic, code)) {
    std::optional<attic_place> at = place_of(folder.path());
    if (!at || (after && !earlier(*at, *after))) continue;
    newest.push_back(*at);
    std::push_heap(newest.begin(), newest.end(), later);
    if (newest.size() <= most) continue;
    std::pop_heap(newest.begin(), newest.end(), later);
    newest.pop_back();
  }
  std::sort(newest.begin(), newest.end(), later);
  std::vector<attic_entry> out;
  for (const attic_place& at : newest) {
    if (std::optional<attic_entry> e = look(attic, at)) out.push_back(std::move(*e));
  }
  return out;
}

std::optional<attic_entry> find_attic_entry(const fs::path& attic, const uuid& id) {
  std::optional<attic_place> at = place_of(attic / id.text());
  return at ? look(attic, *at) : std::nullopt;
}

std::vector<attic_origin> attic_origins(db::tx& tx, const uuid& viewer, const std::vector<uuid>& entries) {
  std::vector<std::string> names;
  for (const uuid& id : entries) names.push_back(id.text());
  std::vector<attic_origin> out;
  for (const db::row& r : tx.run(sql_origins, viewer, entries, names)) {
    out.push_back({.id = r.id(0),
                   .replaced = r.flag(1),
                   .book = r.maybe_id(2),
                   .file = r.maybe_id(3),
                   .title = r.text(4),
                   .hidden = r.flag(5)});
  }
  return out;
}

}  // namespace carrel::library
