// Names that lead to books: authors, series, tags, languages, genres, publishers. A name with no visible book behind it does not
// exist for the viewer (product.md 8), so each statement asks for one.
#include <algorithm>
#include <map>

#include "library/catalog.hpp"
#include "library/catalog_lists.hpp"
#include "server/core/error.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

#define CARREL_AUTHORS                                                                                        \
  "from people n where exists (select 1 from book_people bp join listed_books($1, $2) b on b.id = bp.book_id" \
  " where bp.person_id = n.id and bp.role = 'aut')"
#define CARREL_ANY_ROLE                                                                                       \
  "from people n where exists (select 1 from book_people bp join listed_books($1, $2) b on b.id = bp.book_id" \
  " where bp.person_id = n.id)"
#define CARREL_SERIES "from series n where exists (select 1 from listed_books($1, $2) b where b.series_id = n.id)"
#define CARREL_TAGS                                                                                       \
  "from tags n where exists (select 1 from book_tags bt join listed_books($1, $2) b on b.id = bt.book_id" \
  " where bt.tag_id = n.id)"

#define CARREL_LABELS(KIND)                                              \
  "from labels n where n.kind = '" KIND                                  \
  "' and exists (select 1 from book_labels bl join listed_books($1, $2)" \
  " b on b.id = bl.book_id where bl.label_id = n.id)"
#define CARREL_GENRES CARREL_LABELS("genre")
#define CARREL_PUBLISHERS CARREL_LABELS("publisher")

// [by letter or by range of keys][forwards or backwards]. `$6` is the letter or the beginning of the key, `$7` the key's end.
#define CARREL_FOUR(FROM, NAME)                                                                                            \
  {                                                                                                                        \
    {{"library.letter_" NAME, "select n.id, n.sort_key, n.name " FROM " and n.letter = $6 and $7::text is not null"        \
                              " and (n.sort_key, n.id) > ($3, $4) order by n.sort_key, n.id limit $5"},                    \
     {"library.letter_back_" NAME, "select n.id, n.sort_key, n.name " FROM " and n.letter = $6 and $7::text is not null"   \
                                   " and (n.sort_key, n.id) < ($3, $4) order by n.sort_key desc, n.id desc limit $5"}},    \
        {{"library.names_" NAME, "select n.id, n.sort_key, n.name " FROM " and n.sort_key >= $6 and n.sort_key < $7"       \
                                 " and (n.sort_key, n.id) > ($3, $4) order by n.sort_key, n.id limit $5"},                 \
         {"library.names_back_" NAME, "select n.id, n.sort_key, n.name " FROM " and n.sort_key >= $6 and n.sort_key < $7"  \
                                      " and (n.sort_key, n.id) < ($3, $4) order by n.sort_key desc, n.id desc limit $5"}}, \
  }

// In the order of named_by().
constexpr db::statement pages[5][2][2] = {
    CARREL_FOUR(CARREL_AUTHORS, "authors"), CARREL_FOUR(CARREL_SERIES, "series"),         CARREL_FOUR(CARREL_TAGS, "tags"),
    CARREL_FOUR(CARREL_GENRES, "genres"),   CARREL_FOUR(CARREL_PUBLISHERS, "publishers"),
};

// One index probe a letter instead of grouping all names (opds.md 12.2).
#define CARREL_LETTERS(FROM)                                                                    \
  "with recursive step as ((select n.letter " FROM                                              \
  " order by n.letter limit 1) union all"                                                       \
  " select (select n.letter " FROM                                                              \
  " and n.letter > s.letter order by n.letter limit 1) from step s where s.letter is not null)" \
  " select letter from step where letter is not null"
constexpr db::statement sql_letters[5] = {
    {"library.letters_authors", CARREL_LETTERS(CARREL_AUTHORS)},
    {"library.letters_series", CARREL_LETTERS(CARREL_SERIES)},
    {"library.letters_tags", CARREL_LETTERS(CARREL_TAGS)},
    {"library.letters_genres", CARREL_LETTERS(CARREL_GENRES)},
    {"library.letters_publishers", CARREL_LETTERS(CARREL_PUBLISHERS)},
};

// The same for the first `$3` characters of keys between `$4` and `$5`.
#define CARREL_PREFIXES(FROM)                                                                                                   \
  "with recursive step as ((select left(n.sort_key, $3) as p " FROM                                                             \
  " and n.sort_key >= $4 and n.sort_key < $5 order by n.sort_key limit 1) union all"                                            \
  " select (select left(n.sort_key, $3) " FROM                                                                                  \
  " and n.sort_key >= s.p || U&'\\+10FFFF' and n.sort_key < $5 order by n.sort_key limit 1) from step s where s.p is not null)" \
  " select p from step where p is not null"
constexpr db::statement sql_prefixes[5] = {
    {"library.prefixes_authors", CARREL_PREFIXES(CARREL_AUTHORS)},
    {"library.prefixes_series", CARREL_PREFIXES(CARREL_SERIES)},
    {"library.prefixes_tags", CARREL_PREFIXES(CARREL_TAGS)},
    {"library.prefixes_genres", CARREL_PREFIXES(CARREL_GENRES)},
    {"library.prefixes_publishers", CARREL_PREFIXES(CARREL_PUBLISHERS)},
};

