// `/attic` and `/quarantine`, beside the trash: files that are not in the library and not gone yet (ingest.md 2.1, 4.2).

#include <algorithm>

#include "library/attic.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"
#include "server/http/conditional.hpp"
#include "web/format.hpp"
#include "web/pages/bulk_pages.hpp"
#include "web/quarantine.hpp"

namespace carrel::web {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t page_size = 50;

std::chrono::days attic_days(const site& at) { return std::chrono::days(at.with.settings.integer("attic.days")); }

// Where a page of the attic begins: microseconds and the folder of the last one before.
std::optional<library::attic_place> place_of(const http::request& in) {
  std::string after = in.query("after").value_or("");
  std::size_t dot = after.find('.');
  std::optional<std::int64_t> at = to_integer(std::string_view(after).substr(0, dot));
  std::optional<uuid> id = dot == std::string::npos ? std::nullopt : uuid::parse(std::string_view(after).substr(dot + 1));
  if (!at || !id) return std::nullopt;
  return library::attic_place{.at = instant(instant::duration(*at)), .id = *id};
}

std::string place_text(const library::attic_entry& e) {
  return std::to_string(e.at.time_since_epoch().count()) + "." + e.id.text();
}

http::response attachment(const http::request& in, const fs::path& file, const std::string& name, const std::string& etag) {
  http::validators seen{.etag = "\"" + etag + "\"", .modified = {}};
  http::response out = http::file(in, file, "application/octet-stream", seen);
  std::string shown = replace_invalid_utf8(name);
  out.set("Content-Disposition", http::content_disposition(shown, false, true, publication::ascii_name(shown)));
  out.set("Cache-Control", "private, no-cache");
  return out;
}

const library::attic_origin* origin_of(const std::vector<library::attic_origin>& all, const uuid& id) {
  auto at = std::find_if(all.begin(), all.end(), [&](const library::attic_origin& o) { return o.id == id; });
  return at == all.end() ? nullptr : &*at;
}

view attic_view(const visit& v, const library::attic_entry& e, const library::attic_origin* from) {
  view one;
  one.set("entry", e.id.text()).set("name", replace_invalid_utf8(e.name)).set("when", moment(v.say, e.at));
  one.set("size", size_text(v.say, static_cast<std::int64_t>(e.size)));
  one.set("more", e.files > 1 ? v.say.count("attic.more", e.files - 1) : "").set("single", e.files == 1);
  one.set("until", due(v.say, e.at + attic_days(v.at)));
  one.set("why", v.say.text(from == nullptr ? "attic.unknown" : from->replaced ? "attic.replaced" : "attic.taken_in"));
  bool book = from != nullptr && from->book && !from->title.empty();
  one.set("book_href", book ? v.href("/books/" + from->book->text()) : "").set("book_title", book ? from->title : "");
  one.set("may_restore", book && from->replaced && from->file && e.files == 1 && static_cast<bool>(v.at.with.replace_file));
  return one;
}

// A file of a book that this account does not see is not there for it.
struct attic_file {
  library::attic_entry entry;
  std::optional<library::attic_origin> from;
};
task<attic_file> find_file(const site& at, const visit& v, uuid id) {
  fs::path attic = at.with.store.data() / "attic";
  std::optional<library::attic_entry> entry = co_await at.with.cpu.run(library::find_attic_entry, attic, id);
  if (!entry || entry->files != 1) not_here(v);
  std::vector<uuid> ids{id};
  std::vector<library::attic_origin> from = co_await at.with.pool.read(library::attic_origins, v.id(), ids);
  const library::attic_origin* known = origin_of(from, id);
  if (known != nullptr && known->hidden) not_here(v);
  attic_file out{.entry = std::move(*entry), .from = {}};
  if (known != nullptr) out.from = *known;
  co_return out;
}

fs::path path_of(const site& at, const library::attic_entry& e) { return at.with.store.data() / "attic" / e.id.text() / e.name; }

// Another name for the kept bytes, which the replacement takes as it would take an upload; those in the attic stay.
std::optional<error> restore(const web::services& with, const fs::path& kept, uuid file, const library::actor& who) {
  fs::path staged = with.upload_dir / (uuid::make().text() + ".restore");
  if (std::optional<error> bad = library::link_proven(kept, staged)) return bad;
  return with.replace_file(file, staged, who);
}

view quarantine_view(const visit& v, const quarantined& q) {
  view one;
  one.set("item", q.id.text()).set("name", q.name).set("when", moment(v.say, q.since)).set("code", q.code);
  one.set("detail", refusal_text(v.say, q.code)).set("exactly", detail_text(v.say, q.detail));
  one.set("size", q.size ? size_text(v.say, static_cast<std::int64_t>(*q.size)) : "").set("there", q.size.has_value());
  one.set("until", false).set("discarded", q.discarded_at.has_value());
  if (q.discarded_at) one.set("until", due(v.say, *q.discarded_at + attic_days(v.at)));
  one.set("may_retry", q.size.has_value() && static_cast<bool>(v.at.with.retry_ingest));
  return one;
}

answer set_quarantined(const site& at, http::context& c, bool discarded, std::string_view act) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  bool changed = co_await at.with.pool.write(set_discarded, id, discarded);
  if (!changed) not_here(v);
  co_return done(v, "/quarantine", act, id.text());
}

}  // namespace

