#include <catch2/catch.hpp>

#include "opds/lists.hpp"
#include "opds/pages.hpp"
#include "opds/search.hpp"
#include "tests/unit/opds/checks.hpp"
#include "tests/unit/opds/samples.hpp"

using namespace carrel;
using namespace carrel::opds;
using namespace carrel::opds::tests;

namespace {

http::request get(const std::string& target, http::header_list headers = {}) {
  http::request::parts p;
  p.target = target;
  p.headers = std::move(headers);
  return http::request(std::move(p));
}

std::vector<std::string> letters(int count) {
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) out.emplace_back(1, static_cast<char>('A' + i));
  return out;
}

}  // namespace

TEST_CASE("template placeholders and empty values are absent") {
  http::request in = get("/opds/search?q=%7BsearchTerms%7D&author={atom:author?}&title=&tag=++&series=a+b");
  CHECK_FALSE(asked(in, "q"));
  CHECK_FALSE(asked(in, "author"));
  CHECK_FALSE(asked(in, "title"));
  CHECK_FALSE(asked(in, "tag"));
  CHECK(asked(in, "series") == "a b");
}

TEST_CASE("a damaged token and one of another list are refused with 400") {
  library::cursor c = cursor_at(library::cursor::side::after, "1777885953000000", 51);
  std::string token = library::to_token(c, "newest:");
  CHECK(turn_from(get("/opds/new?after=" + token), "newest:").cursor.ordinal == 51);
  auto status = [&](const std::string& target, const std::string& list) {
    try {
      turn_from(get(target), list);
    } catch (const http::problem& p) {
      return p.status;
    }
    return 200u;
  };
  CHECK(status("/opds/new?after=" + token, "title:") == 400);
  CHECK(status("/opds/new?after=" + token.substr(0, 20), "newest:") == 400);
  CHECK(status("/opds/new?before=%21%21%21", "newest:") == 400);
  CHECK(status("/opds/new?after=" + std::string(4000, 'A'), "newest:") == 400);
  CHECK(status("/opds/new?after=&pos=elsewhere", "newest:") == 200);
  CHECK(turn_from(get("/opds/new?pos=end"), "newest:").cursor.from == library::cursor::side::end);
}

TEST_CASE("a short list is walked forwards and backwards without gaps") {
  std::vector<std::string> keys = letters(17);
  std::vector<std::string> forward, backward;
  library::cursor c;
  for (int pages = 0; pages < 10; ++pages) {
    slice s = slice_of(keys, c, 5);
    for (std::size_t i = s.first; i < s.first + s.count; ++i) forward.push_back(keys[i]);
    if (!s.next) break;
    c = *s.next;
    c.from = library::cursor::side::after;
  }
  CHECK(forward == keys);
  c = cursor_at(library::cursor::side::end, "", 0);
  for (int pages = 0; pages < 10; ++pages) {
    slice s = slice_of(keys, c, 5);
    backward.insert(backward.begin(), keys.begin() + static_cast<long>(s.first),
                    keys.begin() + static_cast<long>(s.first + s.count));
    if (!s.previous) break;
    c = *s.previous;
    c.from = library::cursor::side::before;
  }
  CHECK(backward.size() >= 17);
  CHECK(std::vector<std::string>(backward.end() - 15, backward.end()) == std::vector<std::string>(keys.begin() + 2, keys.end()));
}

TEST_CASE("a page of a short list whose anchor went away goes on at its place") {
  std::vector<std::string> keys = letters(12);
  slice first = slice_of(keys, {}, 5);
  keys.erase(keys.begin() + 4);
  library::cursor after = *first.next;
  after.from = library::cursor::side::after;
  slice second = slice_of(keys, after, 5);
  CHECK(second.first >= 4);
  CHECK(second.first <= 5);
  CHECK(slice_of({}, after, 5).count == 0);
}

TEST_CASE("the description document has the plain template first and keeps braces raw") {
  std::string text = description_document(addresses("https://books.example.net/books", 10), tongue::english);
  CHECK(text.find("template=\"https://books.example.net/books/opds/search?n=10&amp;q={searchTerms}\"") != std::string::npos);
  CHECK(text.find("{searchTerms}") < text.find("{searchTerms?}"));
  CHECK(text.find("{atom:author?}") != std::string::npos);
  CHECK(text.find("&amp;amp;") == std::string::npos);
  CHECK(refused({text}) == "");
}

TEST_CASE("the tag of a feed tells accounts, states, windows and bases apart") {
  http::request in = get("/opds/new");
  visit v = some_visit(in);
  set_clock(at(1777885953 + 60));
  depends covers{.covers = true};
  std::string tag = validators_of(v, covers).etag;
  CHECK(tag.starts_with("\"4-88213-"));
  auto changed = [&](auto change, const depends& on) {
    visit other = v;
    change(other);
    return validators_of(other, on).etag != validators_of(v, on).etag;
  };
  CHECK(changed(
      [](visit& o) {
        o.viewer = numbered(701);
        o.viewer.bytes[15] ^= 1;
      },
      covers));
  CHECK(changed([](visit& o) { o.gate.audience++; }, covers));
  CHECK(changed([](visit& o) { o.gate.catalog.number++; }, covers));
  CHECK(changed([](visit& o) { o.signing.window++; }, covers));
  CHECK_FALSE(changed([](visit& o) { o.signing.window++; }, depends{}));
  CHECK_FALSE(changed([](visit& o) { o.gate.state++; }, covers));
  CHECK(changed([](visit& o) { o.gate.state++; }, depends{.personal = true}));
  CHECK(changed([](visit& o) { o.koreader = true; }, covers));
  // A setting that changed while the server was away is a change, too.
  CHECK(changed([](visit& o) { o.at = addresses("https://other.example.net", std::nullopt); }, covers));
  CHECK(changed([](visit& o) { o.site = "https://other.example.net/"; }, depends{}));
  CHECK(changed([](visit& o) { o.page_size = 20; }, covers));
  CHECK(tag.find(' ') == std::string::npos);
  set_clock(std::nullopt);
}

TEST_CASE("Last-Modified is sent only when it is at least two seconds old and nothing personal is shown") {
  http::request in = get("/opds/new");
  visit v = some_visit(in);
  set_clock(at(1777885953 + 1));
  CHECK_FALSE(validators_of(v, depends{}).modified);
  set_clock(at(1777885953 + 2));
  REQUIRE(validators_of(v, depends{}).modified);
  CHECK(validators_of(v, depends{}).modified->time_since_epoch().count() == 1777885953);
  CHECK_FALSE(validators_of(v, depends{.personal = true}).modified);
  CHECK_FALSE(validators_of(v, depends{.dated = false}).modified);
  visit limited = v;
  limited.gate.audience = 2;
  CHECK_FALSE(validators_of(limited, depends{}).modified);
  v.sign_for = 86400;
  set_clock(at(1777885953 + 3 * 86400));
  v.signing.window = (1777885953 + 3 * 86400) / 86400;
  CHECK(validators_of(v, depends{.covers = true}).modified->time_since_epoch().count() == v.signing.window * 86400);
  set_clock(std::nullopt);
}
