#include "kobo/annotations.hpp"

#include <algorithm>

#include "kobo/states.hpp"
#include "library/merge.hpp"
#include "server/core/text.hpp"

namespace carrel::kobo {
namespace {

constexpr std::int64_t most_kept_bytes = 1 << 20;
constexpr int most_strangers = 100, days_kept = 30;
constexpr std::size_t longest_name = 200;

constexpr db::statement sql_lock_set{"kobo.lock_annotations", R"sql(
  insert into annotation_sets (user_id, entitlement) values ($1, $2)
      on conflict (user_id, entitlement) do update set revision = annotation_sets.revision)sql"};
constexpr db::statement sql_put{"kobo.put_annotation", R"sql(
  insert into annotations as a (id, user_id, entitlement, name, raw, kind, color, quote, note, chapter, progress, modified_at, received_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
      on conflict (user_id, entitlement, name) do update
     set raw = excluded.raw, kind = excluded.kind, color = excluded.color, quote = excluded.quote, note = excluded.note,
         chapter = excluded.chapter, progress = excluded.progress, modified_at = excluded.modified_at, deleted_at = null
   where a.raw is distinct from excluded.raw
     and (a.modified_at is null or excluded.modified_at is null or excluded.modified_at >= a.modified_at)
     and (a.deleted_at is null or excluded.modified_at > a.deleted_at))sql"};
constexpr db::statement sql_delete{"kobo.delete_annotations", R"sql(
  insert into annotations as a (id, user_id, entitlement, name, received_at, deleted_at)
  select w.id, $1::uuid, $2::uuid, w.name, $5::timestamptz, $5::timestamptz from unnest($3::uuid[], $4::text[]) as w (id, name)
      on conflict (user_id, entitlement, name) do update set deleted_at = excluded.deleted_at where a.deleted_at is null)sql"};
constexpr db::statement sql_grow{"kobo.annotations_changed", R"sql(
  update annotation_sets set revision = revision + case when $3 then 1 else 0 end, complete = complete and $4
   where user_id = $1 and entitlement = $2)sql"};
constexpr db::statement sql_set{"kobo.annotations", R"sql(
  select s.revision, a.raw
    from annotation_sets s
    left join annotations a on a.user_id = s.user_id and a.entitlement = s.entitlement and a.deleted_at is null and a.raw is not null
   where s.user_id = $1 and s.entitlement = $2
   order by a.received_at, a.id)sql"};
constexpr db::statement sql_counts{"kobo.annotation_counts", R"sql(
  select w.place, coalesce(s.revision, 0), coalesce(s.complete, false),
         (select count(*) from annotations a where a.user_id = $1 and a.entitlement = b.entitlement and a.deleted_at is null and a.raw is not null),
         b.entitlement
    from unnest($2::uuid[]) with ordinality as w (id, place)
    join books b on b.entitlement = surviving_entitlement(w.id)
    left join annotation_sets s on s.user_id = $1 and s.entitlement = b.entitlement)sql"};

constexpr db::statement sql_keep{"kobo.keep_leftover", R"sql(
  insert into annotation_leftovers (user_id, bearer, content, body, received_at) values ($1, $2, $3, $4, $5))sql"};
constexpr db::statement sql_drop_old{"kobo.drop_leftovers", R"sql(
  delete from annotation_leftovers where user_id is null and received_at < $1)sql"};
constexpr db::statement sql_room{"kobo.leftover_room", R"sql(
  select coalesce(sum(octet_length(body)) filter (where bearer = $1), 0),
         count(distinct bearer) filter (where bearer <> $1) from annotation_leftovers where user_id is null)sql"};
constexpr db::statement sql_adopt{"kobo.adopt_leftovers", R"sql(
  delete from annotation_leftovers where bearer = $1 and user_id is null returning id, content, body)sql"};

struct annotation {
  std::string name, raw, kind, color, quote, note, chapter;
  std::optional<double> progress;
  std::optional<instant> modified;
};

// What a text column takes: PostgreSQL knows no U+0000.
std::string text_in(const json::object& o, std::string_view name) {
  std::string out;
  o.take(name, out);
  std::erase(out, '\0');
  return out;
}

std::optional<annotation> read_annotation(const json::value& v) {
  const json::object* o = v.as_object();
  if (o == nullptr) return std::nullopt;
  annotation a{.name = text_in(*o, "id"),
               .raw = json::dump(v),
               .kind = lower_ascii(text_in(*o, "type")),
               .color = text_in(*o, "highlightColor"),
               .quote = text_in(*o, "highlightedText"),
               .note = text_in(*o, "noteText"),
               .chapter = {},
               .progress = {},
               .modified = parse_time(text_in(*o, "clientLastModifiedUtc"))};
  if (a.name.empty() || a.name.size() > longest_name) return std::nullopt;
  const json::value* location = o->find("location");
  const json::value* span = location && location->as_object() ? location->as_object()->find("span") : nullptr;
  if (span && span->as_object()) {
    a.chapter = text_in(*span->as_object(), "chapterTitle");
    double progress = 0;
    if (span->as_object()->take("chapterProgress", progress)) a.progress = progress;
  }
  return a;
}

struct read_patch {
  std::vector<annotation> updated;
  std::vector<std::string> deleted;
  bool whole = true;  // everything in it could be read
};

const json::array* list_in(const json::object& o, std::string_view name, bool& whole) {
  const json::value* v = o.find(name);
  if (v == nullptr || v->is_null()) return nullptr;
  if (v->as_array() == nullptr) whole = false;
  return v->as_array();
}

read_patch read_body(std::string_view body) {
  read_patch out;
  result<json::object> o = json::read_object(body);
  if (!o) return {.updated = {}, .deleted = {}, .whole = false};
  if (const json::array* updated = list_in(*o, "updatedAnnotations", out.whole)) {
    for (const json::value& v : *updated) {
      std::optional<annotation> a = read_annotation(v);
      if (a)
        out.updated.push_back(std::move(*a));
      else
        out.whole = false;
    }
  }
  if (const json::array* deleted = list_in(*o, "deletedAnnotationIds", out.whole)) {
    for (const json::value& v : *deleted) {
      bool usable = v.as_text() != nullptr && !v.as_text()->empty() && v.as_text()->size() <= longest_name &&
                    v.as_text()->find('\0') == std::string::npos;
      if (usable)
        out.deleted.push_back(*v.as_text());
      else
        out.whole = false;
    }
  }
  std::sort(out.deleted.begin(), out.deleted.end());
  out.deleted.erase(std::unique(out.deleted.begin(), out.deleted.end()), out.deleted.end());
  return out;
}

bool store(db::tx& tx, const uuid& user, const uuid& entitlement, const annotation& a) {
  return tx.run(sql_put, uuid::make(), user, entitlement, a.name, a.raw, a.kind, a.color, a.quote, a.note, a.chapter, a.progress,
                a.modified, now())
             .affected() > 0;
}

std::string etag_of(std::int64_t revision) { return "W/\"" + std::to_string(revision) + "\""; }

// What a book of Kobo's own cloud is marked with: one part for each annotation, W/"A:12-x, A:7-y".
std::int64_t annotations_in(std::string_view etag) {
  if (etag.find(':') == std::string_view::npos) return 0;
  return 1 + std::count(etag.begin(), etag.end(), ',');
}

}  // namespace

void patch_annotations(db::tx& tx, const uuid& user, const uuid& told, std::string_view body) {
  uuid entitlement = library::surviving_entitlement(tx, told);
  tx.run(sql_lock_set, user, entitlement);
  read_patch sent = read_body(body);
  bool changed = false;
  for (const annotation& a : sent.updated) changed |= store(tx, user, entitlement, a);
  if (!sent.deleted.empty()) {
    std::vector<uuid> ids(sent.deleted.size());
    std::generate(ids.begin(), ids.end(), uuid::make);
    changed |= tx.run(sql_delete, user, entitlement, ids, sent.deleted, now()).affected() > 0;
  }
  if (!sent.whole) tx.run(sql_keep, std::optional(user), db::bytes{}, entitlement.text(), db::bytes{std::string(body)}, now());
  tx.run(sql_grow, user, entitlement, changed, sent.whole);
}

annotation_set read_annotations(db::tx& tx, const uuid& user, const uuid& told) {
  uuid entitlement = library::surviving_entitlement(tx, told);
  annotation_set out;
  json::array all;
  std::int64_t revision = 0;
  for (const db::row& r : tx.run(sql_set, user, entitlement)) {
    out.known = true;
    revision = r.integer(0);
    if (r.is_null(1)) continue;
    result<json::object> raw = json::read_object(r.view(1));
    if (!raw) continue;
    if (raw->find("attachments") == nullptr) raw->set("attachments", json::object{});
    if (raw->find("context") == nullptr) raw->set("context", nullptr);
    all.push_back(std::move(*raw));
  }
  out.etag = etag_of(all.empty() ? 0 : revision);
  out.body = json::dump(json::object{{"annotations", std::move(all)}, {"nextPageOffsetToken", nullptr}});
  return out;
}

std::vector<inventory_entry> read_inventory(std::string_view body) {
  std::vector<inventory_entry> out;
  result<json::value, json::failure> v = json::parse(body);
  if (!v || v->as_array() == nullptr) return out;
  for (const json::value& one : *v->as_array()) {
    inventory_entry e;
    if (one.as_object() == nullptr || !one.as_object()->take("ContentId", e.spelled)) continue;
    one.as_object()->take("etag", e.etag);
    std::optional<uuid> id = uuid::parse(e.spelled);
    if (!id) continue;
    e.entitlement = *id;
    out.push_back(std::move(e));
  }
  return out;
}

std::vector<std::string> annotations_to_fetch(db::tx& tx, const uuid& user, const std::vector<inventory_entry>& all, bool offer) {
  std::vector<uuid> ids;
  ids.reserve(all.size());
  for (const inventory_entry& e : all) ids.push_back(e.entitlement);
  std::vector<std::string> out;
  for (const db::row& r : tx.run(sql_counts, user, ids)) {
    const inventory_entry& e = all[static_cast<std::size_t>(r.integer(0)) - 1];
    bool complete = r.flag(2);
    if (annotations_in(e.etag) > r.integer(3)) {
      tx.run(sql_lock_set, user, r.id(4));
      tx.run(sql_grow, user, r.id(4), false, false);
      complete = false;
    }
    if (offer && complete && e.etag != etag_of(r.integer(3) == 0 ? 0 : r.integer(1))) out.push_back(e.spelled);
  }
  return out;
}

void keep_leftover(db::tx& tx, const std::string& bearer_hash, std::string_view content, std::string_view body) {
  tx.run(sql_drop_old, now() - std::chrono::days(days_kept));
  db::rows room = tx.run(sql_room, db::bytes{bearer_hash});
  bool fits = room[0].integer(0) + static_cast<std::int64_t>(body.size()) <= most_kept_bytes;
  if (!fits || room[0].integer(1) >= most_strangers) return;
  tx.run(sql_keep, std::optional<uuid>(), db::bytes{bearer_hash}, std::string(content), db::bytes{std::string(body)}, now());
}

void adopt_leftovers(db::tx& tx, const std::string& bearer_hash, const uuid& user) {
  struct leftover {
    std::int64_t id = 0;
    std::string content, body;
  };
  std::vector<leftover> kept;
  for (const db::row& r : tx.run(sql_adopt, db::bytes{bearer_hash}))
    kept.push_back({.id = r.integer(0), .content = r.text(1), .body = r.raw(2)});
  std::sort(kept.begin(), kept.end(), [](const leftover& a, const leftover& b) { return a.id < b.id; });
  for (const leftover& l : kept) {
    if (std::optional<uuid> entitlement = uuid::parse(l.content)) patch_annotations(tx, user, *entitlement, l.body);
  }
}

}  // namespace carrel::kobo
