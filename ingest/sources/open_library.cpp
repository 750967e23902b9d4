// Open Library (metadata-providers.md 4): the search gives work, authors and an edition in one answer, the edition by its ISBN
// gives the rest.

#include <string>
#include <utility>

#include "ingest/sources/open_library_records.hpp"
#include "ingest/sources/talk.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest::sources {
namespace {

using namespace open_library_records;

// Without `fields` there are neither ISBNs nor subjects; with all of them answers are very large.
constexpr std::string_view fields =
    "key,title,subtitle,author_name,author_key,first_publish_year,edition_count,cover_i,cover_edition_key,isbn,language,"
    "number_of_pages_median,publisher,publish_year,subject,series_name,series_position,ratings_average,ratings_count,editions,"
    "editions.key,editions.title,editions.subtitle,editions.isbn,editions.language,editions.publisher,editions.publish_date,"
    "editions.cover_i";

constexpr int most_hops = 3;
constexpr std::size_t most_authors = 2;

bool is_redirect(unsigned status) { return status >= 301 && status <= 308 && status != 304; }

class open_library_talk final : public talk {
 public:
  open_library_talk(const question& asked, const preferences& settings) : talk(asked, settings) {
    std::vector<std::string> isbns = isbns_of(asked);
    if (isbns.empty()) {
      search_by_title();
      return;
    }
    plan("isbn", target_of("/search.json", {{"isbn", isbns.front()}, {"fields", std::string(fields)}, {"limit", "10"}}));
    plan("isbn", "/isbn/" + isbns.front() + ".json");
  }

 private:
  void search_by_title() {
    constexpr std::size_t longest_title = 200;
    std::string title = main_title(asked_.title, longest_title);
    if (std::exchange(searched_, true) || title.empty()) return;
    std::string language = asked_.language.substr(0, asked_.language.find('-'));
    plan("search", target_of("/search.json", {{"title", title},
                                              {"author", first_author(asked_)},
                                              {"lang", language.size() == 2 ? language : ""},
                                              {"fields", std::string(fields)},
                                              {"limit", "10"}}));
  }

  void heard(const ask& asked, const reply& answer, const node& body) override {
    if (asked.target.starts_with("/search.json")) {
      for (const node& doc : body["docs"].items()) add(from_search(doc, asked.kind, asked_, settings_));
      if (asked.kind == "search") complete();
    } else if (asked.target.starts_with("/works/")) {
      on_work(body);
    } else if (asked.target.starts_with("/authors/")) {
      on_author(body);
    } else {
      on_edition(answer, body);
    }
  }

  // A redirect or a merged record leads to another edition, a deleted one to nothing. Only the key is taken from what they name:
  // the next question goes to the same server, whatever the address.
  void on_edition(const reply& answer, const node& body) {
    std::string type = body["type"]["key"].text(), next;
    if (is_redirect(answer.status)) next = key_of(answer.location, 'M');
    if (type == "/type/redirect" && !std::exchange(merged_, true)) next = key_of(body["location"].text(), 'M');
    if (!next.empty() && hops_++ < most_hops) return plan_first("isbn", "/books/" + next + ".json");
    bool edition = answer.status == 200 && type != "/type/redirect" && type != "/type/delete";
    if (edition) add_edition(body);
    if (acceptable())
      complete();
    else
      search_by_title();
  }

  void add_edition(const node& body) {
    std::vector<node> works = body["works"].items(1);
    std::string work = works.empty() ? "" : key_of(works.front()["key"].text(), 'W');
    std::string key = key_of(body["key"].text(), 'M');
    if (key.empty()) return;
    record r;
    if (record* same = of_key(key)) {
      r = *same;
    } else if (record* whole = work.empty() ? nullptr : of_key(work)) {
      r = *whole;  // the search knew the work, not this edition
      drop(work);
    }
    r.query_kind = "isbn";
    read_edition(r, body, asked_, settings_);
    authors_ = author_keys(body);
    authors_of_ = key;
    add(std::move(r));
  }

  // What the likeliest record still lacks is asked of its work, and the names of its authors one by one.
  void complete() {
    record* best = acceptable();
    if (!best) return;
    chosen_ = best->provider_key;
    if (chosen_ != authors_of_) authors_.clear();
    std::string work;
    for (const auto& [scheme, value] : best->identifiers) {
      if (scheme == "openlibrary_work") work = value;
    }
    bool lacking = best->description.empty() || best->genres.empty() || best->authors.empty();
    if (lacking && !work.empty()) return plan("id", "/works/" + work + ".json");
    ask_authors();
  }

  void on_work(const node& body) {
    std::string next = key_of(body["location"].text(), 'W');
    if (body["type"]["key"].text() == "/type/redirect" && !next.empty() && !std::exchange(moved_, true))
      return plan_first("id", "/works/" + next + ".json");
    if (record* r = of_key(chosen_)) read_work(*r, body, settings_);
    if (authors_.empty()) authors_ = author_keys(body);
    ask_authors();
  }

  void ask_authors() {
    record* r = of_key(chosen_);
    if (!r || !r->authors.empty()) return;
    for (std::size_t i = 0; i < authors_.size() && i < most_authors; ++i) plan("id", "/authors/" + authors_[i] + ".json");
  }

  void on_author(const node& body) {
    record* r = of_key(chosen_);
    std::string name = body["name"].text();
    if (name.empty()) name = body["personal_name"].text();
    if (r) add_person(*r, name);
  }

  std::vector<std::string> authors_;
  std::string authors_of_, chosen_;
  int hops_ = 0;
  bool searched_ = false, merged_ = false, moved_ = false;
};

}  // namespace

std::unique_ptr<conversation> open_library(const question& asked, const preferences& settings) {
  return std::make_unique<open_library_talk>(asked, settings);
}

}  // namespace carrel::ingest::sources
