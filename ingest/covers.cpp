#include "ingest/covers.hpp"

#include <algorithm>

#include "library/cover_cache.hpp"
#include "publication/cover.hpp"
#include "server/core/digest.hpp"

namespace carrel::ingest {
namespace {

constexpr db::statement sql_covers{"ingest.covers", R"sql(
  select id, sha256, storage_path, width, height, created_at from covers
   where (created_at, id) < ($1, $2) order by created_at desc, id desc limit 500)sql"};
constexpr db::statement sql_newest{"ingest.newest_cover", "select max(created_at) from covers"};

}  // namespace

result<library::new_cover> store_cover(const services& s, const publication::cover_image& picture,
                                       const std::vector<publication::isolated::thumbnail>& thumbnails,
                                       const std::string& source) {
  library::new_cover out;
  out.sha256 = sha256_hex(picture.bytes);
  out.mime = picture.mime;
  out.storage_path = s.store.cover_path_for(out.sha256, picture.mime);
  out.source = source;
  out.width = picture.width;
  out.height = picture.height;
  out.bytes = static_cast<std::int64_t>(picture.bytes.size());
  if (std::optional<error> bad = s.store.write(out.storage_path, picture.bytes)) return *bad;
  for (const publication::isolated::thumbnail& t : thumbnails) library::store_thumbnail(s.store, out.sha256, t.edge, t.jpeg);
  return out;
}

std::optional<instant> newest_cover(db::tx& tx) { return tx.run(sql_newest)[0].maybe_at(0); }

int cut_renditions(const services& s, carrel::jobs::progress& p) {
  int cut = 0;
  std::int64_t seen = 0;
  instant before = now() + std::chrono::hours(24);
  uuid before_id;
  for (;;) {
    std::vector<library::cover_ref> some = s.pool.read_now([&](db::tx& tx) {
      std::vector<library::cover_ref> out;
      db::rows rows = tx.run(sql_covers, before, before_id);
      for (const db::row& r : rows) {
        out.push_back({.id = r.id(0),
                       .sha256 = r.text(1),
                       .storage_path = r.text(2),
                       .width = static_cast<int>(r.integer(3)),
                       .height = static_cast<int>(r.integer(4))});
      }
      if (!rows.empty()) before = rows[rows.size() - 1].at(5);
      return out;
    });
    if (some.empty()) return cut;
    before_id = some.back().id;
    for (const library::cover_ref& c : some) {
      if (p.stopping()) return cut;
      for (int edge : {600, 1600, library::edge_in_box(c.width, c.height, 355, 530)}) {
        if (edge == 1600 && std::max(c.width, c.height) <= edge) continue;
        if (!library::is_cached(s.store, c.sha256, edge) && library::cover_cache(s.store, c, edge)) ++cut;
      }
      p.report(++seen, std::nullopt);
    }
  }
}

}  // namespace carrel::ingest
