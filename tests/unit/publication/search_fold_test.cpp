#include "publication/search_fold.hpp"

#include <catch2/catch.hpp>

using namespace carrel::publication;
using strings = std::vector<std::string>;

TEST_CASE("a letter that is no letter of one's keyboard is found by the one beside it") {
  CHECK(search_fold("Jo Nesbø") == "jo nesbo");
  CHECK(search_fold("Stanisław Łem") == "stanislaw lem");
  CHECK(search_fold("Đorđe Æsop Œuvre Þórr Straße") == "dorde aesop oeuvre thorr strasse");
  CHECK(search_fold("İstanbul Işık") == "istanbul isik");
  CHECK(search_fold("Plain Text") == "plain text");
}

TEST_CASE("marks that readers leave out are left out, in every script that has them") {
  CHECK(search_fold("Ὀδύσσεια") == search_fold("οδυσσεια"));
  CHECK(search_fold("ᾠδή") == "ωδη");
  CHECK(search_fold("ΛΌΓΟΣ") == search_fold("λογος"));
  CHECK(search_fold("كِتَابٌ") == "كتاب");
  CHECK(search_fold("الأسود أحمد إبراهيم آدم ٱلله") == search_fold("الاسود احمد ابراهيم ادم الله"));
  CHECK(search_fold("مـــدينة") == search_fold("مدينه"));
  CHECK(search_fold("فارسی کتاب") == search_fold("فارسي كتاب"));  // Persian letters and Arabic ones
  CHECK(search_fold("سنة ٢٠٢٤") == "سنه 2024");
  CHECK(search_fold("בְּרֵאשִׁית") == "בראשית");
  CHECK(search_words_in("בֵּית־סֵפֶר") == strings{"בית", "ספר"});
  CHECK(search_fold("がぎ") == "がぎ");
}

TEST_CASE("a beginning is shorter where a character says more") {
  CHECK(shortest_prefix("harbour") == 3);
  CHECK(shortest_prefix("море") == 3);
  CHECK(shortest_prefix("해리") == 2);
  CHECK(shortest_prefix("三") == 1);
  CHECK(shortest_prefix("ひ") == 1);
  CHECK(shortest_prefix("") == 3);
}
