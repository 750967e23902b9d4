// Requests that no good app sends, at every address of the catalog: an answer of its own form, never a failure (opds.md 3.3, 6.4,
// 7.2, rule 18).
#include <algorithm>
#include <catch2/catch.hpp>
#include <pugixml.hpp>

#include "library/cursor.hpp"
#include "library/shelf.hpp"
#include "server/core/text.hpp"
#include "tests/integration/opds/judges.hpp"
#include "tests/integration/opds/world.hpp"
#include "tests/unit/opds/checks.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

using strings = std::vector<std::string>;

const std::string nobody = "00000000-0000-7000-8000-00000000ffff";

struct stocked {
  world w;
  std::vector<made_book> made;
  uuid shelf{};

  stocked() {
    std::vector<book_draft> drafts;
    for (int i = 0; i < 30; ++i) {
      drafts.push_back({.title = "Tide " + std::to_string(i),
                        .authors = {"Author " + std::to_string(i)},
                        .series = "Series " + std::to_string(i % 12),
                        .index = i,
                        .tags = {"tag " + std::to_string(i % 12)},
                        .languages = {i % 2 ? "en" : "fr"},
                        .format = i % 3 ? "epub" : "pdf",
                        .extension = i % 3 ? ".epub" : ".pdf",
                        .published = std::to_string(1960 + i),
                        .genres = {"Fantasy"},
                        .publisher = "Harbour"});
    }
    made = w.add_all(drafts);
    w.change([&](db::tx& tx) {
      shelf = library::create_shelf(tx, w.owner.user, "All", true)->id;
      std::vector<uuid> all;
      for (const made_book& b : made) all.push_back(b.id);
      library::add_to_shelf(tx, w.owner.user, shelf, all);
    });
  }

  // Lists that are paged, below the root of either version.
  strings paged() const {
    return {"/new",
            "/books",
            "/random",
            "/search?q=tide",
            "/search?q=tide&order=rating",
            "/authors",
            "/authors?i=A",
            "/series",
            "/genres",
            "/tags",
            "/publishers",
            "/languages",
            "/formats",
            "/libraries",
            "/years",
            "/years/1960s",
            "/years/1961",
            "/reading",
            "/ondeck",
            "/sync",
            "/ratings",
            "/languages/en",
            "/formats/epub",
            "/shelves",
            "/new?fmt=pdf",
            "/books?lang=fr",
            "/new?order=rating",
            "/new?order=published",
            "/shelves/" + shelf.text()};
  }
  // Everything else that is read.
  strings others() const {
    std::string book = made.front().id.text(), file = made.front().file.text();
    strings out{"/opds/search.xml",
                "/opds/auth.json",
                "/opds/icon.png",
                "/opds/books/" + book + "/progression",
                "/opds/books/" + book + "/locator",
                "/opds/v2/books/" + book + "/manifest",
                "/opds/v2/books/" + book + "/positions",
                "/opds/dl/" + file + "/x.epub",
                "/opds/pse/" + file + "/0",
                "/opds/pages/" + file + "/1",
                "/opds/res/" + file + "/x",
                "/opds/audio/" + file + "/1",
                "/covers/" + book + "/300",
                "/opds/v1.2/catalog"};
    for (const char* tree : {"/opds", "/opds/v2"}) {
      for (const char* path : {"", "/catalog", "/authors/", "/series/", "/genres/", "/tags/", "/publishers/", "/libraries/",
                               "/languages/", "/formats/", "/ratings/", "/years/", "/shelves/", "/books/"}) {
        std::string at = std::string(tree) + path;
        out.push_back(at.ends_with('/') ? at + nobody : at);
      }
      out.push_back(std::string(tree) + "/books/" + book);
    }
    return out;
  }
  strings everything() const {
    strings out = others();
    for (const std::string& path : paged()) {
      out.push_back("/opds" + path);
      out.push_back("/opds/v2" + path);
    }
    return out;
  }
};

std::string with(const std::string& address, const std::string& query) {
  return address + (address.find('?') == std::string::npos ? "?" : "&") + query;
}

