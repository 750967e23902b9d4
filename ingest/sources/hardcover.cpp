// Hardcover as a source (metadata-providers.md 5). Editions by number, else books by text; then all about the likeliest one.

#include <algorithm>
#include <map>
#include <utility>

#include "ingest/sources/hardcover_records.hpp"
#include "ingest/sources/talk.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest::sources {
namespace {

using namespace hardcover_records;

constexpr std::string_view base = "/";  // the base URL is the whole address
constexpr int most_editions = 300, most_hits = 10, most_hops = 3;
constexpr std::size_t most_candidates = 10, longest_query = 120;

class hardcover_talk final : public talk {
 public:
  hardcover_talk(const question& asked, const preferences& settings) : talk(asked, settings) {
    if (asked.audio) ask_asin();
    ask_isbn();
    if (!asked.audio) ask_asin();
    if (!has_plans()) search();
  }

 private:
  // What one record is made of, in the order in which it is read.
  struct parts {
    std::string kind;
    std::int64_t book = 0, edition = 0;
    json::value found, row, about_book, about_edition, series;
  };

  void ask_isbn() {
    std::vector<std::string> isbns = isbns_of(asked_);
    if (isbns.empty()) return;
    std::vector<std::string> tens(isbns.begin() + 1, isbns.end());
    json::object variables{{"isbn13", std::vector<std::string>{isbns.front()}}, {"isbn10", tens}, {"limit", most_editions}};
    plan("isbn", std::string(base), request(editions_by_isbn, std::move(variables)));
  }

  void ask_asin() {
    std::string asin = asin_of(asked_.asin);
    if (asin.empty()) return;
    json::object variables{{"asins", std::vector<std::string>{asin}}, {"limit", most_editions}};
    plan("asin", std::string(base), request(editions_by_asin, std::move(variables)));
  }

  // First with the author, then the title alone.
  void search() {
    std::string q = main_title(asked_.title, longest_query), author = first_author(asked_);
    if (q.empty() || searches_ == 2) return;
    if (searches_++ == 0 && !author.empty())
      q = std::string(trim(cut_utf8(q + " " + author, longest_query)));
    else
      searches_ = 2;
    plan("search", std::string(base), request(search_books, {{"q", q}, {"perPage", most_hits}, {"page", 1}}));
  }

  void heard(const ask& asked, const reply&, const node& body) override {
    node data = data_of(body);
    if (asked.kind == "search") {
      on_search(asked, data["search"]);
    } else if (asked.kind == "id") {
      on_part(data);
    } else {
      on_editions(asked.kind, data["editions"]);
    }
  }

  void on_editions(const std::string& kind, const node& rows) {
    std::vector<node> matching;
    for (const node& row : rows.items(most_editions)) {
      if (has_number(row)) matching.push_back(row);
    }
    // Hardcover has put the most read ones first; of those a recording is for listeners and everything else for readers.
    std::stable_partition(matching.begin(), matching.end(), [&](const node& row) {
      constexpr std::int64_t audio = 2;
      return (row["reading_format_id"].id() == audio) == asked_.audio;
    });
    if (matching.size() > most_candidates) matching.resize(most_candidates);
    for (const node& row : matching) {
      parts p;
      p.kind = kind;
      p.book = row["book"]["canonical_id"].id();
      if (p.book == 0) p.book = row["book_id"].id();
      p.edition = row["id"].id();
      p.row = *row.value();
      put(std::move(p));
    }
    settle();
  }

  bool has_number(const node& row) const {
    record r;
    read_edition(r, row, asked_);
    std::vector<std::string> wanted = isbns_of(asked_);
    std::string asin = asin_of(asked_.asin);
    return (!wanted.empty() && r.isbn_13 == wanted.front()) || (!asin.empty() && r.asin == asin);
  }