constexpr db::statement sql_name[5] = {
    {"library.name_of_person", "select n.name " CARREL_ANY_ROLE " and n.id = $3"},
    {"library.name_of_series", "select n.name " CARREL_SERIES " and n.id = $3"},
    {"library.name_of_tag", "select n.name " CARREL_TAGS " and n.id = $3"},
    {"library.name_of_genre", "select n.name " CARREL_GENRES " and n.id = $3"},
    {"library.name_of_publisher", "select n.name " CARREL_PUBLISHERS " and n.id = $3"},
};

#define CARREL_LANGUAGES                                                                                        \
  "with recursive step as ("                                                                                    \
  "(select b.language from listed_books($1, $2) b where b.language > '' order by b.language limit 1) union all" \
  " select (select b.language from listed_books($1, $2) b where b.language > s.language order by b.language"    \
  " limit 1) from step s where s.language is not null) select language from step where language is not null"
constexpr db::statement sql_languages{"library.languages", CARREL_LANGUAGES};

// Ordered as their lists are, so that the first one is found in the same way.
#define CARREL_FIRST(FROM) "(select n.id " FROM " order by n.sort_key, n.id limit 1) is not null"
constexpr db::statement sql_kinds{
    "library.names_there",
    "select " CARREL_FIRST(CARREL_SERIES) ", " CARREL_FIRST(CARREL_TAGS) ", " CARREL_FIRST(CARREL_GENRES) ", " CARREL_FIRST(
        CARREL_PUBLISHERS) ", (select count(*) from (" CARREL_LANGUAGES " limit 2) l) > 1"};

const std::string after_all = "\U0010FFFF\U0010FFFF";
const uuid highest_id = [] {
  uuid id;
  id.bytes.fill(0xff);
  return id;
}();

std::size_t named_by(names which) {
  CARREL_EXPECT(which != names::languages);
  return which <= names::tags ? static_cast<std::size_t>(which) : static_cast<std::size_t>(which) - 1;
}

bool one_character(const std::string& prefix) { return count_code_points(prefix) == 1; }

name_page list_languages(db::tx& tx, const uuid& viewer, taker whom) {
  name_page out;
  for (const db::row& r : tx.run(sql_languages, viewer, static_cast<int>(whom)))
    out.entries.push_back({.id = {}, .name = r.text(0), .sort_key = r.text(0)});
  return out;
}

}  // namespace

name_page list_names(db::tx& tx, const uuid& viewer, names which, const std::string& prefix, const cursor& from, int limit,
                     taker whom) {
  if (which == names::languages) return list_languages(tx, viewer, whom);
  bool letter = one_character(prefix);
  std::string low = letter ? prefix : lower_ascii(prefix), high = low + after_all;
  const auto& statements = pages[named_by(which)][letter ? 0 : 1];

  name_page out;
  std::map<uuid, name_entry> entries;
  cursor beginning, end;
  end.key = after_all;
  end.id = highest_id;
  auto read = [&](const cursor& anchor, bool forward, int count) {
    std::vector<list_row> rows;
    for (const db::row& r :
         tx.run(statements[forward ? 0 : 1], viewer, static_cast<int>(whom), anchor.key, anchor.id, count, low, high)) {
      rows.push_back({.id = r.id(0), .version = 0, .key = r.text(1), .key2 = ""});
      entries[r.id(0)] = {.id = r.id(0), .name = r.text(2), .sort_key = r.text(1)};
    }
    return rows;
  };
  row_page page = page_of(from, beginning, end, limit, read);
  for (const list_row& r : page.rows) out.entries.push_back(entries.at(r.id));
  out.next = page.next;
  out.previous = page.previous;
  return out;
}

std::vector<std::string> letters(db::tx& tx, const uuid& viewer, names which, taker whom) {
  std::vector<std::string> out;
  for (const db::row& r : tx.run(sql_letters[named_by(which)], viewer, static_cast<int>(whom))) out.push_back(r.text(0));
  // A-Z, other scripts by code point, # last; "#" sorts first by bytes.
  auto other = std::stable_partition(out.begin(), out.end(), [](const std::string& l) { return l != "#"; });
  std::sort(out.begin(), other);
  return out;
}

std::vector<std::string> longer_prefixes(db::tx& tx, const uuid& viewer, names which, const std::string& prefix, taker whom) {
  std::string low = lower_ascii(prefix);
  auto length = static_cast<int>(count_code_points(low)) + 1;
  std::vector<std::string> out;
  const db::statement& sql = sql_prefixes[named_by(which)];
  for (const db::row& r : tx.run(sql, viewer, static_cast<int>(whom), length, low, low + after_all)) {
    std::string shown = r.text(0);
    for (char& c : shown) {
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    }
    out.push_back(std::move(shown));
  }
  return out;
}

bool more_names_than(db::tx& tx, const uuid& viewer, names which, const std::string& prefix, int limit, taker whom) {
  if (which == names::languages) return false;
  return list_names(tx, viewer, which, prefix, {}, limit, whom).next.has_value();
}

kinds_of_names names_there(db::tx& tx, const uuid& viewer, taker whom) {
  db::rows rows = tx.run(sql_kinds, viewer, static_cast<int>(whom));
  const db::row& r = rows[0];
  return {.series = r.flag(0), .tags = r.flag(1), .languages = r.flag(4), .genres = r.flag(2), .publishers = r.flag(3)};
}

std::optional<std::string> name_of(db::tx& tx, const uuid& viewer, names which, const uuid& id, taker whom) {
  db::rows rows = tx.run(sql_name[named_by(which)], viewer, static_cast<int>(whom), id);
  return rows.empty() ? std::nullopt : std::optional(rows[0].text(0));
}

}  // namespace carrel::library