bool is_place(const std::string& address) {
  return address.find("/progression") != std::string::npos || address.find("/locator") != std::string::npos;
}

// Refused in the form that its clients know, or answered.
void check_form(const reply& r, const std::string& address) {
  CHECK(r.status < 500);
  if (r.status < 400) return;
  if (is_place(address)) {
    CHECK(r.header("Content-Type") == "application/problem+json");
    return;
  }
  CHECK(r.header("Content-Type") == "text/plain;charset=utf-8");
  CHECK(std::count(r.body.begin(), r.body.end(), '\n') == 1);
  CHECK(r.body.size() < 200);
}

std::string token_in(const std::string& body) {
  std::size_t at = body.find("after=");
  if (at == std::string::npos) return "";
  std::size_t end = body.find_first_of("\"&", at);
  return body.substr(at + 6, end - at - 6);
}

}  // namespace

TEST_CASE("odd questions are answered at every address, and what means nothing changes nothing") {
  stocked s;
  auto http = s.w.as(s.w.owner);
  const strings nothing{
      "n=",         "n=abc",         "n=1.5",      "n=0x10",         "lang=zz",        "fmt=exe",
      "lib=7",      "lib=" + nobody, "read=never", "order=sideways", "pos=middle",     "i=%20",
      "count=many", "w=wide",        "as=tiff",    "after=",         "before={token}", "%F0%9F%90%99=1",
      "=&&&=",      "q%00=x",        "lang=%FF",   "startIndex=-4",  "startPage=x",    "lang=" + std::string(5000, 'x')};
  for (const std::string& address : s.everything()) {
    bool changing = address.find("/random") != std::string::npos || address.find("/sync") != std::string::npos;
    reply usual = http->get(address);
    CHECK(usual.status < 500);
    for (const std::string& odd : nothing) {
      INFO(with(address, odd).substr(0, 120));
      reply r = http->get(with(address, odd));
      check_form(r, address);
      CHECK(r.status == usual.status);
      if (!changing && usual.status == 200) CHECK(r.body == usual.body);
    }
  }
}

TEST_CASE("absurd page sizes are taken as the nearest that there is") {
  stocked s;
  auto http = s.w.as(s.w.owner);
  struct wish {
    std::string n;
    std::size_t least, most;
  };
  for (const wish& k :
       {wish{"0", 5, 5}, wish{"-7", 5, 5}, wish{"1", 5, 5}, wish{"99999999", 30, 30}, wish{"-9223372036854775808", 5, 5}}) {
    for (const std::string& path : s.paged()) {
      INFO(path << " n=" << k.n);
      reply atom = http->get(with("/opds" + path, "n=" + k.n)), json = http->get(with("/opds/v2" + path, "n=" + k.n));
      CHECK(atom.status == 200);
      CHECK(json.status == 200);
      CHECK(titles_of(atom.body).size() <= k.most);
    }
    CHECK(titles_of(http->get("/opds/new?n=" + k.n).body).size() == k.least);
  }
  CHECK(titles_of(http->get("/opds/new?n=99999999999999999999999").body).size() == 30);  // no number is none
}

TEST_CASE("page addresses of another list, cut off and made up are refused at every paged list") {
  stocked s;
  auto http = s.w.as(s.w.owner);
  library::cursor c{.from = library::cursor::side::after, .key = "1", .key2 = "", .id = {}, .ordinal = 6};
  strings bad{"x",
              "AAAA",

              "..%2F..",
              std::string(599, 'A'),
              std::string(4000, 'A'),
              library::to_token(c, "another list"),
              "%F0%9F%90%99"};
  for (const std::string& path : s.paged()) {
    for (const char* tree : {"/opds", "/opds/v2"}) {
      for (const std::string& token : bad) {
        for (const char* side : {"after=", "before="}) {
          std::string address = with(tree + path, side + token);
          INFO(address.substr(0, 120));
          reply r = http->get(address), head = http->head(address);
          CHECK(r.status == 400);
          CHECK(head.status == 400);
          check_form(r, address);
        }
      }
    }
  }
}

