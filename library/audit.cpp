#include "library/audit.hpp"

#include "library/storable.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_record{"library.record", R"sql(
  insert into audit (id, at, user_id, actor, action, subject_kind, subject_id, detail)
  values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb))sql"};

constexpr db::statement sql_history{"library.history_of", R"sql(
  select id, at, actor, action, subject_kind, subject_id, detail::text
    from audit
   where subject_id = $1
   order by at desc, id desc
   limit $2)sql"};

}  // namespace

void record(db::tx& tx, const actor& who, const std::string& action, const std::string& subject_kind,
            const std::optional<uuid>& subject, const json::object& detail) {
  tx.run(sql_record, uuid::make(), now(), who.user, storable_note(who.name, 200), action, subject_kind, subject,
         jsonb_text(detail));
}

std::vector<audit_entry> history_of(db::tx& tx, const uuid& subject, int most) {
  std::vector<audit_entry> out;
  for (const db::row& r : tx.run(sql_history, subject, most)) {
    out.push_back({.id = r.id(0),
                   .at = r.at(1),
                   .actor = r.text(2),
                   .action = r.text(3),
                   .subject_kind = r.text(4),
                   .subject = r.maybe_id(5),
                   .detail = r.text(6)});
  }
  return out;
}

}  // namespace carrel::library
