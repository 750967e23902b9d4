#include "library/device_problems.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_problems{"library.device_problems", R"sql(
  select * from (
    select d.id, (select count(*) from kobo_suspicions s join kobo_devices k on k.id = s.kobo_id where k.device_id = d.id) as doubtful,
           exists (select from kobo_devices k where k.device_id = d.id and k.guarded_since is not null and not k.guard_lifted) as guarded,
           (select count(*) from device_requests r
             where r.device_id = d.id and r.status >= 400
               and r.at > coalesce((select max(w.at) from device_requests w where w.device_id = d.id and w.status < 400), '-infinity')) as failed
      from devices d where d.user_id = $1 and d.revoked_at is null) p
   where doubtful > 0 or guarded or failed > 0)sql"};

}  // namespace

std::map<uuid, device_problems> problems_of_devices(db::tx& tx, const uuid& user) {
  std::map<uuid, device_problems> out;
  for (const db::row& r : tx.run(sql_problems, user))
    out.emplace(r.id(0), device_problems{.doubtful = r.integer(1), .guarded = r.flag(2), .failed = r.integer(3)});
  return out;
}

}  // namespace carrel::library
