#include "web/quarantine.hpp"

#include <sys/stat.h>

namespace carrel::web {
namespace {

constexpr db::statement sql_files{"web.quarantined_files", R"sql(
  select i.id, i.display_name, i.error_code, i.error_detail, i.quarantine_path, i.created_at, i.dismissed_at
    from ingest_items i
   where i.state = 'rejected' and i.quarantine_path <> ''
     and ($1::uuid is null or i.id = $1)
     and ($2::uuid is null or (i.created_at, i.id) < (select a.created_at, a.id from ingest_items a where a.id = $2))
   order by i.created_at desc, i.id desc
   limit $3)sql"};

constexpr db::statement sql_discard{"web.discard_quarantined", R"sql(
  update ingest_items set dismissed_at = case when $2 then now() end, updated_at = now()
   where id = $1 and state = 'rejected' and quarantine_path <> '' and (dismissed_at is null) = $2)sql"};

quarantined file_from(const db::row& r) {
  return {.id = r.id(0),
          .name = r.text(1),
          .code = r.text(2),
          .detail = r.text(3),
          .path = r.text(4),
          .since = r.at(5),
          .discarded_at = r.maybe_at(6),
          .size = {}};
}

}  // namespace

std::vector<quarantined> quarantined_files(db::tx& tx, const std::optional<uuid>& after, int most) {
  std::vector<quarantined> out;
  for (const db::row& r : tx.run(sql_files, std::nullopt, after, most)) out.push_back(file_from(r));
  return out;
}

std::optional<quarantined> find_quarantined(db::tx& tx, const uuid& item) {
  db::rows rows = tx.run(sql_files, item, std::nullopt, 1);
  return rows.empty() ? std::nullopt : std::optional(file_from(rows[0]));
}

std::vector<quarantined> measure(std::vector<quarantined> files, const std::filesystem::path& data) {
  for (quarantined& f : files) {
    struct stat facts {};
    bool there = ::lstat((data / f.path).c_str(), &facts) == 0 && S_ISREG(facts.st_mode);
    if (there) f.size = static_cast<std::uint64_t>(facts.st_size);
  }
  return files;
}

bool set_discarded(db::tx& tx, const uuid& item, bool discarded) { return tx.run(sql_discard, item, discarded).affected() > 0; }

}  // namespace carrel::web
