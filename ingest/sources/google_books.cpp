// Google Books (metadata-providers.md 3).

#include <algorithm>

#include "ingest/sources/normalise.hpp"
#include "ingest/sources/talk.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest::sources {
namespace {

constexpr std::size_t longest_title = 60;  // longer ones find less

std::string unquoted(std::string s, std::string_view marks) {
  for (char& c : s) {
    if (marks.find(c) != std::string_view::npos) c = ' ';
  }
  return std::string(trim(s));
}

std::string search_target(const std::string& q) {
  return target_of("/volumes",
                   {{"q", q}, {"maxResults", "10"}, {"printType", "books"}, {"fields", "totalItems,items(id,volumeInfo)"}});
}

// The first is the one to try first. zoom and img are left alone: a signed address with others is refused, and the larger links
// show pages of the inside.
void read_cover(record& r, const node& links, bool secure) {
  std::string address = links["thumbnail"].text();
  if (address.empty()) address = links["smallThumbnail"].text();
  address = web_address(address);
  if (address.empty()) return;
  if (secure && address.starts_with("http://")) address.replace(0, 4, "https");
  for (std::string_view curl : {"&edge=curl", "edge=curl&", "edge=curl"}) {
    std::size_t at = address.find(curl);
    if (at != std::string::npos) address.erase(at, curl.size());
  }
  add_cover(r, address + (address.find('?') == std::string::npos ? "?" : "&") + "fife=w800");
  add_cover(r, address);
}

bool is_volume_id(const std::string& id) {
  constexpr std::size_t longest = 40;
  return !id.empty() && id.size() <= longest && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
  });
}

class google_books_talk final : public talk {
 public:
  google_books_talk(const question& asked, const preferences& settings) : talk(asked, settings) {
    for (const std::string& isbn : isbns_of(asked)) plan("isbn", search_target("isbn:" + isbn));
    std::string title = unquoted(main_title(asked.title, longest_title), "\""), author = unquoted(first_author(asked), "\"");
    if (title.empty()) return;
    std::string q = "intitle:\"" + title + "\"";
    if (!author.empty()) q += " inauthor:\"" + author + "\"";
    plan("search", search_target(q));
    // A colon would make an operator of the word before it.
    plan("search", search_target(unquoted(title + " " + author, ":")));
  }

 private:
  void heard(const ask& asked, const reply&, const node& body) override {
    if (asked.kind == "id") return take_whole(body);
    for (const node& item : body["items"].items()) add(volume(item, asked.kind));
    record* best = acceptable();
    if (!best) return;
    forget_plans();
    // In a list descriptions are cut and categories are the top ones alone.
    plan("id", "/volumes/" + percent_encode(best->provider_key));
  }

  void take_whole(const node& body) {
    record* known = of_key(body["id"].text());
    if (known) add(volume(body, known->query_kind));
  }

  record volume(const node& item, const std::string& kind) const {
    record r;
    std::string id = item["id"].text();
    if (!is_volume_id(id)) return r;
    node v = item["volumeInfo"];
    r.provider_key = id;
    r.query_kind = kind;
    set_title(r, v["title"].text(), v["subtitle"].text());
    for (const std::string& name : v["authors"].texts()) add_person(r, name);
    r.publisher = one_line(v["publisher"].text(), 300);
    set_date(r, v["publishedDate"].text());
    r.language = language_of(v["language"].text());
    read_numbers(r, v["industryIdentifiers"]);
    r.description = description_of(v["description"].text());
    r.page_count = page_count_of(v["pageCount"]);
    r.genres = genres_of_paths(v["categories"].texts(), settings_.genres);
    set_rating(r, v["averageRating"], v["ratingsCount"]);
    if (v["maturityRating"].text() == "MATURE") r.explicit_content = true;
    if (v["maturityRating"].text() == "NOT_MATURE") r.explicit_content = false;
    read_cover(r, v["imageLinks"], !settings_.google_books_url.starts_with("http://"));
    add_identifier(r, "google", id);
    r.url = web_address(v["canonicalVolumeLink"].text());
    if (r.url.empty()) r.url = web_address(v["infoLink"].text());
    r.raw = storable(item);
    return r;
  }

  // An answer to isbn: may be a volume without that number: only what it carries itself counts.
  void read_numbers(record& r, const node& list) const {
    std::vector<std::string> isbns;
    for (const node& one : list.items()) {
      std::string type = one["type"].text();
      if (type == "ISBN_13" || type == "ISBN_10") isbns.push_back(one["identifier"].text());
    }
    set_isbn(r, isbns, asked_);
  }
};

}  // namespace

std::unique_ptr<conversation> google_books(const question& asked, const preferences& settings) {
  return std::make_unique<google_books_talk>(asked, settings);
}

}  // namespace carrel::ingest::sources
