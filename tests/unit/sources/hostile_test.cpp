// Replies of strangers: wrong types everywhere, nulls, deep and large JSON, damaged bytes.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "ingest/sources/choose.hpp"
#include "ingest/sources/reading.hpp"
#include "ingest/sources/score.hpp"
#include "publication/sanitise.hpp"
#include "publication/unicode.hpp"
#include "replies.hpp"
#include "server/core/text.hpp"

using namespace carrel;
using namespace carrel::test;

namespace {

struct good_talk {
  const char* source;
  src::question asked;
  book_of_replies replies;
};

src::question without_number() {
  src::question q = example();
  q.isbn_13.clear();
  return q;
}

const std::vector<good_talk>& good_talks() {
  static const std::vector<good_talk> all{
      {"google_books", example(), {{"isbn", ok(google_list())}, {"/volumes/", ok(google_volume())}}},
      {"open_library",
       example(),
       {{"/search.json", ok(open_library_search())},
        {"/isbn/", ok(open_library_edition())},
        {"/works/", ok(open_library_work())}}},
      {"hardcover",
       example(),
       {{"EditionsBy", ok(hardcover_editions())},
        {"SearchBooks", ok(hardcover_search())},
        {"BookMeta", ok(hardcover_book())},
        {"EditionMeta", ok(hardcover_edition())},
        {"BookSeriesList", ok(hardcover_series())}}},
      {"hardcover", without_number(), {{"SearchBooks", ok(hardcover_search())}, {"BookMeta", ok(hardcover_book())}}},
      {"audnexus", audio_example(), {{"/books/", ok(audnexus_book())}}},
      {"custom:x", example(), {{"/search", ok(custom_matches())}}}};
  return all;
}

bool clean(const std::string& s, std::size_t longest) {
  return s.size() <= longest && valid_utf8(s) && std::none_of(s.begin(), s.end(), is_control);
}

bool all_clean(const std::vector<std::string>& list, std::size_t most, std::size_t longest) {
  return list.size() <= most &&
         std::all_of(list.begin(), list.end(), [&](const std::string& s) { return !s.empty() && clean(s, longest); });
}

bool is_link(const std::string& url) {
  return url.empty() || ((url.starts_with("http://") || url.starts_with("https://")) && clean(url, 2000));
}

void within_limits(const src::record& r) {
  CHECK_FALSE(r.title.empty());
  CHECK(clean(r.title, 1000));
  CHECK(clean(r.subtitle, 1000));
  CHECK(clean(r.publisher, 300));
  CHECK_FALSE(r.provider_key.empty());
  CHECK(clean(r.provider_key, 60));
  CHECK(all_clean(r.authors, 100, 300));
  CHECK(all_clean(r.narrators, 100, 300));
  CHECK(all_clean(r.genres, 10, 100));
  CHECK(all_clean(r.tags, 20, 200));
  CHECK(all_clean(r.moods, 20, 200));
  CHECK(r.contributors.size() <= 100);
  CHECK(r.series.size() <= 20);
  for (const src::record_series& s : r.series) CHECK((clean(s.name, 500) && !s.name.empty() && s.position.value_or(0) <= 99'999));
  CHECK((r.published_year.value_or(2000) >= 1000 && r.published_year.value_or(2000) < 2100));
  CHECK((r.page_count.value_or(1) >= 1 && r.page_count.value_or(1) <= 20'000));
  CHECK(r.duration_seconds.value_or(1) > 0);
  CHECK((r.rating.value_or(1) > 0 && r.rating.value_or(1) <= 5));
  CHECK((r.isbn_13.empty() || publication::parse_isbn(r.isbn_13)));
  CHECK((r.isbn_10.empty() || publication::parse_isbn(r.isbn_10)));
  CHECK(publication::is_sanitised(r.description));
  CHECK(count_code_points(r.description) <= 20'000);
  CHECK(is_link(r.url));
  CHECK(is_link(r.cover.url));
  for (const std::string& other : r.cover.others) CHECK(is_link(other));
  CHECK(r.cover.others.size() <= 6);
  CHECK(json::dump(r.raw).size() <= 256 << 10);
  CHECK(json::parse(json::dump(r.normalized())));
}

void survive(const good_talk& g, const book_of_replies& replies) {
  talk_result t = held(g.source, g.asked, replies);
  CHECK(t.found.size() <= 20);
  std::vector<src::candidate> all;
  for (const src::record& r : t.found) {
    within_limits(r);
    src::score s = src::rate(src::local_of(g.asked), r);
    CHECK((s.confidence >= 0 && s.confidence <= 1));
    all.push_back({g.source, r, std::move(s)});
  }
  src::choose({}, all, src::apply_mode::replace);
  for (const src::ask& a : t.asked) {
    CHECK(a.target.starts_with("/"));
    CHECK(clean(a.target, 4000));
  }
}

// Puts something else where a value of the JSON text was.
std::string with_wrong_value(const std::string& body, std::mt19937& random) {
  static const std::vector<std::string> wrong{"null",
                                              "true",
                                              "0",
                                              "-1",
                                              "1e308",
                                              "1e999",
                                              "99999999999999999999",
                                              "\"\"",
                                              "\"\\u0000\\u202e\"",
                                              "[]",
                                              "{}",
                                              "[null]",
                                              "[[[{}]]]",
                                              R"({"key":{"key":null}})",
                                              R"(["a",1,null,{"name":"x"}])",
                                              "\"" + std::string(3000, 'w') + "\"",
                                              R"x("javascript:alert(1)")x",
                                              R"x("<script>x</script><b onclick=y>\ud83d\ude00")x"};
  std::vector<std::size_t> colons;
  for (std::size_t at = body.find("\":"); at != std::string::npos; at = body.find("\":", at + 1)) colons.push_back(at + 2);
  if (colons.empty()) return body;
  std::size_t from = colons[random() % colons.size()], to = from;
  int deep = 0;
  bool quoted = false;
  for (; to < body.size(); ++to) {
    char c = body[to];
    if (c == '\\') {
      ++to;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '[' || c == '{')) {
      ++deep;
    } else if (!quoted && (c == ']' || c == '}') && deep-- == 0) {
      break;
    } else if (!quoted && c == ',' && deep == 0) {
      break;
    }
  }
  return body.substr(0, from) + wrong[random() % wrong.size()] + body.substr(std::min(to, body.size()));
}

std::string with_wrong_bytes(std::string body, std::mt19937& random) {
  for (std::size_t i = 0, n = 1 + random() % 6; i < n && !body.empty(); ++i) {
    std::size_t at = random() % body.size(), length = 1 + random() % 40;
    switch (random() % 5) {
      case 0: body[at] = static_cast<char>(random() % 256); break;
      case 1: body.erase(at, length); break;
      case 2: body.insert(at, body.substr(random() % body.size(), length)); break;
      case 3: body.insert(at, std::string(length, static_cast<char>(random() % 256))); break;
      default: body.resize(at); break;
    }
  }
  return body;
}

}  // namespace

TEST_CASE("good replies are within limits") {
  for (const good_talk& g : good_talks()) {
    INFO(g.source);
    survive(g, g.replies);
    CHECK_FALSE(held(g.source, g.asked, g.replies).found.empty());
  }
}

TEST_CASE("300 replies of each source with values of wrong types end with clean records") {
  std::mt19937 random(20261122);
  for (const good_talk& g : good_talks()) {
    for (int i = 0; i < 300; ++i) {
      INFO(g.source << " mutation " << i);
      book_of_replies replies = g.replies;
      for (auto& [key, reply] : replies) {
        for (std::size_t n = 1 + random() % 3; n > 0; --n) reply.body = with_wrong_value(reply.body, random);
      }
      survive(g, replies);
    }
  }
}

TEST_CASE("300 replies of each source with damaged bytes end with clean records") {
  std::mt19937 random(9);
  for (const good_talk& g : good_talks()) {
    for (int i = 0; i < 300; ++i) {
      INFO(g.source << " mutation " << i);
      book_of_replies replies = g.replies;
      auto& victim = replies[random() % replies.size()].second;
      victim.body = with_wrong_bytes(victim.body, random);
      survive(g, replies);
    }
  }
}

TEST_CASE("a mutation keeps JSON readable, so that it is the values that are tested") {
  std::mt19937 random(1);
  int readable = 0;
  for (int i = 0; i < 200; ++i) readable += !src::parsed(with_wrong_value(hardcover_book(), random)).is_null();
  CHECK(readable == 200);
}

TEST_CASE("deep, endless and empty replies find nothing") {
  for (const std::string& body :
       {std::string(), std::string("null"), std::string("[]"), std::string("42"), std::string(100'000, '['),
        std::string(R"({"items":)") + std::string(5000, '[') + std::string(5000, ']') + "}", std::string(4 << 20, ' '),
        std::string(R"({"items":{"0":{}},"docs":"x","matches":7,"data":[]})"), std::string("\xff\xfe{}")}) {
    for (const good_talk& g : good_talks()) {
      INFO(g.source << " " << body.substr(0, 40));
      book_of_replies replies{{"/", ok(body)}};
      CHECK(held(g.source, g.asked, replies).found.empty());
    }
  }
}

TEST_CASE("a list of 4 MiB gives twenty records at most") {
  auto many = [](const std::string& before, const std::string& item, const std::string& after) {
    std::string out = before;
    for (int i = 0; out.size() + item.size() + after.size() < 4 << 20; ++i) {
      std::string one = item;
      std::size_t at = one.find("%");
      one.replace(at, 1, std::to_string(i + 1));
      out += (i == 0 ? "" : ",") + one;
    }
    return out + after;
  };
  survive(good_talks()[0], {{"/volumes", ok(many(R"({"items":[)",
                                                 R"({"id":"v%","volumeInfo":{"title":"The Example","description":")" +
                                                     std::string(2000, 'd') + R"("}})",
                                                 "]}"))}});
  survive(good_talks()[1],
          {{"/search.json",
            ok(many(R"({"docs":[)", R"({"key":"/works/OL%W","title":"The Example","isbn":["9780306406157"]})", "]}"))}});
  survive(good_talks()[3],
          {{"SearchBooks", ok(many(R"({"data":{"search":{"results":[)", R"({"id":%,"title":"The Example"})", "]}}}"))}});
  survive(good_talks()[5], {{"/search", ok(many(R"({"matches":[)", R"({"title":"T %","genres":"a,b,c"})", "]}"))}});
}

TEST_CASE("one value of 4 MiB is cut") {
  std::string huge(4 << 20, 'x');
  for (const char* name : {"title", "subtitle", "publisher", "description", "publishedDate", "language"}) {
    INFO(name);
    std::string body =
        R"({"items":[{"id":"v1","volumeInfo":{"title":"The Example",")" + std::string(name) + "\":\"" + huge + "\"}}]}";
    survive(good_talks()[0], {{"/volumes", ok(body)}});
  }
}

TEST_CASE("what is said without being asked is not heard") {
  std::unique_ptr<src::conversation> talk = src::converse("google_books", example());
  talk->answer(ok(google_list()));
  CHECK(talk->found().empty());
  CHECK(talk->next());
  talk->answer(ok(google_list()));
  talk->answer(ok(google_list()));
  CHECK(talk->found().size() == 1);
}