view due(const messages& say, instant at) {
  view out = moment(say, at);
  out.set("words", date_text(say, rfc3339(at).substr(0, 10)));
  return out;
}

answer attic_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  fs::path attic = at.with.store.data() / "attic";
  std::optional<library::attic_place> after = place_of(c.in);
  std::vector<library::attic_entry> found = co_await at.with.cpu.run(library::attic_entries, attic, after, page_size + 1);
  bool more = found.size() > page_size;
  if (more) found.resize(page_size);
  std::vector<uuid> ids;
  for (const library::attic_entry& e : found) ids.push_back(e.id);
  std::vector<library::attic_origin> from = co_await at.with.pool.read(library::attic_origins, v.id(), ids);

  std::vector<view> files;
  for (const library::attic_entry& e : found) {
    const library::attic_origin* known = origin_of(from, e.id);
    if (known == nullptr || !known->hidden) files.push_back(attic_view(v, e, known));
  }
  view pages, out;
  pages.set("previous", "").set("next", more ? "?after=" + place_text(found.back()) : std::string());
  out.set("files", files).set("pager", pages).set("at_attic", true);
  co_return show(v, {v.say.text("nav.attic"), "attic"}, "attic", std::move(out));
}

answer attic_download(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  attic_file found = co_await find_file(at, v, id);
  co_return attachment(c.in, path_of(at, found.entry), found.entry.name, id.text());
}

answer attic_restore(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  attic_file found = co_await find_file(at, v, id);
  if (!found.from || !found.from->replaced || !found.from->file || !at.with.replace_file) not_here(v);
  std::optional<library::visible_file> there = co_await at.with.pool.read(library::find_file, v.id(), *found.from->file);
  if (!there) not_here(v);
  fs::path kept = path_of(at, found.entry);
  auto run = [&with = at.with](const fs::path& path, uuid file, const library::actor& who) {
    return restore(with, path, file, who);
  };
  std::optional<error> bad = co_await at.with.cpu.run(run, kept, *found.from->file, v.actor());
  if (bad) throw http::problem{409, refusal_text(v.say, bad->field), bad->field};
  co_return done(v, "/books/" + there->file.book_id.text() + "#files", "attic.restored");
}

answer quarantine_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  std::optional<uuid> after = id_of(c.in.query("after"));
  std::vector<quarantined> found = co_await at.with.pool.read(quarantined_files, after, static_cast<int>(page_size) + 1);
  found = co_await at.with.cpu.run(measure, found, at.with.store.data());
  bool more = found.size() > page_size;
  if (more) found.resize(page_size);
  std::vector<view> files;
  for (const quarantined& q : found) files.push_back(quarantine_view(v, q));
  view pages, out;
  pages.set("previous", "").set("next", more ? "?after=" + found.back().id.text() : std::string());
  out.set("files", files).set("pager", pages).set("at_quarantine", true);
  co_return show(v, {v.say.text("nav.quarantine"), "quarantine"}, "quarantine", std::move(out));
}

answer quarantine_download(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  std::optional<quarantined> found = co_await at.with.pool.read(find_quarantined, id);
  if (!found) not_here(v);
  co_return attachment(c.in, at.with.store.absolute(found->path), found->name, id.text());
}

answer quarantine_retry(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  std::optional<quarantined> found = co_await at.with.pool.read(find_quarantined, id);
  if (!found || !at.with.retry_ingest) not_here(v);
  bool started = co_await at.with.cpu.run(at.with.retry_ingest, id);
  if (!started) throw http::problem{409, v.say.text("errata.nothing_to_retry"), "nothing_to_retry"};
  co_return done(v, "/quarantine", "errata.retried");
}

answer quarantine_discard(const site& at, http::context& c) { return set_quarantined(at, c, true, "quarantine.discarded"); }
answer quarantine_keep(const site& at, http::context& c) { return set_quarantined(at, c, false, "undone"); }

}  // namespace carrel::web
