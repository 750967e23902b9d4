#include "ingest/sources/open_library_records.hpp"

#include <algorithm>

#include "server/core/text.hpp"

namespace carrel::ingest::sources::open_library_records {
namespace {

constexpr std::size_t most_covers = 4;

// A text, or {"type": ..., "value": text}.
std::string text_or_value(const node& n) { return n.is_object() ? n["value"].text() : n.text(); }

// Of -1 and null there is no picture.
void add_covers(record& r, const std::vector<node>& ids, const preferences& settings) {
  for (const node& id : ids) {
    if (id.id() == 0) continue;
    // default=false: 404 instead of a blank picture.
    add_cover(r, settings.open_library_covers_url + "/b/id/" + std::to_string(id.id()) + "-L.jpg?default=false");
  }
}

void set_key(record& r, const std::string& key, std::string_view folder, const preferences& settings) {
  if (key.empty()) return;
  r.provider_key = key;
  r.url = web_address(settings.open_library_url + "/" + std::string(folder) + "/" + key);
}

bool asked_for(const std::vector<std::string>& isbns, const question& asked) {
  record r;
  set_isbn(r, isbns, asked);
  std::vector<std::string> wanted = isbns_of(asked);
  return !wanted.empty() && r.isbn_13 == wanted.front();
}

void read_edition_of_search(record& r, const node& e, const node& doc, const question& asked, const preferences& settings) {
  std::string key = key_of(e["key"].text(), 'M');
  if (key.empty()) return;
  set_key(r, key, "books", settings);
  add_identifier(r, "openlibrary_edition", key);
  std::string title = e["title"].text(), subtitle = e["subtitle"].text();
  if (subtitle.empty() && same_text(title, doc["title"].text())) subtitle = doc["subtitle"].text();
  set_title(r, title, subtitle);
  r.publisher = one_line(e["publisher"].first_text(), 300);
  set_date(r, e["publish_date"].first_text());
  r.language = language_of(e["language"].first_text());
  set_isbn(r, e["isbn"].texts(), asked);
  add_covers(r, {e["cover_i"]}, settings);
}

void read_series_of_search(record& r, const node& doc) {
  std::vector<std::string> names = doc["series_name"].texts(), positions = doc["series_position"].texts();
  for (std::size_t i = 0; i < names.size(); ++i) add_series(r, names[i], i < positions.size() ? positions[i] : "", i == 0);
}

std::vector<std::string> subjects_of(const node& n) { return n["subjects"].texts(); }

// "eng" of "/languages/eng".
std::string key_word(const std::string& key) { return key.substr(key.rfind('/') + 1); }

}  // namespace

std::string key_of(std::string_view text, char type) {
  constexpr std::size_t most_digits = 12;
  text = text.substr(0, text.find_first_of("?#"));
  if (text.ends_with(".json")) text.remove_suffix(5);
  std::string_view key = text.substr(text.rfind('/') + 1);
  if (!key.starts_with("OL") || key.size() < 4 || key.size() > most_digits + 3 || key.back() != type) return {};
  std::string_view digits = key.substr(2, key.size() - 3);
  bool number = std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  return number ? std::string(key) : std::string();
}

record from_search(const node& doc, const std::string& kind, const question& asked, const preferences& settings) {
  record r;
  std::vector<std::string> isbns = doc["isbn"].texts(5000);
  bool by_isbn = kind == "isbn";
  if (by_isbn && !asked_for(isbns, asked)) return r;
  std::string work = key_of(doc["key"].text(), 'W');
  if (work.empty()) return r;
  r.query_kind = kind;
  set_key(r, work, "works", settings);
  add_identifier(r, "openlibrary_work", work);
  set_title(r, doc["title"].text(), doc["subtitle"].text());
  for (const std::string& name : doc["author_name"].texts()) add_person(r, name);
  r.original_year = year_of(doc["first_publish_year"].text());
  read_series_of_search(r, doc);
  r.genres = genres_of_subjects(doc["subject"].texts(), settings.genres);
  set_rating(r, doc["ratings_average"], doc["ratings_count"]);

