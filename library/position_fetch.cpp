#include "library/position.hpp"

namespace carrel::library {
namespace {

// `offset 0` keeps it to one look into an index for each row (position.cpp).
constexpr db::statement sql_get{"library.get_positions", R"sql(
  select i.n - 1, p.progress, p.device, p.device_id, p.percentage, p.timestamp
    from unnest($1::uuid[], $2::text[]) with ordinality as i(user_id, document, n)
   cross join lateral (
         select * from reading_progress a where a.user_id = i.user_id and a.document = i.document offset 0) p)sql"};

// The same, and what the device that asks knows of it.
constexpr db::statement sql_fetch{"library.fetch_positions", R"sql(
  select i.n - 1, p.progress, p.device, p.device_id, p.percentage, p.timestamp, p.revision,
         d.seen_revision, c.put_at is not null and (c.get_at is null or c.get_at <= c.put_at)
    from unnest($1::uuid[], $2::text[], $3::text[]) with ordinality as i(user_id, document, device_key, n)
   cross join lateral (
         select * from reading_progress a where a.user_id = i.user_id and a.document = i.document offset 0) p
    left join lateral (
         select * from device_progress a
          where a.user_id = i.user_id and a.document = i.document and a.device_key = i.device_key offset 0) d on true
    left join lateral (
         select * from device_contacts a where a.user_id = i.user_id and a.device_key = i.device_key offset 0) c on true)sql"};

// `contacted` waits for `remembered`, so that rows are locked in the order of a push.
constexpr db::statement sql_remember{"library.fetch_remember", R"sql(
  with shown as materialized (
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::boolean[])
               as i(user_id, document, device_key, revision, first_get)),
  remembered as (
    insert into device_progress as d (user_id, document, device_key, last_get_at, seen_revision)
    select user_id, document, device_key, $6::timestamptz, max(revision)
      from shown
     group by user_id, document, device_key
     order by user_id, document collate "C", device_key collate "C"
        on conflict (user_id, document, device_key)
        do update set last_get_at = greatest(d.last_get_at, excluded.last_get_at),
           seen_revision = greatest(d.seen_revision, excluded.seen_revision)
    returning 1)
  insert into device_contacts as c (user_id, device_key, get_at)
  select distinct user_id, device_key collate "C", $6::timestamptz
    from shown
   where first_get and (select count(*) from remembered) >= 0
   order by user_id, device_key collate "C"
      on conflict (user_id, device_key) do update set get_at = greatest(c.get_at, excluded.get_at))sql"};

// What devices are shown for the first time. It is written down before they are answered, so a push that follows the answer
// finds it, in whatever process; what a device knows already is not written again.
class shown_rows {
 public:
  void add(const fetch& f, const std::string& device_key, const db::row& r) {
    std::int64_t revision = r.integer(6);
    std::optional<std::int64_t> seen = r.maybe_integer(7);
    bool first_get = r.flag(8);
    if (seen && *seen >= revision && !first_get) return;
    users_.push_back(f.user);
    documents_.push_back(f.document);
    keys_.push_back(device_key);
    revisions_.push_back(revision);
    first_gets_.push_back(first_get);
  }

  void store(db::tx& tx) const {
    if (!users_.empty()) tx.run(sql_remember, users_, documents_, keys_, revisions_, first_gets_, now());
  }

 private:
  std::vector<uuid> users_;
  std::vector<std::string> documents_, keys_;
  std::vector<std::int64_t> revisions_;
  std::vector<bool> first_gets_;
};

position position_of(const fetch& f, const db::row& r) {
  position p;
  p.user = f.user;
  p.document = f.document;
  p.progress = r.text(1);
  p.device = r.text(2);
  p.device_id = r.maybe_text(3);
  p.percentage = r.real(4);
  p.timestamp = r.integer(5);
  return p;
}

}  // namespace

std::vector<std::optional<position>> get_positions(db::tx& tx, const std::vector<fetch>& wanted) {
  std::vector<uuid> users;
  std::vector<std::string> documents;
  std::vector<std::optional<std::string>> keys;
  bool remember = false;
  for (const fetch& f : wanted) {
    users.push_back(f.user);
    documents.push_back(f.document);
    keys.push_back(f.credential ? std::optional("c:" + f.credential->text()) : std::nullopt);
    remember = remember || f.credential;
  }
  db::rows found = remember ? tx.run(sql_fetch, users, documents, keys) : tx.run(sql_get, users, documents);

  std::vector<std::optional<position>> out(wanted.size());
  shown_rows shown;
  for (const db::row& r : found) {
    auto n = static_cast<std::size_t>(r.integer(0));
    out[n] = position_of(wanted[n], r);
    if (keys[n]) shown.add(wanted[n], *keys[n], r);
  }
  shown.store(tx);
  return out;
}

}  // namespace carrel::library
