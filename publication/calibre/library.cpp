#include "publication/calibre/library.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <new>
#include <tuple>
#include <unordered_set>

#include "publication/calibre/copy.hpp"
#include "publication/calibre/database.hpp"
#include "publication/calibre/folders.hpp"
#include "publication/calibre/mapping.hpp"
#include "publication/unicode.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::calibre {
namespace {

constexpr std::int64_t newest_schema = 27, most_books = 2'000'000;
constexpr std::size_t line = 8192, longest_comment = 256 << 10, longest_path = 4096;
// Without these it is something else; the others may be missing.
constexpr std::array required{"books", "authors", "books_authors_link", "data", "library_id"};
constexpr std::array read_too{"series",        "books_series_link",  "publishers", "books_publishers_link",
                              "tags",          "books_tags_link",    "languages",  "books_languages_link",
                              "ratings",       "books_ratings_link", "comments",   "identifiers",
                              "custom_columns"};

struct custom_column {
  std::int64_t id = 0;
  std::string label, datatype;
  bool linked = false, is_series = false;
};

template <class F>
auto without_trouble(F f) -> result<decltype(f()), refusal> {
  try {
    return f();
  } catch (const trouble& t) {
    return t.why;
  } catch (const std::bad_alloc&) {
    return refusal{"calibre_limit", "memory"};
  } catch (const std::exception& e) {
    return refusal{"calibre_unreadable", replace_invalid_utf8(e.what())};
  }
}

}  // namespace

struct library::state {
  std::string uuid;
  std::int64_t size = 0;
  std::vector<warning> warnings;

  state(const std::filesystem::path& folder, const reading& how) : how_(how), on_disk_(folder) {
    {
      private_copy copy(folder, how.scratch);
      db_.emplace(copy.database());
      db_->allow(5 * how.patience);
      db_->settle();
    }  // what is open stays readable, and nothing is left lying when we are killed
    look_at_tables();
    if (std::int64_t version = db_->number("user_version"); version > newest_schema)
      warn(warnings, "calibre_newer", std::to_string(version));
    query id(*db_, "select uuid from library_id limit 1");
    if (id.next()) uuid = clean_text(id.text(0, line), 64);
    if (uuid.empty()) throw trouble{{"calibre_unknown_schema", "library_id"}};
    query count(*db_, "select count(*) from books");
    size = count.next() ? count.integer(0) : 0;
    if (size > most_books) throw trouble{{"calibre_limit", "books"}};
    list_columns();
  }

  void look_at_tables() {
    for (const char* table : required) {
      if (!db_->has(table)) throw trouble{{"calibre_unknown_schema", table}};
      db_->check(table);
    }
    for (const char* table : read_too) {
      if (db_->has(table)) db_->check(table);
    }
  }

  void list_columns() {
    if (!db_->has("custom_columns")) return;
    query q(*db_, "select id, label, datatype, normalized from custom_columns where mark_for_delete = 0 order by id limit 100");
    while (q.next()) {
      custom_column c{.id = q.integer(0), .label = q.text(1, 100), .datatype = q.text(2, 40), .linked = q.integer(3) != 0};
      c.is_series = c.datatype == "series";
      std::string table = table_of(c);
      if (c.id < 1 || c.label.empty() || !db_->has(table) || (c.linked && !db_->has(link_of(c)))) continue;
      db_->check(table);
      if (c.linked) db_->check(link_of(c));
      columns_.push_back(std::move(c));
    }
  }

  static std::string table_of(const custom_column& c) { return "custom_column_" + std::to_string(c.id); }
  static std::string link_of(const custom_column& c) { return "books_custom_column_" + std::to_string(c.id) + "_link"; }

  std::vector<book> next() {
    db_->allow(how_.patience);
    std::map<std::int64_t, raw_book> chunk = read_books();
    std::vector<book> out;
    if (chunk.empty()) return out;
    first_ = chunk.begin()->first;
    last_ = chunk.rbegin()->first;
    read_links(chunk);
    read_columns(chunk);
    out.reserve(chunk.size());
    for (auto& [id, raw] : chunk) out.push_back(finish(raw));
    return out;
  }

