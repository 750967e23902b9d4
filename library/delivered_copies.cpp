#include "library/delivered_copies.hpp"

#include <algorithm>

#include "library/cache_folder.hpp"
#include "library/document.hpp"
#include "library/made_file.hpp"
#include "publication/corrected.hpp"
#include "publication/corrected_copy.hpp"
#include "publication/fingerprint.hpp"
#include "server/core/digest.hpp"
#include "server/core/log.hpp"
#include "server/core/turn.hpp"

namespace carrel::library {
namespace {

namespace fs = std::filesystem;

constexpr db::statement sql_book{"library.metadata_to_deliver", R"sql(
  select b.title, b.subtitle, b.title_sort, coalesce(s.name, ''), b.series_index, b.languages, coalesce(b.publisher, ''), b.published_on,
         b.description, b.genres, b.locked_fields,
         (select array_agg(array[p.name, p.sort_name, bp.role] order by bp.role <> 'aut', bp.position, p.id)
            from book_people bp join people p on p.id = bp.person_id where bp.book_id = b.id),
         (select array_agg(t.name order by t.sort_key, t.id) from book_tags bt join tags t on t.id = bt.tag_id where bt.book_id = b.id),
         (select array_agg(array[i.key, i.value] order by i.key collate "C") from jsonb_each_text(b.identifiers) i)
    from books b left join series s on s.id = b.series_id
   where b.id = $1)sql"};
constexpr db::statement sql_remember{"library.remember_metadata", R"sql(
  insert into delivered_metadata (digest, content) values ($1, $2) on conflict do nothing)sql"};
constexpr db::statement sql_remembered{"library.metadata_of_digest", "select content from delivered_metadata where digest = $1"};
constexpr db::statement sql_find{"library.find_delivered_copy", R"sql(
  select kept, checksum, file_size from delivered_copies where source = $1 and version = $2 and metadata = $3)sql"};
constexpr db::statement sql_store{"library.store_delivered_copy", R"sql(
  insert into delivered_copies (id, file_id, source, version, metadata, kept, checksum, file_size, koreader_md5)
  select $1, f.id, f.checksum, $3, $4, $5, $6, $7, $8 from book_files f where f.id = $2 and f.checksum = $9
      on conflict (source, version, metadata) do update
     set file_id = excluded.file_id, kept = excluded.kept, checksum = excluded.checksum, file_size = excluded.file_size,
         koreader_md5 = excluded.koreader_md5, made_at = now())sql"};

constexpr const char* same = "same";

// What is empty because somebody emptied it.
std::vector<std::string> cleared_fields(const publication::corrected& c, const std::vector<std::string>& locked, bool no_genres,
                                        bool no_tags) {
  std::vector<std::string> out;
  for (const std::string& field : locked) {
    bool empty = (field == "subtitle" && c.subtitle.empty()) || (field == "authors" && c.authors.empty()) ||
                 (field == "contributors" && c.contributors.empty()) || (field == "series" && c.series.empty()) ||
                 (field == "publisher" && c.publisher.empty()) || (field == "published" && c.published_on.empty()) ||
                 (field == "description" && c.description.empty()) || (field == "genres" && no_genres) ||
                 (field == "tags" && no_tags) || field == "identifiers";
    if (empty) out.push_back(field);
  }
  std::sort(out.begin(), out.end());
  return out;
}

publication::corrected corrected_from(const db::row& r) {
  publication::corrected c;
  c.title = r.text(0);
  c.subtitle = r.text(1);
  c.title_sort = r.text(2);
  c.series = r.text(3);
  c.series_index = r.maybe_real(4);
  c.languages = r.texts(5);
  c.publisher = r.text(6);
  c.published_on = r.text(7);
  c.description = r.text(8);
  c.subjects = r.texts(9);
  std::vector<std::string> people = r.texts(11), tags = r.texts(12), identifiers = r.texts(13);
  for (std::size_t i = 0; i + 3 <= people.size(); i += 3)
    (people[i + 2] == "aut" ? c.authors : c.contributors)
        .push_back({.name = people[i], .sort = people[i + 1], .role = people[i + 2]});
  for (std::size_t i = 0; i + 2 <= identifiers.size(); i += 2) c.identifiers.emplace_back(identifiers[i], identifiers[i + 1]);
  c.cleared = cleared_fields(c, r.texts(10), c.subjects.empty(), tags.empty());
  c.subjects.insert(c.subjects.end(), tags.begin(), tags.end());
  return c;
}

struct copy_row {
  std::string kept, checksum;
  std::int64_t size = 0;
};

std::optional<copy_row> find_row(db::tx& tx, const std::string& source, const std::string& digest) {
  db::rows rows = tx.run(sql_find, source, publication::corrected_copy_version, digest);
  if (rows.empty()) return std::nullopt;
  return copy_row{.kept = rows[0].text(0), .checksum = rows[0].text(1), .size = rows[0].integer(2)};
}

void store_row(db::tx& tx, const book_file& f, const std::string& digest, const std::string& kept,
               const publication::fingerprints& is) {
  auto size = static_cast<std::int64_t>(is.size);
  tx.run(sql_store, uuid::make(), f.id, publication::corrected_copy_version, digest, kept, is.sha256, size, is.koreader_md5,
         f.checksum);
  if (!kept.empty()) return;
  remember_hash(tx, f.book_id, f.id, "sha256", is.sha256, "served");
  remember_hash(tx, f.book_id, f.id, "full", is.md5, "served");
  remember_hash(tx, f.book_id, f.id, "partial", is.koreader_md5, "served");
  link_documents_of_file(tx, f.id);
}

fs::path path_of(const store& s, const std::string& source, const std::string& digest) {
  std::string key = sha256_hex(source + "\n" + std::to_string(publication::corrected_copy_version) + "\n" + digest);
  return s.cache() / "delivered" / key.substr(0, 2) / (key + ".epub");
}

// A fault of this machine, and no fact of the book.
bool is_passing(const publication::refusal& why) {
  return why.code == "kepub_failed" || why.detail == publication::isolated::no_process;
}

}  // namespace

std::optional<std::string> delivered_metadata(db::tx& tx, const uuid& book) {
  db::rows rows = tx.run(sql_book, book);
  return rows.empty() ? std::nullopt : std::optional(publication::to_json(corrected_from(rows[0])));
}

std::string remember_metadata(db::tx& tx, const std::string& metadata) {
  std::string digest = sha256_hex(metadata);
  tx.run(sql_remember, digest, metadata);
  return digest;
}

std::optional<std::string> metadata_of_digest(db::tx& tx, const std::string& digest) {
  db::rows rows = tx.run(sql_remembered, digest);
  return rows.empty() ? std::nullopt : std::optional(rows[0].text(0));
}

bool takes_metadata(const book_file& f) {
  return (f.format == "epub" || f.format == "kepub") && f.drm.empty() && !f.storage_path.empty() &&
         static_cast<std::uint64_t>(f.size) <= publication::largest_corrected_copy;
}

delivered_copies::delivered_copies(db::pool& pool, const store& s, publication::isolated::pool& readers, const config& c)
    : pool_(pool), store_(s), readers_(readers), on_(c.on("deliver.metadata")), most_bytes_(c.bytes("deliver.cache")) {}

std::optional<delivered_copy> delivered_copies::copy_of(const book_file& f) const {
  if (!may_differ(f)) return std::nullopt;
  std::optional<std::string> metadata = pool_.read_now([&](db::tx& tx) { return delivered_metadata(tx, f.book_id); });
  if (!metadata) return std::nullopt;
  std::string digest = sha256_hex(*metadata);
  fs::path target = path_of(store_, f.checksum, digest);
  turn mine(target.native());
  std::optional<copy_row> known = pool_.read_now([&](db::tx& tx) { return find_row(tx, f.checksum, digest); });
  if (known && !known->kept.empty()) return std::nullopt;
  if (known && has_size(target, known->size)) {
    touch(target);
    return delivered_copy{.path = std::move(target), .checksum = known->checksum, .size = known->size};
  }
  try {
    return make(f, *metadata, target);
  } catch (const std::exception& e) {
    log::warn("deliver.metadata", {{"file", f.id}, {"reason", e.what()}});
    return std::nullopt;
  }
}

std::optional<delivered_copy> delivered_copies::make(const book_file& f, const std::string& metadata,
                                                     const fs::path& target) const {
  fs::path folder = store_.cache() / "delivered-new";
  remove_abandoned(folder);
  workpiece work(folder);
  std::string digest = sha256_hex(metadata);
  file source = open_stored(store_, f.storage_path);
  if (!source) return std::nullopt;
  result<bool, publication::refusal> made = readers_.copy_corrected(source.get(), f.original_name, work.path, metadata);
  if (!made && is_passing(made.error())) throw std::runtime_error(made.error().detail);
  if (!made) log::warn("deliver.metadata", {{"file", f.id}, {"kept", made.error().code}, {"detail", made.error().detail}});
  if (!made || !*made) {
    std::string why = made ? std::string(same) : made.error().code;
    pool_.write_now([&](db::tx& tx) { store_row(tx, f, digest, why, {}); });
    return std::nullopt;
  }
  file bytes = open_made(work.path);
  if (!bytes) throw_system(work.path.native());
  result<publication::fingerprints> is = publication::fingerprint(bytes.get());
  if (!is) throw std::runtime_error(is.error().message());
  put_in_place(work.path, target);
  pool_.write_now([&](db::tx& tx) { store_row(tx, f, digest, "", *is); });
  return delivered_copy{.path = target, .checksum = is->sha256, .size = static_cast<std::int64_t>(is->size)};
}

int delivered_copies::trim() const { return trim_folder(store_.cache() / "delivered", most_bytes_); }

}  // namespace carrel::library