TEST_CASE("a page address in which any one sign was changed is refused, or shows a page of the same list") {
  stocked s;
  auto http = s.w.as(s.w.owner);
  for (const std::string& path : s.paged()) {
    std::string address = with("/opds" + path, "n=5");
    std::string token = token_in(http->get(address).body);
    INFO(address << " " << token);
    for (std::size_t i = 0; i < token.size(); ++i) {
      for (char other : {'A', '9', '_'}) {
        std::string changed = token;
        changed[i] = other;
        for (const char* side : {"&after=", "&before="}) {
          reply r = http->get(address + side + changed);
          check_form(r, address);
          CHECK((r.status == 200 || r.status == 400));
        }
      }
    }
    for (std::size_t cut = 1; cut < token.size(); ++cut)
      check_form(http->get(address + "&after=" + token.substr(0, cut)), address);
  }
}

TEST_CASE("long searches are cut, longer ones refused, and signs alone find nothing") {
  stocked s;
  auto http = s.w.as(s.w.owner);
  for (const std::string& at : {std::string("/opds/search?q="), std::string("/opds/v2/search?query=")}) {
    for (const std::string& terms :
         {std::string(7000, 'x'), "tide%20" + std::string(6000, '1'), std::string(2000, '%'), std::string("%22%22%22"),
          std::string("%27%3A%2A%26%7C%21%28%29"), std::string("%3C%3E%5C%5C"), std::string("%F0%9F%90%99"),
          std::string("%FF%FE"), std::string("a%00b"), std::string("tide%20%26%20%21"),
          std::string("0tag0%200series0%200language0en"), std::string("author%3A%20title%3A%20%22")}) {
      INFO(at + terms.substr(0, 60));
      reply r = http->get(at + terms);
      CHECK(r.status == 200);
    }
    reply cut = http->get(at + "tide" + std::string(1200, '+') + std::string(5000, 'z'));
    CHECK(cut.status == 200);
    reply refused = s.w.as(s.w.owner)->get(at + std::string(10'000, 'x'));
    CHECK(refused.status == 414);
    CHECK(std::count(refused.body.begin(), refused.body.end(), '\n') == 1);
  }
}

TEST_CASE("whatever versions, languages, codings, ranges and tags a client names, nobody is turned away") {
  stocked s;
  auto http = s.w.as(s.w.owner);
  const std::vector<headers> odd{
      {{"Accept", "application/opds+json;version=9"}},
      {{"Accept", "application/atom+xml;profile=opds-catalog;version=3.0"}},
      {{"Accept", "*/*;q=0"}},
      {{"Accept", std::string(3000, ',')}},
      {{"Accept", "application/opds+json;q=nan, application/atom+xml;q=-1"}},
      {{"Accept-Language", "tlh-Latn;q=2, ,;;;," + std::string(2000, '-')}},
      {{"Accept-Encoding", "zstd;q=1, identity;q=0"}},
      {{"Accept-Encoding", "gzip;q=banana"}},
      {{"If-None-Match", "W/, \"\", *x, " + std::string(3000, '"')}},
      {{"If-Modified-Since", "yesterday"}},
      {{"If-Modified-Since", "Thu, 01 Jan 9999 00:00:00 GMT"}},
      {{"If-Range", "\"x"}, {"Range", "bytes=5-1"}},
      {{"Range", "pages=1-2"}},
      {{"Range", "bytes=-"}},
      {{"User-Agent", std::string(3000, 'K')}},
  };
  for (const std::string& address : s.everything()) {
    reply usual = http->get(address);
    for (const headers& h : odd) {
      INFO(address << " " << h.front().first << ": " << h.front().second.substr(0, 60));
      reply r = http->get(address, h);
      check_form(r, address);
      bool in_part = r.status == 206 || r.status == 304 || r.status == 416;
      if (!in_part) CHECK(r.status == usual.status);
      CHECK(r.status != 406);
    }
  }
}
