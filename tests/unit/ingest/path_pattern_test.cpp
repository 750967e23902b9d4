#include "ingest/path_pattern.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "publication/unicode.hpp"
#include "server/core/json.hpp"
#include "server/core/text.hpp"
#include "server/core/uuid.hpp"
#include "tests/harness/folder.hpp"

using namespace carrel;
using namespace carrel::ingest;

namespace {

std::string expand(std::string_view pattern, const path_values& v) {
  result<path_pattern> p = path_pattern::parse(pattern);
  REQUIRE(p);
  std::string out;
  for (const std::string& c : p->expand(v, 12)) out += (out.empty() ? "" : "/") + c;
  return out;
}

std::string why_not(std::string_view pattern) {
  result<path_pattern> p = path_pattern::parse(pattern);
  return p ? "" : p.error().reason;
}

path_values third_volume() {
  return {.title = "The Long Way",
          .subtitle = "A Report",
          .title_sort = "Long Way, The",
          .author_sort = "Lark, Ada",
          .series = "Ways",
          .authors = {"Ada Lark", "Bo Reed"},
          .series_number = 3,
          .series_text = "3",
          .year = "2019",
          .language = "en",
          .publisher = "House & Co.",
          .isbn = "9780000000002",
          .format = "epub",
          .id8 = "0123abcd",
          .original = "long-way"};
}

using tree = std::map<std::string, std::vector<std::string>>;
names_like in(const tree& t) {
  return [&t](const std::vector<std::string>& folder, const std::string& name) {
    std::string key;
    for (const std::string& c : folder) key += (key.empty() ? "" : "/") + c;
    folder_names there;
    auto at = t.find(key);
    for (const std::string& n : at == t.end() ? std::vector<std::string>{} : at->second) there.add(n);
    return there.like(name);
  };
}

bool reserved(std::string name) {
  name = lower_ascii(name.substr(0, name.find('.')));
  while (name.ends_with(' ')) name.pop_back();
  for (const char* r : {"con", "prn", "aux", "nul", "com1", "lpt9", "conin$"}) {
    if (name == r) return true;
  }
  return false;
}

void check_safe(const std::vector<std::string>& path) {
  REQUIRE_FALSE(path.empty());
  std::size_t length = path.size() - 1;
  for (const std::string& c : path) {
    INFO(hex(c));
    CHECK_FALSE(c.empty());
    CHECK(c.size() <= 181);  // a dash at the beginning gets a sign before it
    CHECK(c != ".");
    CHECK(c != "..");
    CHECK(valid_utf8(c));
    CHECK(c.find('/') == std::string::npos);
    CHECK(c.find('\0') == std::string::npos);
    CHECK(c.front() != '.');
    CHECK(c.front() != '-');
    CHECK(c.back() != '.');
    CHECK(c.back() != ' ');
    CHECK_FALSE(reserved(c));
    if (c.size() <= 180) CHECK(publication::clean_name(c) == c);
    length += c.size();
  }
  CHECK(length + 12 <= 800);
}

}  // namespace

TEST_CASE("the default pattern names author, series, number and title") {
  path_values v = third_volume();
  CHECK(expand(default_pattern, v) == "Ada Lark/Ways/03 - The Long Way/The Long Way - Ada Lark");
  v.series.clear();
  v.series_number.reset();
  v.series_text.clear();
  CHECK(expand(default_pattern, v) == "Ada Lark/The Long Way/The Long Way - Ada Lark");
  v.authors.clear();
  v.title.clear();
  CHECK(expand(default_pattern, v) == "Unknown author/long-way/long-way - Unknown author");
}

