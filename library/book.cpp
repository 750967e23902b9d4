#include "library/book.hpp"

#include "library/book_load.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_load{"library.load_books", CARREL_LOAD_BOOKS("", "")};

constexpr db::statement sql_named{"library.find_book_named", R"sql(
  select b.id from visible_books($1) b where b.title = $2 order by b.created_at, b.id limit 2)sql"};

constexpr db::statement sql_file{"library.find_file", R"sql(
  select f.id, f.book_id, f.format, f.mime, f.original_name, f.download_name, coalesce(f.storage_path, ''), f.file_size, f.checksum,
         f.md5, f.koreader_md5, coalesce(f.content_hash, ''), f.drm, f.is_kepub, f.described, f.missing_since is not null, f.created_at,
         b.title, f.duration_ms
    from book_files f join visible_books($1) b on b.id = f.book_id
   where f.id = coalesce((select a.into_id from file_aliases a where a.file_id = $2), $2))sql"};

instant micros(const std::string& text) { return instant{std::chrono::microseconds{std::stoll(text)}}; }

std::vector<person> people_from(const std::vector<std::string>& flat) {
  std::vector<person> out;
  for (std::size_t i = 0; i + 4 <= flat.size(); i += 4) {
    out.push_back({.id = *uuid::parse(flat[i]), .name = flat[i + 1], .sort = flat[i + 2], .role = flat[i + 3]});
  }
  return out;
}

std::vector<tag> tags_from(const std::vector<std::string>& flat) {
  std::vector<tag> out;
  for (std::size_t i = 0; i + 3 <= flat.size(); i += 3) {
    out.push_back({.id = *uuid::parse(flat[i]), .name = flat[i + 1], .slug = flat[i + 2]});
  }
  return out;
}

std::vector<book_file> files_from(const uuid& book, const std::vector<std::string>& flat) {
  std::vector<book_file> out;
  for (std::size_t i = 0; i + 17 <= flat.size(); i += 17) {
    const std::string* v = &flat[i];
    out.push_back({.id = *uuid::parse(v[0]),
                   .book_id = book,
                   .format = v[1],
                   .mime = v[2],
                   .original_name = v[3],
                   .download_name = v[4],
                   .storage_path = v[5],
                   .size = std::stoll(v[6]),
                   .checksum = v[7],
                   .md5 = v[8],
                   .koreader_md5 = v[9],
                   .content_hash = v[10],
                   .drm = v[11],
                   .duration = std::stoll(v[12]),
                   .is_kepub = v[13] == "true",
                   .described = v[14] == "true",
                   .missing = v[15] == "true",
                   .created_at = micros(v[16])});
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> identifiers_from(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> out;
  result<json::object> o = json::read_object(text);
  if (!o) return out;
  for (const auto& [scheme, value] : o->members()) {
    if (value.as_text()) out.emplace_back(scheme, *value.as_text());
  }
  return out;
}

}  // namespace

book book_from(const db::row& r) {
  book b;
  b.id = r.id(0);
  b.status = r.text(1);
  b.title = r.text(2);
  b.subtitle = r.text(3);
  b.title_sort = r.text(4);
  b.series_id = r.maybe_id(5);
  b.series = r.text(6);
  b.series_index = r.maybe_real(7);
  b.series_index_text = r.text(8);
  b.languages = r.texts(9);
  b.identifiers = identifiers_from(r.view(10));
  b.description = r.text(11);
  b.description_text = r.text(12);
  b.publisher = r.text(13);
  b.published_on = r.text(14);
  b.genres = r.texts(15);
  if (std::optional<std::int64_t> pages = r.maybe_integer(16)) b.page_count = static_cast<int>(*pages);
  if (!r.is_null(17)) {
    b.cover = cover_ref{.id = r.id(17),
                        .sha256 = r.text(18),
                        .storage_path = r.text(19),
                        .width = static_cast<int>(r.integer(20)),
                        .height = static_cast<int>(r.integer(21))};
  }
  b.locked_fields = r.texts(22);
  b.possible_duplicate_of = r.maybe_id(23);
  b.version = r.integer(24);
  b.created_at = r.at(25);
  b.updated_at = r.at(26);
  for (person& p : people_from(r.texts(27))) (p.role == "aut" ? b.authors : b.contributors).push_back(std::move(p));
  b.tags = tags_from(r.texts(28));
  b.files = files_from(b.id, r.texts(29));
  return b;
}

std::vector<book> load_books(db::tx& tx, const uuid& viewer, const std::vector<uuid>& ids) {
  std::vector<book> out;
  if (ids.empty()) return out;
  db::rows rows = tx.run(sql_load, viewer, ids);
  out.reserve(rows.size());
  for (const db::row& r : rows) out.push_back(book_from(r));
  return out;
}

std::optional<book> find_book(db::tx& tx, const uuid& viewer, const uuid& id) {
  std::vector<book> found = load_books(tx, viewer, {id});
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::optional<book> find_book_named(db::tx& tx, const uuid& viewer, const std::string& id_or_title) {
  if (std::optional<uuid> id = uuid::parse(id_or_title)) return find_book(tx, viewer, *id);
  db::rows rows = tx.run(sql_named, viewer, id_or_title);
  if (rows.size() != 1) return std::nullopt;  // nothing, or not clear which
  return find_book(tx, viewer, rows[0].id(0));
}

std::optional<visible_file> find_file(db::tx& tx, const uuid& viewer, const uuid& file) {
  db::rows rows = tx.run(sql_file, viewer, file);
  if (rows.empty()) return std::nullopt;
  const db::row& r = rows[0];
  return visible_file{.file = {.id = r.id(0),
                               .book_id = r.id(1),
                               .format = r.text(2),
                               .mime = r.text(3),
                               .original_name = r.text(4),
                               .download_name = r.text(5),
                               .storage_path = r.text(6),
                               .size = r.integer(7),
                               .checksum = r.text(8),
                               .md5 = r.text(9),
                               .koreader_md5 = r.text(10),
                               .content_hash = r.text(11),
                               .drm = r.text(12),
                               .duration = r.integer(18),
                               .is_kepub = r.flag(13),
                               .described = r.flag(14),
                               .missing = r.flag(15),
                               .created_at = r.at(16)},
                      .book_title = r.text(17)};
}

}  // namespace carrel::library
