#include "library/download.hpp"

#include "server/core/clock.hpp"

namespace carrel::library {
namespace {

// Nothing when the file, or meanwhile the account or the device, is gone.
constexpr db::statement sql_record{"library.record_download", R"sql(
  insert into downloads (id, device_id, user_id, file_id, book_id, checksum, at)
  select $1::uuid, (select d.id from devices d where d.id = $3), u.id, f.id, f.book_id, coalesce(nullif($6::text, ''), f.checksum), $5::timestamptz
    from users u, book_files f
   where u.id = $2 and f.id = $4)sql"};

constexpr db::statement sql_served{"library.mark_served", R"sql(
  update book_file_hashes set last_served_at = $2 where file_id = $1 and (last_served_at is null or last_served_at < $2))sql"};

}  // namespace

void record_download(db::tx& tx, const uuid& user, const std::optional<uuid>& device, const uuid& file, const std::string& copy) {
  instant at = now();
  tx.run(sql_record, uuid::make(), user, device, file, at, copy);
  tx.run(sql_served, file, at);
}

}  // namespace carrel::library
