#include <algorithm>

#include "library/cover_lookup.hpp"
#include "library/download.hpp"
#include "library/merge.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"
#include "server/http/conditional.hpp"
#include "web/api/call.hpp"
#include "web/picture.hpp"

namespace carrel::web {
namespace {

// A complete file handed over is remembered; the reply does not wait for that.
void remember_download(const site& at, http::response& out, const uuid& user, const uuid& file, const std::string& copy) {
  out.sent = [with = &at.with, user, file, copy](bool complete) {
    if (!complete) return;
    auto work = [user, file, copy](db::tx& tx) { library::record_download(tx, user, std::nullopt, file, copy); };
    with->pool.enqueue(db::mode::write, std::nullopt, work, [](const std::exception_ptr&) {});
    if (with->fetched) with->fetched(user, file, copy);
  };
}

// What the disk says about a file is kept, for errata and for the catalog.
void note_missing(const site& at, const uuid& file, bool gone) {
  auto work = [file, gone](db::tx& tx) { library::mark_file_missing(tx, file, gone); };
  at.with.pool.enqueue(db::mode::write, std::nullopt, work, [](const std::exception_ptr&) {});
}

// ?metadata=corrected: where the setting is on, what the library says instead of what the file says.
bool wants_corrected(const site& at, http::context& c) {
  std::string asked = c.in.query("metadata").value_or("original");
  if (asked != "original" && asked != "corrected") throw http::problem{400, "metadata is original or corrected.", "metadata"};
  return asked == "corrected" && at.with.copies != nullptr;
}

// Also by the address that it had as a file of a book that was merged since.
std::optional<library::visible_file> find_in_book(db::tx& tx, uuid viewer, uuid book, uuid file) {
  std::optional<library::visible_file> found = library::find_file(tx, viewer, file);
  if (!found || found->file.book_id == book || library::survivor_of(tx, viewer, book) == found->file.book_id) return found;
  return std::nullopt;
}

std::optional<library::cover_ref> find_cover(db::tx& tx, const uuid& viewer, const uuid& book) {
  return library::find_covers(tx, {{.viewer = viewer, .book = book}}).front();
}

}  // namespace

// The next larger size that is kept, or the largest.
int cover_width(const http::request& in) {
  std::int64_t asked = to_integer(in.query("width").value_or("600")).value_or(0);
  if (asked < 1) throw http::problem{400, "width is a number of pixels, from 1.", "width"};
  return asked <= 300 ? 300 : asked <= 600 ? 600 : 1600;
}

answer get_file(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::download);
  uuid book = id_param(c, "id"), id = id_param(c, "file");
  std::optional<library::visible_file> found = co_await at.with.pool.read(find_in_book, who.id(), book, id);
  if (!found) not_there();
  const library::book_file& f = found->file;
  id = f.id;  // that of the file that has taken its place
  std::filesystem::path path = at.with.store.absolute(f.storage_path);
  bool there = at.with.store.holds(f.storage_path, f.size);
  if (there == f.missing) note_missing(at, id, !there);
  if (!there) throw http::problem{404, "The file is missing.", "file_missing"};
  std::optional<library::delivered_copy> copy;
  auto find = [&at, &f] { return at.with.copies->copy_of(f); };
  if (wants_corrected(at, c) && at.with.copies->may_differ(f)) copy = co_await at.with.cpu.run(find);
  http::validators seen{.etag = "\"" + (copy ? copy->checksum : f.checksum) + "\"", .modified = {}};
  std::string type = f.mime.empty() ? std::string("application/octet-stream") : f.mime;
  http::response out = http::file(c.in, copy ? copy->path : path, type, seen);
  out.set("Content-Disposition",
          http::content_disposition(f.download_name, false, true, publication::ascii_name(f.download_name)))
      .set("Cache-Control", "private, no-cache");
  if (out.status == 200 && c.in.method() == http::verb::get)
    remember_download(at, out, who.id(), id, copy ? copy->checksum : std::string());
  co_return out;
}

answer get_cover(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  uuid book = id_param(c, "id");
  int width = cover_width(c.in);
  std::optional<library::cover_ref> found = co_await at.with.pool.read(find_cover, who.id(), book);
  if (!found) not_there();
  co_return co_await cover_answer(at, c, *found, width);
}

answer cover_answer(const site& at, http::context& c, library::cover_ref cover, int width) {
  if (!at.with.cover) not_there();
  std::optional<std::filesystem::path> picture = co_await at.with.cpu.run(at.with.cover, cover, width);
  if (!picture) not_there();
  http::validators seen{.etag = "\"" + cover.version() + "-" + std::to_string(width) + "\"", .modified = {}};
  http::response out = http::file(c.in, *picture, picture_type(*picture), seen);
  out.set("Cache-Control", "private, max-age=86400");
  co_return out;
}

}  // namespace carrel::web