 private:
  std::map<std::int64_t, raw_book> read_books() {
    std::map<std::int64_t, raw_book> out;
    query q(*db_,
            "select id, title, sort, timestamp, pubdate, series_index, author_sort, path, uuid, last_modified from books"
            " where id > ? order by id limit ?",
            {last_, static_cast<std::int64_t>(how_.chunk)});
    std::int64_t before = last_;
    while (q.next()) {
      std::int64_t id = q.integer(0);
      if (id <= before) throw trouble{{"calibre_damaged", "books"}};
      before = id;
      raw_book& b = out[id];
      b.id = id;
      b.title = q.text(1, line);
      b.sort = q.text(2, line);
      b.timestamp = q.text(3, 100);
      b.pubdate = q.text(4, 100);
      b.series_index = q.real(5);
      b.author_sort = q.text(6, line);
      b.path = q.text(7, longest_path);
      b.uuid = q.text(8, 100);
      b.last_modified = q.text(9, 100);
    }
    return out;
  }

  // Rows of `sql` for the books of the chunk, whose number is the first column.
  template <class F>
  void each(std::map<std::int64_t, raw_book>& chunk, const std::string& sql, F take) {
    query q(*db_, sql, {first_, last_});
    while (q.next()) {
      auto found = chunk.find(q.integer(0));
      if (found != chunk.end()) take(found->second, q);
    }
  }

  template <class F>
  void linked(std::map<std::int64_t, raw_book>& chunk, const std::string& table, const std::string& link, const std::string& key,
              const std::string& values, F take) {
    if (!db_->has(table) || !db_->has(link)) return;
    each(chunk,
         "select l.book, " + values + " from " + link + " l cross join " + table + " v on v.id = l." + key +
             " where l.book between ? and ?",
         take);
  }

  // Ordered here: sorting within SQLite could need as much memory as the file likes.
  template <class T>
  struct placed {
    std::int64_t book, place, id;
    T value;
    bool operator<(const placed& o) const { return std::tie(book, place, id) < std::tie(o.book, o.place, o.id); }
  };

  void read_links(std::map<std::int64_t, raw_book>& chunk) {
    std::vector<placed<raw_person>> authors;
    linked(chunk, "authors", "books_authors_link", "author", "l.id, v.name, v.sort", [&](raw_book& b, const query& q) {
      if (authors.size() < how_.chunk * most_authors)
        authors.push_back({b.id, 0, q.integer(1), {q.text(2, line), q.text(3, line)}});
    });
    std::sort(authors.begin(), authors.end());
    for (placed<raw_person>& p : authors) {
      if (std::vector<raw_person>& to = chunk[p.book].authors; to.size() < most_authors) to.push_back(std::move(p.value));
    }
    std::vector<placed<std::string>> languages;
    linked(chunk, "languages", "books_languages_link", "lang_code", "l.item_order, l.id, v.lang_code",
           [&](raw_book& b, const query& q) {
             if (languages.size() < how_.chunk * most_languages)
               languages.push_back({b.id, q.integer(1), q.integer(2), q.text(3, 100)});
           });
    std::sort(languages.begin(), languages.end());
    for (placed<std::string>& p : languages) {
      std::vector<std::string>& to = chunk[p.book].languages;
      if (to.size() < most_languages) to.push_back(std::move(p.value));
    }
    linked(chunk, "series", "books_series_link", "series", "v.name",
           [](raw_book& b, const query& q) { b.series = q.text(1, line); });
    linked(chunk, "publishers", "books_publishers_link", "publisher", "v.name",
           [](raw_book& b, const query& q) { b.publisher = q.text(1, line); });
    linked(chunk, "ratings", "books_ratings_link", "rating", "v.rating",
           [](raw_book& b, const query& q) { b.rating = q.real(1); });
    linked(chunk, "tags", "books_tags_link", "tag", "v.name", [](raw_book& b, const query& q) {
      if (b.tags.size() <= most_tags) b.tags.push_back(q.text(1, 1000));
    });
    for (auto& [id, b] : chunk) std::sort(b.tags.begin(), b.tags.end());
    read_rows(chunk);
  }