  void on_search(const ask& asked, const node& answer) {
    json::value documents = search_documents(answer);
    // An error of the search passes, mostly: it is asked once more.
    bool failed = answer.is_object() && (!answer["error"].empty() || answer["results"].empty());
    if (failed && !std::exchange(repeated_, true)) return plan_first(asked.kind, asked.target, asked.body);
    for (const node& d : node(documents).items(most_hits)) {
      parts p;
      p.kind = asked.kind;
      p.book = d["id"].id();
      p.found = *d.value();
      put(std::move(p));
    }
    settle();
  }

  void settle() {
    record* best = acceptable();
    if (best) {
      forget_plans();
      chosen_ = best->provider_key;
      ask_parts();
    } else if (!has_plans()) {
      search();
    }
  }

  void ask_parts() {
    const parts& p = parts_[chosen_];
    if (p.about_book.is_null()) plan("id", std::string(base), request(book_meta, {{"bookId", p.book}}));
    if (p.edition != 0 && p.about_edition.is_null())
      plan("id", std::string(base), request(edition_meta, {{"editionId", p.edition}}));
    if (p.series.is_null()) plan("id", std::string(base), request(book_series_list, {{"bookId", p.book}}));
  }

  void on_part(const node& data) {
    parts p = parts_[chosen_];
    if (std::vector<node> books = data["books"].items(1); !books.empty()) {
      std::int64_t other = books.front()["canonical_id"].id();
      if (other != 0 && other != p.book && hops_++ < most_hops) return move_to(std::move(p), other);
      if (books.front()["id"].id() == p.book) p.about_book = *books.front().value();
    }
    if (std::vector<node> editions = data["editions"].items(1); !editions.empty() && editions.front()["id"].id() == p.edition)
      p.about_edition = *editions.front().value();
    if (data["book_series"].value()) p.series = *data["book_series"].value();
    put(std::move(p));
  }

  // The book was merged into another one: from here on that is the book.
  void move_to(parts p, std::int64_t book) {
    drop(chosen_);
    parts_.erase(chosen_);
    p.book = book;
    chosen_ = key_of(p);
    put(std::move(p));
    forget_plans();
    ask_parts();
  }

  static std::string key_of(const parts& p) {
    std::string key = "hc:" + std::to_string(p.book);
    return p.edition == 0 ? key : key + ":" + std::to_string(p.edition);
  }

  void put(parts p) {
    if (p.book == 0) return;
    add(made_of(p));
    std::string key = key_of(p);
    parts_[key] = std::move(p);
  }

  record made_of(const parts& p) const {
    record r;
    r.provider_key = key_of(p);
    r.query_kind = p.kind;
    read_search_document(r, node(p.found), asked_, settings_);
    read_book(r, node(p.row)["book"], asked_, settings_);
    read_book(r, node(p.about_book), asked_, settings_);
    read_edition(r, node(p.row), asked_);
    read_edition(r, node(p.about_edition), asked_);
    read_series(r, node(p.series));
    add_identifier(r, "hardcover_book", std::to_string(p.book));
    r.url = web_address(settings_.hardcover_web_url + "/id/book/" + std::to_string(p.book));
    if (p.edition != 0) {
      add_identifier(r, "hardcover_edition", std::to_string(p.edition));
      r.url = web_address(settings_.hardcover_web_url + "/id/edition/" + std::to_string(p.edition));
    }
    const json::value& first = p.about_book.is_null() ? (p.found.is_null() ? p.row : p.found) : p.about_book;
    json::value both = json::object{{"book", first}, {"edition", p.about_edition.is_null() ? p.row : p.about_edition}};
    r.raw = storable(node(both));
    return r;
  }

  std::map<std::string, parts> parts_;  // by key
  std::string chosen_;
  int searches_ = 0, hops_ = 0;
  bool repeated_ = false;
};

}  // namespace

std::unique_ptr<conversation> hardcover(const question& asked, const preferences& settings) {
  return std::make_unique<hardcover_talk>(asked, settings);
}

}  // namespace carrel::ingest::sources
