#include "opds/problem_words.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <regex>

#include "tests/harness/folder.hpp"

using namespace carrel;
using namespace carrel::opds;

namespace {

// Every sentence that the catalog throws. What is put together there begins so.
std::vector<std::string> thrown_sentences() {
  static const std::regex thrown(R"re((?:problem(?: p)?|return) ?\{\d{3}, "((?:[^"\\]|\\.)*)")re");
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(CARREL_SOURCE_DIR "/opds")) {
    if (entry.path().extension() != ".cpp") continue;
    std::string text = harness::read_file(entry.path());
    for (std::sregex_iterator at(text.begin(), text.end(), thrown), end; at != end; ++at) out.push_back((*at)[1]);
  }
  return out;
}

bool begins_a_sentence(const std::string& thrown) {
  return std::any_of(problem_words.begin(), problem_words.end(), [&](const translated& t) {
    return t.english == thrown || t.english.substr(0, t.english.find("{}")) == thrown;
  });
}

}  // namespace

TEST_CASE("every refusal of the catalog is there in every language") {
  std::vector<std::string> all = thrown_sentences();
  CHECK(all.size() > 25);
  for (const std::string& sentence : all) {
    INFO(sentence);
    CHECK(begins_a_sentence(sentence));
  }
  for (const translated& t : problem_words) {
    INFO(t.english);
    for (std::string_view text : {t.german, t.french}) {
      CHECK_FALSE(text.empty());
      CHECK((text.find("{}") == text.npos) == (t.english.find("{}") == t.english.npos));
    }
  }
}

TEST_CASE("a refusal keeps what it names, and one that is not known stays as it is") {
  CHECK(told(tongue::german, "There is no such book.") == "Dieses Buch gibt es nicht.");
  CHECK(told(tongue::french, "The document cannot be used: modified: missing.") ==
        "Le document est inutilisable : modified: missing.");
  CHECK(told(tongue::german, "There is nothing at this address. The catalog is at https://b.example/opds.") ==
        "Unter dieser Adresse gibt es nichts. Der Katalog liegt unter https://b.example/opds.");
  CHECK(told(tongue::english, "There is no such book.") == "There is no such book.");
  CHECK(told(tongue::german, "Of another layer.") == "Of another layer.");
  CHECK(told(tongue::german, "").empty());
}
