// Annotations and notebooks. A Kobo asks for them at the root of the host, where its path token is lost; the same paths answer
// below its own address (kobo.md 15). A refusal here would end its sync.
#include "kobo/annotations.hpp"
#include "kobo/state.hpp"
#include "library/device.hpp"
#include "library/kobo_options.hpp"
#include "server/core/text.hpp"

namespace carrel::kobo {
namespace {

// Rule (3) of section 15: two values that nobody else can know together.
constexpr db::statement sql_by_device{"kobo.by_device_and_book", R"sql(
  select d.user_id, d.id
    from kobo_devices k
    join devices d on d.id = k.device_id and d.revoked_at is null
    join users u on u.id = d.user_id and u.disabled_at is null
    join kobo_ledger l on l.kobo_id = k.id and l.subject = 1 and l.id = $2
   where k.device_hash = $1
   order by k.last_seen_at desc limit 1)sql"};
constexpr db::statement sql_ours{"kobo.ours", R"sql(
  select from books where entitlement = $2 union all
  select from kobo_ledger l join kobo_devices k on k.id = l.kobo_id join devices d on d.id = k.device_id
   where d.user_id = $1 and l.subject = 1 and l.id = $2 limit 1)sql"};

struct person {
  uuid user, device;
  reader_facts reader{};
};

std::optional<person> find_by_device(db::tx& tx, const reader_facts& reader, const uuid& entitlement) {
  db::rows rows = tx.run(sql_by_device, db::bytes{reader.device_hash}, entitlement);
  if (rows.empty()) return std::nullopt;
  return person{.user = rows[0].id(0), .device = rows[0].id(1), .reader = reader};
}

struct asked_annotations {
  annotation_set set;
  bool ours = false;
};
// Its row: that of the reader that asks, when it tells; else of the one that was told of the book.
void note(db::tx& tx, const person& who, signal what, const std::vector<uuid>& ids) {
  if (ids.empty()) return;
  std::optional<kobo_row> k;
  if (!who.reader.device_hash.empty()) k = find_row(tx, who.device, who.user, who.reader);
  if (!k) k = find_holder(tx, who.device, who.user, ids.front());
  if (k) note_signals(tx, *k, what, ids);
}

void store_annotations(db::tx& tx, const person& who, const uuid& entitlement, const std::string& body) {
  patch_annotations(tx, who.user, entitlement, body);
  note(tx, who, signal::annotations, {entitlement});
}

std::vector<std::string> changes_for(db::tx& tx, const person& who, const std::vector<inventory_entry>& held) {
  std::vector<uuid> ids;
  ids.reserve(held.size());
  for (const inventory_entry& e : held) ids.push_back(e.entitlement);
  note(tx, who, signal::inventory, ids);
  return annotations_to_fetch(tx, who.user, held, library::kobo_options_of(tx, who.device).highlights);
}

asked_annotations annotations_of(db::tx& tx, const uuid& user, const uuid& entitlement) {
  asked_annotations out{.set = read_annotations(tx, user, entitlement), .ours = false};
  out.ours = out.set.known || !tx.run(sql_ours, user, entitlement).empty();
  return out;
}

// Who asks; nobody when neither its path, nor what it shows, nor what it asks for tells.
task<std::optional<person>> recognise(shared_state& s, http::context& c, std::optional<uuid> content) {
  if (!c.who) {
    task<std::optional<http::principal>> asking = s.with.credentials.kobo_bearer(c);
    c.who = co_await std::move(asking);
  }
  std::shared_ptr<const keys> secret = co_await s.secrets.get();
  reader_facts reader = reader_of(c.in, *secret);
  if (c.who && c.who->device) co_return person{.user = c.who->user, .device = *c.who->device, .reader = std::move(reader)};
  if (reader.device_hash.empty() || !content || !s.known_by_device) co_return std::nullopt;
  std::optional<person> found = co_await s.with.pool.read(find_by_device, std::move(reader), *content);
  co_return found;
}

http::response with_etag(std::string body, const std::string& etag) {
  http::response r = answer(std::move(body));
  r.set("ETag", etag);
  return r;
}

// Of a caller that cannot be recognised nothing is handed on: anybody could use us to talk to Kobo.
task<http::response> store_or(shared_state& s, http::context& c, const char* otherwise) {
  task<std::optional<person>> recognising = recognise(s, c, std::nullopt);
  std::optional<person> who = co_await std::move(recognising);
  if (who) {
    task<std::optional<http::response>> asking = from_store(s, c);
    std::optional<http::response> there = co_await std::move(asking);
    if (there) co_return std::move(*there);
  }
  co_return answer(otherwise);
}

constexpr const char* no_annotations = R"({"annotations":[],"nextPageOffsetToken":null})";

}  // namespace

task<http::response> show_inventory_changes(shared_state& s, http::context& c) {
  task<std::optional<person>> recognising = recognise(s, c, std::nullopt);
  std::optional<person> who = co_await std::move(recognising);
  std::vector<inventory_entry> held = read_inventory(c.in.body());
  if (!who || held.empty()) co_return answer("[]");
  task<std::vector<std::string>> comparing = s.with.pool.write(changes_for, *who, std::move(held));
  std::vector<std::string> named = co_await std::move(comparing);
  if (asks_store(s, c)) {
    task<std::vector<std::string>> asking = changes_at_store(s, c);
    std::vector<std::string> there = co_await std::move(asking);
    named.insert(named.end(), there.begin(), there.end());
  }
  co_return answer(json::dump(json::value(named)));
}

task<http::response> show_annotations(shared_state& s, http::context& c) {
  std::optional<uuid> id = id_of(c.in.param("id"));
  task<std::optional<person>> recognising = recognise(s, c, id);
  std::optional<person> who = co_await std::move(recognising);
  if (!who) co_return with_etag(no_annotations, "W/\"0\"");
  task<std::optional<http::response>> asking = from_store(s, c);
  std::optional<http::response> there = co_await std::move(asking);
  if (there) co_return std::move(*there);
  if (!id) throw http::problem{404, "", "gone"};
  asked_annotations found = co_await s.with.pool.read(annotations_of, who->user, *id);
  if (!found.ours) throw http::problem{404, "", "gone"};
  if (!found.set.known && s.unknown_annotations_missing) throw http::problem{404, "", "gone"};
  co_return with_etag(std::move(found.set.body), found.set.etag);
}

task<http::response> take_annotations(shared_state& s, http::context& c) {
  std::optional<uuid> id = id_of(c.in.param("id"));
  task<std::optional<person>> recognising = recognise(s, c, id);
  std::optional<person> who = co_await std::move(recognising);
  task<std::optional<http::response>> asking = from_store(s, c);
  std::optional<http::response> there = co_await std::move(asking);
  if (there) co_return std::move(*there);
  std::string body(c.in.body());
  if (who && id) {
    task<> storing = s.with.pool.write(store_annotations, *who, *id, std::move(body));
    co_await std::move(storing);
  } else if (!who) {
    std::string content(cut_utf8(c.in.param("id"), 200));
    task<> keeping = s.with.pool.write(keep_leftover, shown_bearer(c.in), std::move(content), std::move(body));
    co_await std::move(keeping);
  }
  co_return http::empty(204);
}

task<http::response> show_user_storage(shared_state& s, http::context& c) {
  task<http::response> answering = store_or(s, c, R"({"continuationToken":null,"metadata":[]})");
  co_return co_await std::move(answering);
}

task<http::response> show_notebooks(shared_state& s, http::context& c) {
  task<http::response> answering = store_or(s, c, R"({"data":[],"totalResults":0})");
  co_return co_await std::move(answering);
}

task<http::response> show_nothing(shared_state& s, http::context& c) {
  task<http::response> answering = store_or(s, c, "{}");
  co_return co_await std::move(answering);
}

}  // namespace carrel::kobo
