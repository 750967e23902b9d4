// Downloads and covers (kobo.md 12, 13).
#include <sys/stat.h>

#include <algorithm>

#include "kobo/state.hpp"
#include "library/cover_cache.hpp"
#include "library/download.hpp"
#include "publication/unicode.hpp"
#include "server/core/log.hpp"
#include "server/core/text.hpp"
#include "server/http/conditional.hpp"

namespace carrel::kobo {
namespace {

constexpr int default_cover = 400, highest_side = 4096;

std::optional<delivery> find_delivery(db::tx& tx, const visit& v, const uuid& id) {
  kobo_row k = lock_row(tx, v.device, v.user, v.reader);
  std::unordered_map<uuid, delivery> live = read_deliveries(tx, k.ids, {id});
  auto at = live.find(id);
  return at == live.end() ? std::nullopt : std::optional(std::move(at->second));
}

// The address names bytes that are not there any more: the next sync says the book anew (12).
void renew(db::tx& tx, const visit& v, const uuid& id) {
  kobo_row k = lock_row(tx, v.device, v.user, v.reader);
  doubt_everywhere(tx, k.ids.row, subject::book, {id});
}

// 36 characters of the book and a mark of its cover, which only makes the device ask for a new one (13).
std::optional<uuid> book_of_image(std::string_view image) { return id_of(image.substr(0, 36)); }

constexpr db::statement sql_cover{"kobo.cover", R"sql(
  select c.id, c.sha256, c.storage_path, c.width, c.height
    from visible_books($1) b join covers c on c.id = b.cover_id where b.entitlement = $2)sql"};

std::optional<library::cover_ref> find_cover(db::tx& tx, const uuid& user, const uuid& entitlement) {
  db::rows rows = tx.run(sql_cover, user, entitlement);
  if (rows.empty()) return std::nullopt;
  const db::row& r = rows[0];
  return library::cover_ref{.id = r.id(0),
                            .sha256 = r.text(1),
                            .storage_path = r.text(2),
                            .width = static_cast<int>(r.integer(3)),
                            .height = static_cast<int>(r.integer(4))};
}

// The longest edge of the box, in steps, so that odd sizes do not fill the cache.
int edge_of(const http::request& in) {
  auto side = [&](std::string_view name) {
    std::optional<std::int64_t> n = to_integer(in.param(name));
    return n && *n >= 1 && *n <= highest_side ? static_cast<int>(*n) : default_cover;
  };
  int wanted = std::max(side("width"), side("height"));
  for (int step : {160, 300, 600, 900, 1600}) {
    if (wanted <= step) return step;
  }
  return 1600;
}

}  // namespace

task<http::response> show_download(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  std::optional<uuid> id = id_of(c.in.param("id"));
  if (!id) throw http::problem{404, "", "gone"};
  std::optional<delivery> found = co_await s.with.pool.write(find_delivery, v, *id);
  if (!found) throw http::problem{404, "", "gone"};
  const library::book_file& file = found->file;
  if (!std::string_view(file.checksum).starts_with(lower_ascii(c.in.param("hash")))) {
    co_await s.with.pool.write(renew, v, *id);
    throw http::problem{404, "", "gone"};
  }
  http::validators tags{.etag = "\"" + file.checksum + "\"", .modified = std::nullopt};
  http::response r = http::file(c.in, s.with.store.absolute(file.storage_path), "application/epub+zip", tags);
  std::string name(c.in.param("name"));
  r.set("Content-Disposition", http::content_disposition(name, false, true, publication::ascii_name(name)));
  if (c.in.method() == http::verb::get && r.status == 200) {
    r.sent = [&pool = s.with.pool, user = v.user, device = v.device, file = file.id](bool complete) {
      if (!complete) return;
      auto done = [](const std::exception_ptr& failed) {
        if (failed) log::warn("kobo.download", {{"result", "not noted"}});
      };
      pool.enqueue(
          db::mode::write, std::nullopt, [user, device, file](db::tx& tx) { library::record_download(tx, user, device, file); },
          done);
    };
  }
  co_return r;
}

task<http::response> show_cover(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  std::optional<uuid> id = book_of_image(c.in.param("image"));
  std::optional<library::cover_ref> cover;
  if (id) cover = co_await s.with.pool.read(find_cover, v.user, *id);
  if (!cover) throw http::problem{404, "", "gone"};
  int edge = edge_of(c.in);
  http::validators tags{.etag = "\"" + cover->sha256.substr(0, 24) + "-" + std::to_string(edge) + "\"", .modified = std::nullopt};
  http::response r;
  if (http::unchanged(c.in, tags)) {
    r = http::not_modified(tags);
  } else {
    const library::store& store = s.with.store;
    std::optional<std::filesystem::path> path = co_await s.with.cpu.run(library::cover_cache, store, *cover, edge);
    if (!path) throw http::problem{404, "", "gone"};
    r = http::file(c.in, *path, "image/jpeg", tags);
  }
  r.set("Cache-Control", "private, max-age=86400");
  co_return r;
}

}  // namespace carrel::kobo