TEST_CASE("names, digits, choices and parts that may fail") {
  path_values v = third_volume();
  CHECK(expand("{title_sort}/{id8}", v) == "Long Way, The/0123abcd");
  CHECK(expand("{authors}/{title}", v) == "Ada Lark, Bo Reed/The Long Way");
  v.authors = {"A", "B", "C", "D"};
  CHECK(expand("{authors} {title}", v) == "A, B, C et al. The Long Way");
  CHECK(expand("{author_sort}/{year} {title} [{isbn}]", v) == "Lark, Ada/2019 The Long Way 9780000000002");
  CHECK(expand("{language}/{format}/{id8}/{original}", v) == "en/epub/0123abcd/long-way");
  CHECK(expand("{subtitle|title}", v) == "A Report");
  v.subtitle = " ";
  CHECK(expand("{subtitle|title}", v) == "The Long Way");
  CHECK(expand("{title}[ - {subtitle}]", v) == "The Long Way");
  CHECK(expand("[{series} {isbn}/]{title}", v) == "Ways 9780000000002/The Long Way");
  v.isbn.clear();
  CHECK(expand("[{series} {isbn}/]{title}", v) == "The Long Way");
  CHECK(expand("{publisher}/{title}", v) == "House & Co/The Long Way");
  CHECK(expand("{series}/{subtitle}/{title}", v) == "Ways/The Long Way");  // an empty component is no folder
}

TEST_CASE("numbers are padded before the point") {
  path_values v = third_volume();
  for (auto [number, digits, shown] : std::vector<std::tuple<double, const char*, const char*>>{
           {1, "2", "01"}, {1.5, "2", "01.5"}, {12, "2", "12"}, {100, "2", "100"}, {0.5, "3", "000.5"}, {7, "1", "7"}}) {
    v.series_number = number;
    CHECK(expand("{series_index:" + std::string(digits) + "} {title}", v) == std::string(shown) + " The Long Way");
  }
  v.series_number.reset();
  v.series_text = "III";
  CHECK(expand("[{series_index:2} - ]{title}", v) == "00III - The Long Way");
}

TEST_CASE("a pattern that says too little, or nothing that is known, is refused with the place") {
  CHECK(why_not("").find("empty") != std::string::npos);
  CHECK(why_not("{author}/{year}").find("{title}, {original} or {id8}") != std::string::npos);
  CHECK(why_not("{titel}").find("{titel} is not known") != std::string::npos);
  CHECK(why_not("{title|titel}").find("{titel}") != std::string::npos);
  CHECK(why_not("{title").find("{ is not closed") != std::string::npos);
  CHECK(why_not("title}").find("place 6") != std::string::npos);
  CHECK(why_not("{title}[{year}").find("[ is not closed") != std::string::npos);
  CHECK(why_not("{title}]").find("place 8") != std::string::npos);
  CHECK(why_not("[a[{year}]]{title}").find("place 3") != std::string::npos);
  CHECK(why_not("{title}[x]").find("without a name") != std::string::npos);
  CHECK(why_not("{title:2}").find("numbers") != std::string::npos);
  CHECK(why_not("{series_index:x}{title}").find("digits") != std::string::npos);
  CHECK(why_not("{series_index:0}{title}").find("digits") != std::string::npos);
  CHECK(why_not("/{title}").find("slash") != std::string::npos);
  CHECK(why_not("{title}/").find("slash") != std::string::npos);
  CHECK(why_not("{title}\xff").find("UTF-8") != std::string::npos);
  CHECK(why_not(std::string(501, 'x')).find("500") != std::string::npos);
  CHECK(why_not("a/b/c/d/e/f/g/h/i/j/k/l/{title}").find("12") != std::string::npos);
  CHECK(why_not("{}").find("not known") != std::string::npos);
  CHECK(why_not(default_pattern).empty());
}

TEST_CASE("only the pattern's own slashes separate") {
  path_values v = third_volume();
  v.authors = {"../../etc"};
  v.title = "a/b\\c: \"d\"?";
  check_safe(path_pattern::parse(default_pattern)->expand(v, 12));
  CHECK(path_pattern::parse(default_pattern)->expand(v, 12).size() == 4);
  v.title = "..";
  check_safe(path_pattern::parse("../{title}/../x")->expand(v, 12));
}

