#include "library/kobo_place.hpp"

#include "library/bridge_rows.hpp"
#include "library/storable.hpp"
#include "server/core/json.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_device{"library.kobo_name", "select name from devices where id = $1"};
// Nothing looks for its book by a fingerprint.
constexpr db::statement sql_link{"library.link_kobo_document", R"sql(
  update documents d set book_id = coalesce(b.merged_into, b.id), link = 'auto', looked_up_at = now()
    from books b where b.entitlement = $3 and d.user_id = $1 and d.document = $2 and d.link = 'none')sql"};
constexpr db::statement sql_delivered{"library.kobo_delivered_artifact", R"sql(
  select artifact_id from kobo_delivered where device_id = $1 and entitlement = $2)sql"};
constexpr db::statement sql_title{"library.kobo_document_title",
                                  "select title from books where entitlement = surviving_entitlement($1)"};

constexpr db::statement sql_begin{"library.kobo_begin_state", R"sql(
  insert into kobo_states (user_id, entitlement, revision, created_at) values ($1, $2, 0, $3) on conflict do nothing)sql"};
// A book that was begun elsewhere is being read, and one that was finished there is finished (kosync.md 9.6); what is finished
// already stays so, whatever is read in it again.
constexpr db::statement sql_tell{"library.tell_kobos", R"sql(
  update kobo_states s
     set revision = s.revision + 1, bookmark = coalesce($3::jsonb, s.bookmark),
         bookmark_at = case when $3::jsonb is null then s.bookmark_at else greatest($4, s.bookmark_at + interval '1 second') end,
         status = case when w.status is null then s.status else coalesce(s.status, '{}') || jsonb_build_object('Status', w.status) end,
         status_at = case when w.status is null then s.status_at else greatest($4, s.status_at) end,
         finished_at = case when w.status = 'Finished' then $4 else s.finished_at end
    from (select case when $5 and coalesce(status ->> 'Status', '') <> 'Finished' then 'Finished'
                      when coalesce(status ->> 'Status', 'ReadyToRead') = 'ReadyToRead' then 'Reading' end as status
            from kobo_states where user_id = $1 and entitlement = $2) w
   where s.user_id = $1 and s.entitlement = $2
     and case when $3::jsonb is null then w.status = 'Finished' else s.bookmark is distinct from $3::jsonb end)sql"};
constexpr db::statement sql_ring{"library.kobo_states_changed", R"sql(
  insert into kobo_readers as r (user_id, states) values ($1, 1) on conflict (user_id) do update set states = r.states + 1)sql"};

constexpr std::size_t longest_place = 2000;

}  // namespace

std::string hear_kobo(db::tx& tx, const uuid& user, const uuid& device, const uuid& entitlement, const kobo_place& k,
                      const put_policy& policy) {
  json::object payload{{"source", k.source}, {"value", k.value}, {"finished", k.finished}};
  if (k.in_document) payload.set("in_document", *k.in_document);
  if (k.in_book) payload.set("in_book", *k.in_book);
  db::rows delivered = tx.run(sql_delivered, device, entitlement);
  if (!delivered.empty()) payload.set("artifact", delivered[0].id(0));
  db::rows name = tx.run(sql_device, device), title = tx.run(sql_title, entitlement);
  position p;
  p.user = user;
  p.document = kobo_document(entitlement);
  p.device = name.empty() ? "Kobo" : name[0].text(0);
  p.device_id = device.text();
  p.device_key = "c:" + device.text();
  p.credential = device;
  p.origin = "kobo";
  p.percentage = k.finished ? 1 : static_cast<double>(k.in_book.value_or(0)) / 100;
  std::string place = k.source.empty() ? std::to_string(k.in_book.value_or(0)) + " %" : k.source + "#" + k.value;
  p.progress = storable_note(place, longest_place);
  p.timestamp = unix_seconds(now());
  p.payload = jsonb_text(payload);
  if (!title.empty()) p.title = title[0].text(0);
  put_positions(tx, {p}, policy);
  tx.run(sql_link, user, p.document, entitlement);
  return p.document;
}

std::optional<kobo_place> kobo_place_from(const std::string& payload) {
  result<json::object> in = json::read_object(payload);
  kobo_place out;
  if (!in || !in->take("source", out.source) || !in->take("value", out.value) || !in->take("finished", out.finished))
    return std::nullopt;
  std::string artifact;
  if (in->take("artifact", artifact)) out.artifact = uuid::parse(artifact);
  std::int64_t percent = 0;
  if (in->take("in_document", percent)) out.in_document = percent;
  if (in->take("in_book", percent)) out.in_book = percent;
  return out;
}

std::optional<kobo_place> kobo_place_of(const std::string& progress) {
  std::size_t cut = progress.rfind('#');
  if (cut == std::string::npos) return std::nullopt;
  kobo_place out;
  out.source = progress.substr(0, cut);
  out.value = progress.substr(cut + 1);
  return out;
}

bool tell_kobos(db::tx& tx, const uuid& user, const uuid& entitlement, const std::optional<publication::kepub::location>& l,
                instant at, bool finished) {
  std::optional<std::string> bookmark;
  if (l) {
    json::object said{{"ProgressPercent", l->in_book}};
    if (!l->source.empty()) {
      said.set("ContentSourceProgressPercent", l->in_document);
      said.set("Location", json::object{{"Source", l->source}, {"Type", "KoboSpan"}, {"Value", l->value}});
    }
    bookmark = json::dump(said);
  }
  tx.run(sql_begin, user, entitlement, at);
  if (tx.run(sql_tell, user, entitlement, bookmark, at, finished).affected() == 0) return false;
  tx.run(sql_ring, user);
  return true;
}

}  // namespace carrel::library