  std::vector<node> editions = doc["editions"]["docs"].items(1);
  bool of_this_edition = !editions.empty() && (!by_isbn || asked_for(editions.front()["isbn"].texts(), asked));
  if (of_this_edition) read_edition_of_search(r, editions.front(), doc, asked, settings);
  if (by_isbn) set_isbn(r, {isbns_of(asked).front()}, asked);
  // The median of all editions says nothing of the one that was asked for.
  if (!by_isbn) r.page_count = page_count_of(doc["number_of_pages_median"]);
  add_covers(r, {doc["cover_i"]}, settings);
  if (std::string key = key_of(doc["cover_edition_key"].text(), 'M'); r.cover.url.empty() && !key.empty())
    add_cover(r, settings.open_library_covers_url + "/b/olid/" + key + "-L.jpg?default=false");
  r.raw = storable(doc);
  return r;
}

void read_edition(record& r, const node& e, const question& asked, const preferences& settings) {
  std::string key = key_of(e["key"].text(), 'M');
  set_key(r, key, "books", settings);
  if (!key.empty()) add_identifier(r, "openlibrary_edition", key);
  std::vector<node> works = e["works"].items(1);
  if (std::string work = works.empty() ? "" : key_of(works.front()["key"].text(), 'W'); !work.empty())
    add_identifier(r, "openlibrary_work", work);
  set_title(r, e["title"].text(), e["subtitle"].text());
  if (std::string publisher = one_line(e["publishers"].first_text(), 300); !publisher.empty()) r.publisher = publisher;
  set_date(r, e["publish_date"].text());
  std::vector<node> languages = e["languages"].items(1);
  if (std::string tag = languages.empty() ? "" : language_of(key_word(languages.front()["key"].text())); !tag.empty())
    r.language = tag;
  std::vector<std::string> isbns = e["isbn_13"].texts();
  for (std::string& isbn : e["isbn_10"].texts()) isbns.push_back(std::move(isbn));
  set_isbn(r, isbns, asked);
  if (std::string asin = asin_of(e["identifiers"]["amazon"].first_text()); !asin.empty()) r.asin = asin;
  for (std::string_view scheme : {"goodreads", "librarything", "google"})
    add_identifier(r, scheme, e["identifiers"][scheme].first_text());
  if (std::optional<int> pages = page_count_of(e["number_of_pages"])) r.page_count = pages;
  for (const std::string& series : e["series"].texts()) add_series_text(r, series);
  if (std::string text = description_of(text_or_value(e["description"])); !text.empty()) r.description = text;
  if (r.genres.empty()) r.genres = genres_of_subjects(subjects_of(e), settings.genres);
  // Its own covers come before those of its work.
  record_cover of_work = std::move(r.cover);
  r.cover = {};
  add_covers(r, e["covers"].items(most_covers), settings);
  add_cover(r, of_work.url);
  r.raw = storable(e);
}

void read_work(record& r, const node& work, const preferences& settings) {
  if (r.title.empty()) set_title(r, work["title"].text(), work["subtitle"].text());
  if (r.description.empty()) r.description = description_of(text_or_value(work["description"]));
  if (r.genres.empty()) r.genres = genres_of_subjects(subjects_of(work), settings.genres);
  if (!r.original_year) r.original_year = year_of(work["first_publish_date"].text());
  add_covers(r, work["covers"].items(most_covers), settings);
}

std::vector<std::string> author_keys(const node& n) {
  std::vector<std::string> out;
  for (const node& author : n["authors"].items()) {
    std::string key = key_of(author["key"].text(), 'A');
    if (key.empty()) key = key_of(author["author"]["key"].text(), 'A');
    if (!key.empty() && std::find(out.begin(), out.end(), key) == out.end()) out.push_back(std::move(key));
  }
  return out;
}

}  // namespace carrel::ingest::sources::open_library_records
