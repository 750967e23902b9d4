#include "ingest/sources/hardcover_records.hpp"

#include <algorithm>

#include "server/core/text.hpp"

namespace carrel::ingest::sources::hardcover_records {
namespace {

constexpr std::size_t best_genres = 8, best_tags = 10, most_moods = 20;

struct counted_tag {
  std::string name, category;
  std::int64_t count = 0;
};

// An object of lists by category, one list, or either of them as a text.
std::vector<counted_tag> tags_of(const node& cached) {
  json::value held = unwrapped(cached);
  std::vector<counted_tag> out;
  auto take = [&](const node& list, const std::string& category) {
    for (const node& t : list.items()) {
      counted_tag one{t["tag"].text(), category.empty() ? t["category"].text() : category, t["count"].id()};
      if (!one.name.empty()) out.push_back(std::move(one));
    }
  };
  take(node(held), {});
  for (std::string_view category : {"Genre", "Mood", "Tag"}) take(node(held)[category], std::string(category));
  std::stable_sort(out.begin(), out.end(), [](const counted_tag& a, const counted_tag& b) { return a.count > b.count; });
  return out;
}

std::vector<std::string> of_category(const std::vector<counted_tag>& tags, std::string_view category, std::int64_t least = 0) {
  std::vector<std::string> out;
  for (const counted_tag& t : tags) {
    if (t.category == category && t.count >= least) out.push_back(t.name);
  }
  return out;
}

void read_tags(record& r, const node& cached, const preferences& settings) {
  constexpr std::size_t enough = 3;
  std::vector<counted_tag> tags = tags_of(cached);
  std::vector<std::string> genres = of_category(tags, "Genre");
  // What one person alone said counts where little else is said.
  if (std::vector<std::string> sure = of_category(tags, "Genre", 2); sure.size() > enough) genres = sure;
  if (std::vector<std::string> names = genres_of_names(genres, settings.genres, best_genres); !names.empty()) r.genres = names;
  add_names(r.moods, of_category(tags, "Mood"), most_moods);
  add_names(r.tags, of_category(tags, "Tag"), best_tags);
}

// People of an edition take the place of those of the book, by role: an edition may name its narrator alone.
void read_people(record& r, const node& cached) {
  json::value held = unwrapped(cached);
  record named;
  for (const node& c : node(held).items()) {
    std::string name = c["author"]["name"].text();
    if (name.empty()) name = c["name"].text();
    add_person(named, name, c["contribution"].text());
  }
  if (!named.authors.empty()) r.authors = named.authors;
  if (!named.narrators.empty()) r.narrators = named.narrators;
  if (!named.contributors.empty()) r.contributors = named.contributors;
}

// The picture of the edition comes first.
void read_image(record& r, const node& image) {
  record_cover before = std::move(r.cover);
  r.cover = {};
  add_cover(r, image["url"].text(), image["width"], image["height"]);
  if (r.cover.url.empty())
    r.cover = before;
  else
    add_cover(r, before.url);
}

bool read_date(record& r, const node& n) {
  record date;
  set_date(date, n["release_date"].text());
  if (!date.published_year) set_date(date, n["release_year"].text());
  if (!date.published_year) return false;
  r.published_date = date.published_date;
  r.published_year = date.published_year;
  return true;
}

void read_length(record& r, const node& n, const question& asked) {
  if (std::optional<int> pages = page_count_of(n["pages"])) r.page_count = pages;
  // Books carry the length of some recording of them, whatever is at hand here.
  if (!asked.audio) return;
  if (std::optional<double> seconds = seconds_of(n["audio_seconds"].number())) r.duration_seconds = seconds;
}

// An edition that says no subtitle has that of its book, when they are called the same.
void read_titles(record& r, const node& n) {
  std::string title = n["title"].text(), subtitle = n["subtitle"].text();
  if (subtitle.empty() && same_text(title, r.title)) subtitle = r.subtitle;
  set_title(r, title, subtitle);
}

std::optional<int> total_of(const node& series) {
  std::int64_t n = series["primary_books_count"].id();
  return n > 0 && n < 10'000 ? std::optional(static_cast<int>(n)) : std::nullopt;
}

}  // namespace

std::string request(const document& d, json::object variables) {
  return json::dump(json::object{{"query", d.text}, {"variables", std::move(variables)}, {"operationName", d.name}});
}

node data_of(const node& body) {
  node errors = body["errors"];
  bool failed = !errors.items(1).empty() || !errors.text().empty() || errors.is_object();
  return failed ? node() : body["data"];
}

json::value search_documents(const node& search) {
  if (!search["error"].text().empty() || search["error"].is_object()) return {};
  json::value results = unwrapped(search["results"]);
  node list = node(results)["hits"].empty() ? node(results) : node(results)["hits"];
  json::array out;
  for (const node& hit : list.items(50)) {
    const node document = hit["document"].is_object() ? hit["document"] : hit;
    if (document.is_object()) out.push_back(*document.value());
  }
  return out;
}

void read_search_document(record& r, const node& d, const question& asked, const preferences& settings) {
  read_titles(r, d);
  for (const std::string& name : d["author_names"].texts()) add_person(r, name);
  read_length(r, d, asked);
  if (read_date(r, d)) r.original_year = r.published_year;
  r.genres = genres_of_names(d["genres"].texts(), settings.genres, best_genres);
  add_names(r.moods, d["moods"].texts(), most_moods);
  add_names(r.tags, d["tags"].texts(), best_tags);
  node series = d["featured_series"];
  std::string position = series["position"].text();
  if (position.empty()) position = d["featured_series_position"].text();
  add_series(r, series["series"]["name"].text(), position, true);
  for (const std::string& name : d["series_names"].texts()) add_series(r, name, {});
  // The numbers of all editions: only that the one asked for is among them says something.
  record any;
  set_isbn(any, d["isbns"].texts(1000), asked);
  std::vector<std::string> wanted = isbns_of(asked);
  if (!wanted.empty() && any.isbn_13 == wanted.front()) set_isbn(r, wanted, asked);
  r.description = description_of(d["description"].text());
  set_rating(r, d["rating"], d["ratings_count"]);
  read_image(r, d["image"]);
}

void read_book(record& r, const node& b, const question& asked, const preferences& settings) {
  read_titles(r, b);
  read_people(r, b["cached_contributors"]);
  read_length(r, b, asked);
  if (read_date(r, b)) r.original_year = r.published_year;
  if (std::string text = description_of(b["description"].text()); !text.empty()) r.description = text;
  set_rating(r, b["rating"], b["ratings_count"]);
  read_tags(r, b["cached_tags"], settings);
  json::value image = unwrapped(b["cached_image"]);
  read_image(r, node(image));
  node featured = b["featured_book_series"];
  add_series(r, featured["series"]["name"].text(), featured["position"].text(), true, total_of(featured["series"]));
}

void read_edition(record& r, const node& e, const question& asked) {
  read_titles(r, e);
  read_people(r, e["cached_contributors"]);
  read_length(r, e, asked);
  read_date(r, e);
  set_isbn(r, {e["isbn_13"].text(), e["isbn_10"].text()}, asked);
  if (std::string asin = asin_of(e["asin"].text()); !asin.empty()) r.asin = asin;
  if (std::string name = one_line(e["publisher"]["name"].text(), 300); !name.empty()) r.publisher = name;
  for (std::string_view form : {"language", "code3", "code2"}) {
    if (std::string tag = language_of(e["language"][form].text()); !tag.empty()) r.language = tag;
  }
  json::value image = unwrapped(e["cached_image"]);
  read_image(r, node(image));
}

void read_series(record& r, const node& rows) {
  for (const node& row : rows.items()) {
    bool primary = row["featured"].flag().value_or(false);
    add_series(r, row["series"]["name"].text(), row["position"].text(), primary, total_of(row["series"]));
  }
}

// ---- documents ---------------------------------------------------------------------------------------------------

const document editions_by_isbn{"EditionsByIsbn",
                                R"(query EditionsByIsbn($isbn13: [String!]!, $isbn10: [String!]!, $limit: Int!) {
  editions(
    where: { _or: [ { isbn_13: { _in: $isbn13 } }, { isbn_10: { _in: $isbn10 } } ] }
    order_by: [ { users_count: desc_nulls_last }, { id: asc } ]
    limit: $limit
  ) {
    id
    book_id
    title
    isbn_10
    isbn_13
    asin
    pages
    audio_seconds
    reading_format_id
    edition_format
    users_count
    language { code2 code3 }
    book { id title slug canonical_id users_count cached_contributors }
  }
})"};

