// Fills an empty database from the rows file of the corpus (contract.md 6). Rows go through COPY into a staging table and from
// there into the real ones in a few statements a chunk; keys and words are computed by the library's own functions.
#include <fcntl.h>
#include <zip.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <set>

#include "database.hpp"
#include "library/book_parts.hpp"
#include "library/revision.hpp"
#include "library/search_words.hpp"
#include "library/store.hpp"
#include "publication/fingerprint.hpp"
#include "publication/unicode.hpp"
#include "server/core/digest.hpp"
#include "server/core/json.hpp"
#include "server/core/text.hpp"

namespace {

using namespace carrel;

// Columns of the rows file, in order (corpus/README.md).
enum column {
  id,
  title,
  title_sort,
  authors,
  author_sort,
  series,
  series_index,
  language,
  publisher,
  published,
  isbn_13,
  genres,
  tags,
  description,
  page_count,
  format,
  file_size,
  sha256,
  md5,
  partial_md5,
  added_at,
  columns
};

std::optional<std::string> field(std::string_view raw) {
  if (raw == "\\N") return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\' || i + 1 == raw.size()) {
      out += raw[i];
      continue;
    }
    char c = raw[++i];
    out += c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
  }
  return out;
}

std::vector<std::string> list(const std::optional<std::string>& literal) {
  std::vector<std::string> out;
  if (!literal || literal->size() < 2) return out;
  std::string item;
  bool quoted = false, any = false;
  for (std::size_t i = 1; i + 1 < literal->size(); ++i) {
    char c = (*literal)[i];
    if (c == '\\')
      item += (*literal)[++i];
    else if (c == '"')
      quoted = !quoted, any = true;
    else if (c == ',' && !quoted)
      out.push_back(std::exchange(item, {}));
    else
      item += c;
  }
  if (any || !item.empty()) out.push_back(item);
  return out;
}