  void read_rows(std::map<std::int64_t, raw_book>& chunk) {
    if (db_->has("comments")) {
      each(chunk, "select book, text from comments where book between ? and ?", [](raw_book& b, const query& q) {
        if (b.comments.empty()) b.comments = q.text(1, longest_comment);
      });
    }
    if (db_->has("identifiers")) {
      each(chunk, "select book, type, val from identifiers where book between ? and ?", [](raw_book& b, const query& q) {
        if (b.identifiers.size() < most_identifiers) b.identifiers.emplace_back(q.text(1, 100), q.text(2, 1000));
      });
    }
    each(chunk, "select book, format, name from data where book between ? and ?", [](raw_book& b, const query& q) {
      if (b.formats.size() < most_formats) b.formats.emplace_back(q.text(1, 40), q.text(2, 1000));
    });
    for (auto& [id, b] : chunk) {
      std::sort(b.identifiers.begin(), b.identifiers.end());
      std::sort(b.formats.begin(), b.formats.end());
    }
  }

  void read_columns(std::map<std::int64_t, raw_book>& chunk) {
    for (const custom_column& c : columns_) {
      auto take = [&](raw_book& b, const query& q) {
        if (b.columns.empty() || b.columns.back().label != c.label) b.columns.push_back({c.label, c.datatype, {}});
        std::vector<std::string>& to = b.columns.back().values;
        if (to.size() >= most_values) return;
        std::string value = q.text(1, line);
        if (c.datatype == "bool") value = q.integer(1) != 0 ? "yes" : "no";
        if (c.is_series) value += " [" + q.text(2, 40) + "]";
        to.push_back(std::move(value));
      };
      if (c.linked)
        linked(chunk, table_of(c), link_of(c), "value", c.is_series ? "v.value, l.extra" : "v.value", take);
      else
        each(chunk, "select book, value from " + table_of(c) + " where book between ? and ?", take);
    }
  }

  std::string uuid_of(const raw_book& raw) {
    std::string own = clean_text(raw.uuid, 64);
    if (own.empty() || !uuids_.insert(own).second) own = "id-" + std::to_string(raw.id);
    return own;
  }

  book finish(const raw_book& raw) {
    book out = map(raw, how_.columns);
    out.uuid = uuid_of(raw);
    out.folder = on_disk_.enter(raw.path);
    for (const auto& [format, name] : raw.formats) {
      std::string listed = raw.path + "/" + name + "." + lower_ascii(format);
      if (lower_ascii(format).starts_with("original_"))
        out.kept_as.push_back(std::move(listed));
      else
        out.files.push_back({listed, on_disk_.file_named(name + "." + lower_ascii(format))});
    }
    out.cover = on_disk_.file_named("cover.jpg");
    return out;
  }

  reading how_;
  folders on_disk_;
  std::optional<database> db_;
  std::vector<custom_column> columns_;
  std::unordered_set<std::string> uuids_;
  std::int64_t first_ = 0, last_ = 0;
};

library::library(std::unique_ptr<state> s) : state_(std::move(s)) {}
library::~library() = default;
library::library(library&&) noexcept = default;
library& library::operator=(library&&) noexcept = default;

result<library, refusal> library::open(const std::filesystem::path& folder, const reading& how) {
  return without_trouble([&] { return library(std::make_unique<state>(folder, how)); });
}

const std::string& library::uuid() const { return state_->uuid; }
std::int64_t library::size() const { return state_->size; }
const std::vector<warning>& library::warnings() const { return state_->warnings; }

result<std::vector<book>, refusal> library::next() {
  return without_trouble([&] { return state_->next(); });
}

}  // namespace carrel::publication::calibre