const document editions_by_asin{"EditionsByAsin",
                                R"(query EditionsByAsin($asins: [String!]!, $limit: Int!) {
  editions(
    where: { asin: { _in: $asins } }
    order_by: [ { users_count: desc_nulls_last }, { id: asc } ]
    limit: $limit
  ) {
    id
    book_id
    title
    isbn_10
    isbn_13
    asin
    pages
    audio_seconds
    reading_format_id
    edition_format
    users_count
    language { code2 code3 }
    book { id title slug canonical_id users_count cached_contributors }
  }
})"};

const document search_books{"SearchBooks",
                            R"(query SearchBooks($q: String!, $perPage: Int!, $page: Int!) {
  search(query: $q, query_type: "Book", per_page: $perPage, page: $page) {
    ids
    results
    error
  }
})"};

const document book_meta{"BookMeta",
                         R"(query BookMeta($bookId: Int!) {
  books(where: { id: { _eq: $bookId } }) {
    id
    slug
    title
    subtitle
    headline
    description
    pages
    audio_seconds
    release_date
    release_year
    rating
    ratings_count
    users_count
    canonical_id
    compilation
    cached_contributors
    cached_tags
    cached_image
    featured_book_series {
      position
      series { id name primary_books_count }
    }
  }
})"};

const document edition_meta{"EditionMeta",
                            R"(query EditionMeta($editionId: Int!) {
  editions(where: { id: { _eq: $editionId } }) {
    id
    book_id
    title
    subtitle
    isbn_10
    isbn_13
    asin
    pages
    audio_seconds
    reading_format_id
    edition_format
    release_date
    release_year
    cached_contributors
    cached_image
    language { code2 code3 language }
    publisher { name }
  }
})"};

const document book_series_list{"BookSeriesList",
                                R"(query BookSeriesList($bookId: Int!) {
  book_series(where: { book_id: { _eq: $bookId } }, order_by: { position: asc }) {
    position
    featured
    series { id name primary_books_count }
  }
})"};

}  // namespace carrel::ingest::sources::hardcover_records