// The smallest EPUB that reading apps open.
std::string small_epub(const std::filesystem::path& at) {
  int bad = 0;
  zip_t* z = zip_open(at.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &bad);
  CARREL_EXPECT(z != nullptr);
  auto add = [&](const char* name, const char* text, bool store) {
    zip_int64_t i = zip_file_add(z, name, zip_source_buffer(z, text, std::strlen(text), 0), 0);
    if (store) zip_set_file_compression(z, static_cast<zip_uint64_t>(i), ZIP_CM_STORE, 0);
    zip_file_set_dostime(z, static_cast<zip_uint64_t>(i), 0, 33, 0);
  };
  add("mimetype", "application/epub+zip", true);
  add("META-INF/container.xml",
      "<container version='1.0' xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles><rootfile full-path='p.opf' "
      "media-type='application/oebps-package+xml'/></rootfiles></container>",
      false);
  add("p.opf",
      "<package xmlns='http://www.idpf.org/2007/opf' version='3.0' unique-identifier='i'><metadata "
      "xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:identifier "
      "id='i'>urn:carrel:bench</dc:identifier><dc:title>Bench</dc:title>"
      "<dc:language>en</dc:language></metadata><manifest><item id='c' href='c.xhtml' "
      "media-type='application/xhtml+xml'/></manifest>"
      "<spine><itemref idref='c'/></spine></package>",
      false);
  add("c.xhtml", "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>x</title></head><body><p>Bench.</p></body></html>",
      false);
  CARREL_EXPECT(zip_close(z) == 0);
  std::ifstream in(at, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

constexpr db::statement sql_staging{"bench.staging", R"sql(
  create temporary table staging (id uuid, title text, title_sort text, title_key text, author text, author_sort text, author_key text,
    series_id uuid, series_index numeric, place_key text, isbn_13 text, identifiers jsonb, publisher text, published_on text, language text,
    description text, page_count int, genres text[], tags text[], tag_keys text[], dup_key bytea, a text, b text, c text, d text, created_at timestamptz,
    kobo_file uuid))sql"};
constexpr db::statement sql_books{"bench.books", R"sql(
  insert into books (id, status, title, title_sort, title_key, author, author_sort, author_key, series_id, series_index, place_key, isbn_13,
    identifiers, publisher, published_on, published_year, language, languages, description, description_text, page_count, genres, tags,
    tag_keys, dup_key, search_vector, created_at, updated_at, approved_at, offered, kobo_file)
  select id, 'organized', title, title_sort, title_key, author, author_sort, author_key, series_id, series_index, place_key, isbn_13,
    identifiers, publisher, published_on, left(published_on, 4)::int, language, array[language], description, description, page_count, genres,
    tags, tag_keys, dup_key, setweight(to_tsvector('simple', a), 'A') || setweight(to_tsvector('simple', b), 'B')
      || setweight(to_tsvector('simple', c), 'C') || setweight(to_tsvector('simple', d), 'D'), created_at, created_at, created_at, 2, kobo_file
  from staging)sql"};
constexpr db::statement sql_clear{"bench.clear", "delete from staging"};
constexpr db::statement sql_count{"bench.count", "select count(*) from books"};

using table = std::vector<std::vector<db::param>>;

class loader {
 public:
  loader(db::tx& tx, std::string storage_path, std::int64_t size) : tx_(tx), storage_path_(std::move(storage_path)), size_(size) {
    tx_.run(sql_staging);
  }

  void add(const std::vector<std::optional<std::string>>& v) {
    auto p = [](const auto& x) { return db::to_param(x); };
    std::vector<std::string> people = list(v[authors]), sorts = list(v[author_sort]), tag_names = list(v[tags]),
                             genre_names = list(v[genres]);
    std::string title_key = publication::sort_key(*v[title_sort]), author_sort_text = join(sorts, " & ");
    std::optional<double> index = v[series_index] ? to_double(*v[series_index]) : std::nullopt;
    std::string place = library::place_key(v[series].value_or(""), index, title_key);
    std::string first = people.empty() ? "" : people.front();
    std::vector<std::string> tag_keys;
    tag_keys.reserve(tag_names.size());
    for (const std::string& t : tag_names) tag_keys.push_back(library::key_of_name(t));
    json::object ids;
    if (v[isbn_13]) ids.set("isbn_13", *v[isbn_13]);
    uuid file = uuid::make();
    library::book_fields searched = searched_of(v, people, tag_names, genre_names);
    library::indexed_words found_by = library::words_to_find(searched);
    for (library::spelling& s : library::words_to_spell(searched)) spellings_.emplace(std::move(s.word), std::move(s.written));
    staging_.push_back({v[id],
                        v[title],
                        v[title_sort],
                        title_key,
                        join(people, " & "),
                        author_sort_text,
                        publication::sort_key(author_sort_text),
                        p(series_of(v[series])),
                        v[series_index],
                        place,
                        v[isbn_13],
                        json::dump(ids),
                        v[publisher],
                        v[published].value_or(""),
                        v[language],
                        v[description].value_or(""),
                        v[page_count],
                        p(genre_names),
                        p(tag_names),
                        p(tag_keys),
                        p(db::bytes{publication::dup_key(*v[title], *v[language], first)}),
                        found_by.title,
                        found_by.people,
                        found_by.subjects,
                        found_by.rest,
                        v[added_at],
                        p(file)});
    for (std::size_t i = 0; i < people.size(); ++i) {
      uuid person = person_of(people[i], i < sorts.size() ? sorts[i] : people[i]);
      if (seen_.emplace(*v[id] + person.text()).second) book_people_.push_back({v[id], p(person), "aut", p(i), place});
    }
    for (const std::string& t : tag_names) book_tags_.push_back({v[id], p(tag_of(t)), v[added_at]});
    for (const std::string& g : genre_names) add_label(v, "genre", g);
    if (v[publisher]) add_label(v, "publisher", *v[publisher]);
    std::string download = publication::download_name(*v[title], first, ".epub");
    files_.push_back({p(file), v[id], "epub", "application/epub+zip", download, download, publication::ascii_slug(download),
                      storage_path_, p(size_), v[sha256], v[md5], v[partial_md5], "0", "2"});
    for (auto& [kind, hash] : {std::pair("sha256", v[sha256]), std::pair("full", v[md5]), std::pair("partial", v[partial_md5])}) {
      hashes_.push_back({hash, kind, p(file), v[id], "original"});
    }
    if (staging_.size() == 10'000) flush();
  }

  // After the last row.
  void finish() {
    flush();
    table rows;
    for (const auto& [word, written] : spellings_) rows.push_back({word, written});
    put("spellings", {"word", "written"}, rows);
  }

  void flush() {
    put("people", {"id", "name", "name_key", "sort_name", "sort_key", "letter"}, people_rows_);
    put("series", {"id", "name", "name_key", "sort_key", "letter"}, series_rows_);
    put("tags", {"id", "name", "name_key", "slug", "sort_key", "letter"}, tag_rows_);
    put("labels", {"id", "kind", "name", "name_key", "sort_key", "letter"}, label_rows_);
    put("staging", {"id",         "title",        "title_sort",   "title_key",   "author",     "author_sort",
                    "author_key", "series_id",    "series_index", "place_key",   "isbn_13",    "identifiers",
                    "publisher",  "published_on", "language",     "description", "page_count", "genres",
                    "tags",       "tag_keys",     "dup_key",      "a",           "b",          "c",
                    "d",          "created_at",   "kobo_file"},
        staging_);
    tx_.run(sql_books);
    tx_.run(sql_clear);
    put("book_people", {"book_id", "person_id", "role", "position", "place_key"}, book_people_);
    put("book_tags", {"book_id", "tag_id", "added_at"}, book_tags_);
    put("book_labels", {"book_id", "label_id", "added_at"}, book_labels_);
    put("book_files",
        {"id", "book_id", "format", "mime", "original_name", "download_name", "slug", "storage_path", "file_size", "checksum",
         "md5", "koreader_md5", "rank", "offered"},
        files_);
    put("book_file_hashes", {"hash", "kind", "file_id", "book_id", "variant"}, hashes_);
    seen_.clear();
  }

 private:
  static library::book_fields searched_of(const std::vector<std::optional<std::string>>& v,
                                          const std::vector<std::string>& people, const std::vector<std::string>& tag_names,
                                          const std::vector<std::string>& genre_names) {
    library::book_fields f;
    f.title = *v[title];
    for (const std::string& name : people) f.authors.push_back({.name = name, .sort = {}});
    f.tags = tag_names;
    f.genres = genre_names;
    f.series = v[series].value_or("");
    f.publisher = v[publisher].value_or("");
    f.languages = {*v[language]};
    f.published_on = v[published].value_or("");
    if (v[isbn_13]) f.identifiers.emplace_back("isbn_13", *v[isbn_13]);
    return f;
  }

  void put(const char* name, const std::vector<std::string>& names, table& rows) {
    if (!rows.empty()) tx_.copy_in(name, names, rows);
    rows.clear();
  }
  uuid person_of(const std::string& name, const std::string& sort) {
    auto [at, fresh] = people_.emplace(library::key_of_name(name), uuid::make());
    if (fresh) {
      std::string key = publication::sort_key(sort);
      people_rows_.push_back({at->second.text(), name, at->first, sort, key, publication::index_letter(key)});
    }
    return at->second;
  }
  std::optional<uuid> series_of(const std::optional<std::string>& name) {
    if (!name) return std::nullopt;
    auto [at, fresh] = series_.emplace(library::key_of_name(*name), uuid::make());
    if (fresh) {
      std::string key = publication::sort_key(*name);
      series_rows_.push_back({at->second.text(), *name, at->first, key, publication::index_letter(key)});
    }
    return at->second;
  }
  uuid tag_of(const std::string& name) {
    auto [at, fresh] = tags_.emplace(library::key_of_name(name), uuid::make());
    if (fresh) {
      std::string key = publication::sort_key(name);
      tag_rows_.push_back({at->second.text(), name, at->first, publication::fold(name), key, publication::index_letter(key)});
    }
    return at->second;
  }

  void add_label(const std::vector<std::optional<std::string>>& v, const std::string& kind, const std::string& name) {
    std::string name_key = library::key_of_name(name);
    auto [at, fresh] = labels_.emplace(kind + name_key, uuid::make());
    if (fresh) {
      std::string key = publication::sort_key(name);
      label_rows_.push_back({at->second.text(), kind, name, name_key, key, publication::index_letter(key)});
    }
    if (seen_.emplace(*v[id] + at->second.text()).second) book_labels_.push_back({v[id], at->second.text(), v[added_at]});
  }

  db::tx& tx_;
  std::string storage_path_;
  std::int64_t size_;
  std::map<std::string, uuid> people_, series_, tags_, labels_;
  std::set<std::string> seen_;
  std::map<std::string, std::string> spellings_;
  table staging_, people_rows_, series_rows_, tag_rows_, label_rows_, book_people_, book_tags_, book_labels_, files_, hashes_;
};

int run(const char* path) {
  std::ifstream in(path);
  if (!in) return std::fprintf(stderr, "load-rows: cannot read %s\n", path), 1;
  auto opened = bench::open_database(1);
  if (!opened) return std::fprintf(stderr, "load-rows: %s\n", opened.error().message().c_str()), 1;
  std::filesystem::path data = opened->data;
  db::pool& pool = *opened->pool;
  result<library::store> store = library::store::open(data, data / "cache");
  if (!store) return std::fprintf(stderr, "load-rows: %s\n", store.error().message().c_str()), 1;
  std::filesystem::path temporary = data / "staging" / "bench.epub";
  std::string epub = small_epub(temporary);
  std::filesystem::remove(temporary);
  std::string storage = store->path_for(sha256_hex(epub), ".epub");
  if (auto bad = store->write(storage, epub)) return std::fprintf(stderr, "load-rows: %s\n", bad->message().c_str()), 1;

  std::size_t count = 0;
  pool.write_now([&](db::tx& tx) {
    if (tx.run(sql_count)[0].integer(0) != 0) throw std::runtime_error("the library is not empty");
    loader all(tx, storage, static_cast<std::int64_t>(epub.size()));
    std::string line;
    while (std::getline(in, line)) {
      std::vector<std::optional<std::string>> fields;
      std::string_view rest = line;
      for (;;) {
        std::size_t tab = rest.find('\t');
        fields.push_back(field(rest.substr(0, tab)));
        if (tab == rest.npos) break;
        rest.remove_prefix(tab + 1);
      }
      if (fields.size() != columns)
        throw std::runtime_error("line " + std::to_string(count + 1) + " has " + std::to_string(fields.size()) + " columns");
      all.add(fields);
      ++count;
    }
    all.finish();
    library::bump_revision(tx);
  });
  pool.read_now([](db::tx& tx) { tx.script("vacuum analyze"); });
  std::printf("%zu books\n", count);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: load-rows FILE\n"), 2;
  try {
    return run(argv[1]);
  } catch (const std::exception& e) {
    return std::fprintf(stderr, "load-rows: %s\n", e.what()), 1;
  }
}