TEST_CASE("every special name ends as a path that is safe everywhere") {
  std::vector<std::string> odd{"",
                               " ",
                               ".",
                               "..",
                               "...",
                               "CON",
                               "con.epub",
                               "COM1",
                               "LPT¹",
                               "nul ",
                               "-rf",
                               "a\nb\tc",
                               std::string("a\0b", 3),
                               "\xff\xfe",
                               "\u202Egpj.exe",
                               "%2e%2e%2f",
                               "title. ",
                               " . title",
                               "a/../b",
                               "C:\\Windows",
                               "\"<>|*?",
                               std::string(5'000, 'x'),
                               std::string(300, '.'),
                               "\u0301\u0301\u0301",
                               "e\u0301",
                               "🧑‍🧑‍🧒‍🧒 family",
                               "قصة طويلة",
                               "長い物語",
                               "~backup~",
                               "$(rm -rf ~)",
                               "🏴󠁧󠁢󠁥󠁮󠁧󠁿"};
  std::string wide;
  for (int i = 0; i < 400; ++i) wide += "長";
  odd.push_back(wide);
  for (const std::string& title : odd) {
    for (const std::string& author : odd) {
      path_values v = third_volume();
      v.title = title;
      v.authors = {author, "Bo"};
      v.series = title;
      v.original = author;
      for (std::string_view pattern :
           {default_pattern, std::string_view("{title}"), std::string_view("{authors}/{series}.{title}./ {original} "),
            std::string_view("{title}/{title}/{title}/{title}/{title}/{title}/{title}/{title}/{title}")}) {
        INFO(hex(title) << " by " << hex(author) << " in " << pattern);
        check_safe(path_pattern::parse(pattern)->expand(v, 12));
      }
    }
  }
}

TEST_CASE("every title of the corpus ends as a path that is safe everywhere") {
  std::filesystem::path maker = harness::shared_folder() / "corpus" / "make_corpus.py";
  if (!std::filesystem::exists(maker)) {
    WARN("no corpus beside this clone");
    return;
  }
  std::filesystem::path lib = std::filesystem::absolute("path-pattern-corpus") / uuid::make().text();
  std::string line = "python3 '" + maker.native() + "' --epub 24 --cbz 2 --fb2 2 --pdf 0 --txt 0 --audio 0 --calibre 20 --out '" +
                     lib.native() + "' >/dev/null";
  REQUIRE(std::system(line.c_str()) == 0);
  std::ifstream file(lib / "manifest.json");
  std::stringstream text;
  text << file.rdbuf();
  result<json::object> manifest = json::read_object(text.str());
  REQUIRE(manifest);
  int titles = 0;
  std::function<void(const json::value&)> look = [&](const json::value& v) {
    if (const json::array* a = v.as_array()) {
      for (const json::value& one : *a) look(one);
    }
    const json::object* o = v.as_object();
    if (o == nullptr) return;
    if (const json::value* title = o->find("title"); title != nullptr && title->as_text() != nullptr) {
      path_values values = third_volume();
      values.title = *title->as_text();
      INFO(values.title);
      check_safe(path_pattern::parse(default_pattern)->expand(values, 12));
      ++titles;
    }
    for (const auto& [name, one] : o->members()) look(one);
  };
  for (const auto& [name, v] : manifest->members()) look(v);
  CHECK(titles > 24);
  std::filesystem::remove_all(lib);
}

TEST_CASE("whatever bytes the fields hold, the path stays below the root") {
  std::mt19937 random(20);
  auto some = [&](std::size_t most) {
    std::string out;
    std::size_t n = random() % (most + 1);
    static const std::string likely = "./\\ :-[]{}\0abcÄ";
    for (std::size_t i = 0; i < n; ++i)
      out += random() % 2 == 0 ? likely[random() % likely.size()] : static_cast<char>(random() % 256);
    return out;
  };
  for (int i = 0; i < 3'000; ++i) {
    path_values v{.title = some(400),
                  .subtitle = some(20),
                  .title_sort = some(9),
                  .author_sort = some(9),
                  .series = some(300),
                  .authors = {some(300), some(9)},
                  .series_number = {},
                  .series_text = some(9),
                  .year = some(5),
                  .language = some(5),
                  .publisher = some(40),
                  .isbn = some(13),
                  .format = some(5),
                  .id8 = "0123abcd",
                  .original = some(300)};
    check_safe(path_pattern::parse(i % 2 == 0 ? default_pattern : "{publisher}/{series}/[{year} ]{title|original}/{id8}")
                   ->expand(v, 12));
  }
}

TEST_CASE("whatever the pattern is, parsing ends with a pattern or a reason") {
  std::mt19937 random(21);
  for (int i = 0; i < 20'000; ++i) {
    static const std::vector<std::string> pieces{"{", "}", "[", "]", "/", "{title}", "{author}", "{series_index:2}",
                                                 "|", ":", "x", "."};
    std::string text;
    for (std::size_t n = random() % 9; n > 0; --n) text += pieces[random() % pieces.size()];
    result<path_pattern> p = path_pattern::parse(text);
    if (p)
      check_safe(p->expand(third_volume(), 12));
    else
      CHECK_FALSE(p.error().reason.empty());
  }
}

TEST_CASE("a name that is taken gets a number on the folder of the book") {
  tree t{{"", {"Ada/"}}, {"Ada", {"Way/"}}, {"Ada/Way", {"Way.epub"}}};
  CHECK(free_paths({"Ada", "Way", "Way"}, {{".epub"}}, "0123abcd", in(t)) == std::vector<std::string>{"Ada/Way (2)/Way.epub"});
  CHECK(free_paths({"Ada", "Way", "Way"}, {{".pdf"}}, "0123abcd", in(t)) == std::vector<std::string>{"Ada/Way/Way.pdf"});
  // Files of one book share folder and stem.
  CHECK(free_paths({"Ada", "Way", "Way"}, {{".pdf"}, {".epub"}}, "0123abcd", in(t)) ==
        std::vector<std::string>{"Ada/Way (2)/Way.pdf", "Ada/Way (2)/Way.epub"});
  t["Ada"].emplace_back("Way (2)/");
  t["Ada/Way (2)"] = {"WAY.EPUB"};
  CHECK(free_paths({"Ada", "Way", "Way"}, {{".epub"}}, "0123abcd", in(t)) == std::vector<std::string>{"Ada/Way (3)/Way.epub"});
}

TEST_CASE("without a folder the number is on the name, and after 99 it is the id") {
  tree t{{"", {"Way.epub"}}};
  CHECK(free_paths({"Way"}, {{".epub"}}, "0123abcd", in(t)) == std::vector<std::string>{"Way (2).epub"});
  for (int i = 2; i <= 99; ++i) t[""].push_back("Way (" + std::to_string(i) + ").epub");
  CHECK(free_paths({"Way"}, {{".epub"}}, "0123abcd", in(t)) == std::vector<std::string>{"Way [0123abcd].epub"});
  t[""].emplace_back("Way [0123abcd].epub");
  CHECK(free_paths({"Way"}, {{".epub"}}, "0123abcd", in(t)) == std::vector<std::string>{"Way [0123abcd] (2).epub"});
}

TEST_CASE("capitals and forms of Unicode make no other name, and folders keep their spelling") {
  tree t{{"", {"ADA/", "Cafe\u0301/"}}, {"ADA", {"straße.epub"}}, {"Cafe\u0301", {}}};
  CHECK(free_paths({"Ada", "STRASSE"}, {{".epub"}}, "0123abcd", in(t)) == std::vector<std::string>{"Ada (2)/STRASSE.epub"});
  CHECK(free_paths({"Caf\u00e9", "x"}, {{".epub"}}, "0123abcd", in(t)) == std::vector<std::string>{"Cafe\u0301/x.epub"});
  CHECK(free_paths({"ada", "x"}, {{".epub"}}, "0123abcd", in(t)) == std::vector<std::string>{"ADA/x.epub"});
}

TEST_CASE("a file where a folder is wanted is in the way") {
  tree t{{"", {"Ada"}}};
  CHECK(free_paths({"Ada", "x"}, {{".epub"}}, "0123abcd", in(t)) == std::vector<std::string>{"Ada (2)/x.epub"});
}

TEST_CASE("tracks keep their names in a folder of their own") {
  tree t{{"", {"Ada/"}}, {"Ada", {"Way/"}}, {"Ada/Way", {"01 - one.mp3"}}};
  CHECK(free_paths({"Ada", "Way"}, {{"01 - one.mp3", true}, {"02 - two.mp3", true}}, "0123abcd", in(t)) ==
        std::vector<std::string>{"Ada/Way (2)/01 - one.mp3", "Ada/Way (2)/02 - two.mp3"});
}
