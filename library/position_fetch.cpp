#include "library/position.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_get{"library.get_positions", R"sql(
  select i.n - 1, p.progress, p.device, p.device_id, p.percentage, p.timestamp
    from unnest($1::uuid[], $2::text[]) with ordinality as i(user_id, document, n)
    join reading_progress p on p.user_id = i.user_id and p.document = i.document)sql"};

// What a device is shown is written down in the statement that reads it, so a push that follows the answer finds it, in
// whatever process. What it knows already is not written again. `contacted` waits for `remembered`, so that rows are locked in
// the order of a push.
constexpr db::statement sql_fetch{"library.fetch_positions", R"sql(
  with shown as materialized (
    select i.n, i.user_id, i.document, 'c:' || i.credential as device_key, d.seen_revision, c.put_at, c.get_at,
           p.progress, p.device, p.device_id, p.percentage, p.timestamp, p.revision
      from unnest($1::uuid[], $2::text[], $3::uuid[]) with ordinality as i(user_id, document, credential, n)
      join reading_progress p on p.user_id = i.user_id and p.document = i.document
      left join device_progress d on d.user_id = i.user_id and d.document = i.document and d.device_key = 'c:' || i.credential
      left join device_contacts c on c.user_id = i.user_id and c.device_key = 'c:' || i.credential),
  remembered as (
    insert into device_progress as d (user_id, document, device_key, last_get_at, seen_revision)
    select user_id, document, device_key, $4::timestamptz, max(revision)
      from shown
     where device_key is not null and (seen_revision is null or seen_revision < revision)
     group by user_id, document, device_key
     order by user_id, document collate "C", device_key collate "C"
        on conflict (user_id, document, device_key)
        do update set last_get_at = greatest(d.last_get_at, excluded.last_get_at),
           seen_revision = greatest(d.seen_revision, excluded.seen_revision)
    returning 1),
  contacted as (
    insert into device_contacts as c (user_id, device_key, get_at)
    select distinct user_id, device_key collate "C", $4::timestamptz
      from shown
     where device_key is not null and put_at is not null and (get_at is null or get_at <= put_at)
       and (select count(*) from remembered) >= 0
     order by user_id, device_key collate "C"
        on conflict (user_id, device_key) do update set get_at = greatest(c.get_at, excluded.get_at))
  select n - 1, progress, device, device_id, percentage, timestamp from shown)sql"};

}  // namespace

std::vector<std::optional<position>> get_positions(db::tx& tx, const std::vector<fetch>& wanted) {
  std::vector<uuid> users;
  std::vector<std::string> documents;
  std::vector<std::optional<uuid>> credentials;
  bool remember = false;
  for (const fetch& f : wanted) {
    users.push_back(f.user);
    documents.push_back(f.document);
    credentials.push_back(f.credential);
    remember = remember || f.credential;
  }
  std::vector<std::optional<position>> out(wanted.size());
  db::rows rows = remember ? tx.run(sql_fetch, users, documents, credentials, now()) : tx.run(sql_get, users, documents);
  for (const db::row& r : rows) {
    auto n = static_cast<std::size_t>(r.integer(0));
    position p;
    p.user = wanted[n].user;
    p.document = wanted[n].document;
    p.progress = r.text(1);
    p.device = r.text(2);
    p.device_id = r.maybe_text(3);
    p.percentage = r.real(4);
    p.timestamp = r.integer(5);
    out[n] = std::move(p);
  }
  return out;
}

}  // namespace carrel::library
