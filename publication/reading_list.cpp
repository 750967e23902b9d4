#include "publication/reading_list.hpp"

#include <algorithm>

#include "publication/people.hpp"
#include "publication/sanitise.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::size_t title_limit = 1000, name_limit = 300, most_authors = 20, review_limit = 20'000;

// What the columns of other tables may be called, in lower case and divided by bars; the first that the table has is taken.
struct names {
  std::string_view title = "title|book title|titel|buchtitel|titre";
  std::string_view authors = "authors|author|author(s)|autor|autoren|autor(en)|verfasser|auteur|auteurs|auteur(s)";
  std::string_view isbns = "isbn13|isbn_13|isbn-13|isbn|isbn10|isbn_10|isbn-10|isbn/uid";
  std::string_view rating = "my rating|rating|star rating|stars|bewertung|sterne|ma note";
  std::string_view state = "read status|state|status|reading state|exclusive shelf|read|gelesen|lu|lesestatus|statut";
  std::string_view started = "date started|started|start date|begonnen|begonnen am|commencé|commencé le|date de début";
  std::string_view finished =
      "date read|read date|last date read|finished|date finished|finish date|gelesen am|beendet|beendet am|lu le|terminé le|date "
      "de fin";
  std::string_view review = "my review|review|rezension|kritik|critique|avis";
  std::string_view listed = "date added|added|hinzugefügt|hinzugefügt am|ajouté|ajouté le";
};
constexpr names called;

std::vector<std::string_view> each(std::string_view list) {
  std::vector<std::string_view> out;
  while (!list.empty()) {
    std::size_t end = std::min(list.find('|'), list.size());
    out.push_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return out;
}

bool has_any(const csv_columns& c, std::string_view list) {
  auto all = each(list);
  return std::any_of(all.begin(), all.end(), [&](std::string_view name) { return c.has(name); });
}

// The name of the column, and what the row says there.
struct cell {
  std::string_view name, text;
};
cell first_of(const csv_columns& c, const csv_row& row, std::string_view list) {
  for (std::string_view name : each(list)) {
    if (c.has(name)) return {name, c.of(row, name)};
  }
  return {};
}

bool is_useful(const csv_columns& c) {
  bool names_books = has_any(c, called.title) || has_any(c, called.isbns);
  bool has_opinions = has_any(c, called.rating) || has_any(c, called.state) || has_any(c, called.finished) ||
                      has_any(c, called.started) || has_any(c, called.review);
  return names_books && has_opinions;
}

const char* code_of(csv_trouble t) {
  switch (t) {
    case csv_trouble::too_long: return "csv_too_long";
    case csv_trouble::too_many_fields: return "csv_too_many_fields";
    case csv_trouble::open_quote: return "csv_open_quote";
    default: return "csv_no_text";
  }
}

void add_authors(std::string_view text, reading_list_row& out) {
  for (const std::string& part : split_people_at_commas(text.substr(0, 16 * name_limit))) {
    std::string name = clean_person(part, "", "").name;
    if (!name.empty() && out.authors.size() < most_authors) out.authors.push_back(name);
  }
}

void add_isbn(std::string_view text, reading_list_row& out) {
  std::optional<isbn> found = parse_isbn(text);
  if (!found || std::find(out.isbns.begin(), out.isbns.end(), found->isbn_13) != out.isbns.end()) return;
  out.isbns.push_back(found->isbn_13);
}

void take_rating(const cell& from, reading_list_row& out) {
  if (std::optional<int> halves = halves_of_stars(from.text))
    out.says.rating = *halves;
  else
    out.unclear.emplace_back(from.name);
}

void take_date(const cell& from, std::string& to, reading_list_row& out) {
  if (from.text.empty()) return;
  if (std::optional<std::string> day = date(from.text))
    to = *day;
  else
    out.unclear.emplace_back(from.name);
}

// Shelves that people made themselves may say anything; a column "read" may hold the day.
void take_state(const cell& from, bool own_words, reading_list_row& out) {
  out.says.state = reading_state_from(from.text);
  if (out.says.state || from.text.empty() || own_words) return;
  if (std::optional<std::string> day = date(from.text))
    out.says.finished = *day;
  else
    out.unclear.emplace_back(from.name);
}

// "2021/03/01-2021/03/15, 2022/05/02-2022/05/09": the last time.
void take_days(const cell& from, reading_list_row& out) {
  std::string_view last = from.text;
  if (std::size_t comma = last.rfind(','); comma != last.npos) last = trim(last.substr(comma + 1));
  std::size_t dash = last.find('-');
  if (dash == last.npos || last.find('/') == last.npos) return;
  take_date({from.name, trim(last.substr(0, dash))}, out.says.started, out);
  if (out.says.finished.empty()) take_date({from.name, trim(last.substr(dash + 1))}, out.says.finished, out);
}

}  // namespace

reading_list::reading_list(csv_reader reader, csv_columns columns) : reader_(std::move(reader)), columns_(std::move(columns)) {
  if (columns_.has("exclusive shelf") && columns_.has("my rating") && columns_.has("book id"))
    kind_ = kind::goodreads;
  else if (columns_.has("read status") && columns_.has("star rating"))
    kind_ = kind::storygraph;
}

result<reading_list, refusal> reading_list::open(byte_source source) {
  csv_reader reader(std::move(source));
  csv_row header;
  if (!reader.next(header)) return refusal{"csv_empty", ""};
  if (reader.is_wide()) return refusal{"csv_wide", ""};
  if (header.trouble != csv_trouble::none) return refusal{"csv_unreadable", ""};
  csv_columns columns(header);
  if (!is_useful(columns)) return refusal{"csv_unknown", ""};
  return reading_list(std::move(reader), std::move(columns));
}

std::string_view reading_list::name() const {
  return kind_ == kind::goodreads ? "goodreads" : kind_ == kind::storygraph ? "storygraph" : "csv";
}

void reading_list::read(const csv_row& row, reading_list_row& out) const {
  auto at = [&](std::string_view list) { return first_of(columns_, row, list); };
  out.title = clean_text(at(called.title).text, title_limit);
  add_authors(at(called.authors).text, out);
  add_authors(columns_.of(row, "additional authors"), out);
  for (std::string_view name : each(called.isbns)) add_isbn(columns_.of(row, name), out);
  take_rating(at(called.rating), out);
  take_state(at(called.state), kind_ == kind::goodreads, out);
  take_date(at(called.finished), out.says.finished, out);
  take_date(at(called.started), out.says.started, out);
  if (kind_ == kind::storygraph) take_days({"dates read", columns_.of(row, "dates read")}, out);
  take_date(at(called.listed), out.says.listed, out);
  // Goodreads writes them in HTML.
  if (cell review = at(called.review); !review.text.empty()) out.says.review = sanitise(review.text, review_limit).text;
  if (!out.says.finished.empty() && out.says.started > out.says.finished) out.says.started.clear();
  complete_state(out.says);
}

bool reading_list::next(reading_list_row& out) {
  csv_row row;
  if (!reader_.next(row)) return false;
  out = {};
  out.line = row.line;
  if (row.trouble != csv_trouble::none)
    out.trouble = code_of(row.trouble);
  else if (row.fields.size() != columns_.size())
    out.trouble = "csv_columns";
  else
    read(row, out);
  return true;
}

}  // namespace carrel::publication
