#include "web/messages.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "web/embedded.hpp"

using carrel::web::languages;
using carrel::web::messages;

TEST_CASE("a message file gives texts, named placeholders and plural forms") {
  auto m =
      messages::parse("en", "# comment\n\nhello = Hello, {name}\nbooks[one] = {n} book\nbooks[other] = {n} books\nempty =\n");
  REQUIRE(m);
  CHECK(m->say("hello", {{"name", "Ada"}}) == "Hello, Ada");
  CHECK(m->count("books", 1) == "1 book");
  CHECK(m->count("books", 0) == "0 books");
  CHECK(m->count("books", 12345) == "12,345 books");
  CHECK(m->text("empty").empty());
}

TEST_CASE("values are not looked at for placeholders") {
  auto m = messages::parse("en", "hello = Hello, {name}{n}\n");
  REQUIRE(m);
  CHECK(m->say("hello", {{"name", "{n}"}, {"n", "!"}}) == "Hello, {n}!");
}

TEST_CASE("the plural rule is the language's own") {
  auto fr = messages::parse("fr", "livres[one] = {n} livre\nlivres[other] = {n} livres\n");
  auto pl = messages::parse("pl", "k[one] = {n} książka\nk[few] = {n} książki\nk[many] = {n} książek\nk[other] = {n} książki\n");
  REQUIRE(fr);
  REQUIRE(pl);
  CHECK(fr->count("livres", 0) == "0 livre");
  CHECK(fr->count("livres", 2) == "2 livres");
  CHECK(pl->count("k", 3) == "3 książki");
  CHECK(pl->count("k", 5) == "5 książek");
}

TEST_CASE("a broken line is named") {
  CHECK(messages::parse("en", "a = b\nno equals here\n").error().field == "line 2");
  CHECK(messages::parse("en", "a = b\na = c\n").error().field == "line 2");
  CHECK(messages::parse("en", " = c\n").error().field == "line 1");
}

TEST_CASE("a key or a value that is missing is our own mistake") {
  auto m = messages::parse("en", "hello = Hello, {name}\n");
  REQUIRE(m);
  CHECK_THROWS_AS(m->text("nothing"), std::logic_error);
  CHECK_THROWS_AS(m->say("hello", {}), std::logic_error);
}

TEST_CASE("a language falls back to English for what it lacks") {
  auto en = messages::parse("en", "a = one\nb = two\n");
  REQUIRE(en);
  auto de = messages::parse("de", "a = eins\n", &*en);
  REQUIRE(de);
  CHECK(de->text("a") == "eins");
  CHECK(de->text("b") == "two");
}

namespace {

std::multiset<std::string> placeholders(const std::string& text) {
  std::multiset<std::string> out;
  for (std::size_t at = 0; (at = text.find('{', at)) != std::string::npos; ++at) {
    out.insert(text.substr(at, text.find('}', at) - at + 1));
  }
  return out;
}

// What a language's own files hold, without what English would fill in.
std::map<std::string, std::string> own_texts(const std::string& language) {
  std::map<std::string, std::string> out;
  for (const carrel::web::embedded& e : carrel::web::message_texts()) {
    if (!e.name.starts_with(language + "/")) continue;
    auto parsed = messages::parse(language, e.text);
    REQUIRE(parsed);
    for (const auto& [key, text] : parsed->all()) {
      INFO(e.name << " " << key);
      CHECK(out.emplace(key, text).second);
      CHECK_FALSE(text.empty());
    }
  }
  return out;
}

}  // namespace

TEST_CASE("English, German and French have the same texts with the same placeholders") {
  auto english = own_texts("en");
  REQUIRE(english.size() > 400);
  for (std::string language : {"de", "fr"}) {
    auto texts = own_texts(language);
    std::vector<std::string> differ;
    auto by_key = [](const auto& a, const auto& b) { return a.first < b.first; };
    std::vector<std::pair<std::string, std::string>> rows;
    std::set_symmetric_difference(english.begin(), english.end(), texts.begin(), texts.end(), std::back_inserter(rows), by_key);
    for (const auto& [key, text] : rows) differ.push_back(language + " " + key);
    CHECK(differ == std::vector<std::string>{});
    for (const auto& [key, text] : texts) {
      INFO(language << " " << key);
      if (english.contains(key)) CHECK(placeholders(text) == placeholders(english.at(key)));
    }
  }
}

TEST_CASE("every text of the other languages is written for them, not copied") {
  auto english = own_texts("en");
  for (std::string language : {"de", "fr"}) {
    std::size_t same = 0;
    auto texts = own_texts(language);
    for (const auto& [key, text] : texts) {
      if (english.contains(key) && english.at(key) == text && text.find(' ') != std::string::npos) ++same;
    }
    CHECK(same < 16);  // names, units and formats
  }
}

TEST_CASE("numbers and plurals are those of the language") {
  languages all;
  const messages &de = all.choose("de", ""), &fr = all.choose("fr", "");
  CHECK(de.count("books.count", 1) == "1 Buch");
  CHECK(de.count("books.count", 12345) == "12.345 Bücher");
  CHECK(fr.count("books.count", 0) == "0 livre");
  CHECK(fr.count("books.count", 12345) == "12\u202f345 livres");
}

TEST_CASE("the pseudo-language has every text, marked, with its placeholders untouched") {
  languages all;
  messages pseudo = messages::pseudo(all.english(), "en-XA");
  REQUIRE(pseudo.all().size() == all.english().all().size());
  CHECK(pseudo.language() == "en-XA");
  CHECK(pseudo.text("nav.home") == "[Hömé]");
  CHECK(pseudo.say("shelf.take_off", {{"name", "Poems"}}) == "[Táké öff Poems]");
}

TEST_CASE("the account's language wins, then the browser's wish, then English") {
  languages all;
  CHECK(all.choose("", "").language() == "en");
  CHECK(all.choose("", "xx, en-XA;q=0.5, en;q=0.4").language() == "en-XA");
  CHECK(all.choose("en", "en-XA").language() == "en");
  CHECK(all.choose("xx", "en-GB;q=0.9").language() == "en");
  CHECK(all.choose("de", "fr").language() == "de");
  CHECK(all.choose("", "de-AT, en;q=0.5").language() == "de");
  CHECK(all.choose("", "it, fr-CA;q=0.8, en;q=0.5").language() == "fr");
  CHECK(all.choose("", "ar-XB").right_to_left());
  CHECK(all.choose("", ";;;,,q=,en-XA;q=abc").language() == "en");
}

TEST_CASE("writing direction follows the language") {
  CHECK(messages::parse("ar", "")->right_to_left());
  CHECK_FALSE(messages::parse("en", "")->right_to_left());
}
