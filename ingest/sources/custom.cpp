// A server of somebody's own that speaks the small search protocol (metadata-providers.md 7).

#include "ingest/sources/normalise.hpp"
#include "ingest/sources/talk.hpp"
#include "publication/people.hpp"
#include "publication/unicode.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest::sources {
namespace {

// "A, B; C & D"
std::vector<std::string> people_of(const node& n) {
  constexpr std::size_t longest = 3000;
  std::vector<std::string> out;
  for (const std::string& text : n.texts()) {
    for (const std::string& part : split_names(one_line(text, longest))) {
      for (std::string& name : publication::split_people_at_commas(part)) out.push_back(std::move(name));
    }
  }
  return out;
}

// A list, or one text with commas.
std::vector<std::string> words_of(const node& n) {
  constexpr std::size_t longest = 3000;
  if (n.empty() || !n.value()->as_text()) return n.texts();
  return split(cut_utf8(*n.value()->as_text(), longest), ',');
}

// The protocol has no ids: what tells editions apart stands for one.
std::string key_of(const record& r) {
  constexpr std::size_t length = 20;
  std::string all = r.isbn_13 + "\n" + r.asin + "\n" + publication::fold(r.title);
  for (const std::string& name : r.authors) all += "\n" + publication::fold(name);
  all += "\n" + r.publisher + "\n" + (r.published_year ? std::to_string(*r.published_year) : "");
  return sha256_hex(all).substr(0, length);
}

class custom_talk final : public talk {
 public:
  custom_talk(const question& asked, const preferences& settings) : talk(asked, settings) {
    constexpr std::size_t longest_title = 300;
    std::vector<std::string> isbns = isbns_of(asked);
    std::string title = one_line(asked.title, longest_title);
    if (title.empty() && isbns.empty()) return;
    plan("search", target_of("/search", {{"query", title.empty() ? isbns.front() : title},
                                         {"author", first_author(asked)},
                                         {"isbn", isbns.empty() ? "" : isbns.front()},
                                         {"mediaType", "book"}}));
  }

 private:
  void heard(const ask& asked, const reply&, const node& body) override {
    for (const node& match : body["matches"].items()) add(book(match, asked.kind));
  }

  record book(const node& m, const std::string& kind) const {
    constexpr std::size_t most_tags = 20;
    record r;
    r.query_kind = kind;
    set_title(r, m["title"].text(), m["subtitle"].text());
    for (const std::string& name : people_of(m["author"])) add_person(r, name);
    for (const std::string& name : people_of(m["narrator"])) add_person(r, name, "narrator");
    r.publisher = one_line(m["publisher"].text(), 300);
    set_date(r, m["publishedYear"].text());
    r.description = description_of(m["description"].text());
    add_cover(r, m["cover"].text());
    set_isbn(r, {m["isbn"].text()}, asked_);
    r.asin = asin_of(m["asin"].text());
    r.genres = genres_of_names(words_of(m["genres"]), settings_.genres);
    add_names(r.tags, words_of(m["tags"]), most_tags);
    for (const node& s : m["series"].items()) add_series(r, s["series"].text(), s["sequence"].text());
    r.language = language_of(m["language"].text());
    std::optional<double> minutes = m["duration"].number();
    if (minutes) r.duration_seconds = seconds_of(*minutes * 60);
    r.provider_key = key_of(r);
    r.raw = storable(m);
    return r;
  }
};

}  // namespace

std::unique_ptr<conversation> custom(const question& asked, const preferences& settings) {
  return std::make_unique<custom_talk>(asked, settings);
}

}  // namespace carrel::ingest::sources
