// Search in scripts and languages other than English (opds.md 6.4).

#include <catch2/catch.hpp>

#include "tests/integration/library/shelf_of_books.hpp"

using namespace carrel;
using harness::library_db;
using harness::titles;
using strings = std::vector<std::string>;

namespace {

strings find(library_db& db, const std::string& typed) {
  library::query q{.all = typed};
  return titles(db.pool().read_now([&](db::tx& tx) { return library::search(tx, db.reader(), q, 0, 50); }).books);
}

}  // namespace

TEST_CASE("letters without a mark to drop are found by the plain ones, and the other way round") {
  library_db db;
  db.add({.title = "Flaggermusmannen", .author = "Jo Nesbø", .language = "no"});
  db.add({.title = "Solaris", .author = "Stanisław Łem", .language = "pl"});
  db.add({.title = "Encyclopaedia of Oevres", .author = "Aesop"});
  CHECK(find(db, "nesbo") == strings{"Flaggermusmannen"});
  CHECK(find(db, "NESBØ") == strings{"Flaggermusmannen"});
  CHECK(find(db, "stanislaw lem") == strings{"Solaris"});
  CHECK(find(db, "author:łem") == strings{"Solaris"});
  CHECK(find(db, "encyclopædia Æsop") == strings{"Encyclopaedia of Oevres"});
}

TEST_CASE("Korean, Chinese and Thai are found by what a reader types first") {
  library_db db;
  db.add({.title = "해리포터와 마법사의 돌", .author = "조앤 롤링", .language = "ko"});
  db.add({.title = "三体", .author = "刘慈欣", .language = "zh"});
  db.add({.title = "สี่แผ่นดิน", .author = "คึกฤทธิ์ ปราโมช", .language = "th"});
  CHECK(find(db, "해리") == strings{"해리포터와 마법사의 돌"});
  CHECK(find(db, "마법") == strings{"해리포터와 마법사의 돌"});
  CHECK(find(db, "롤링") == strings{"해리포터와 마법사의 돌"});
  CHECK(find(db, "마법 포터").empty());
  CHECK(find(db, "三") == strings{"三体"});
  CHECK(find(db, "三体") == strings{"三体"});
  CHECK(find(db, "慈欣") == strings{"三体"});
  CHECK(find(db, "แผ่นดิน") == strings{"สี่แผ่นดิน"});
  CHECK(find(db, "คึกฤทธิ์") == strings{"สี่แผ่นดิน"});
}

TEST_CASE("Greek, Arabic and Hebrew are found with their marks and without") {
  library_db db;
  db.add({.title = "Η Οδύσσεια", .author = "Όμηρος", .language = "el"});
  db.add({.title = "مَوْسِمُ الهِجْرَة", .author = "الطيّب صالح", .language = "ar"});
  db.add({.title = "بوف کور", .author = "صادق هدایت", .language = "fa"});
  db.add({.title = "אֶרֶץ־יִשְׂרָאֵל", .author = "עמוס עוז", .language = "he"});
  for (const char* typed : {"οδυσσεια", "Οδύσσεια", "ΟΔΥΣΣΕΙΑ", "ομηρος", "Ὀδύσσεια"}) CHECK(find(db, typed).size() == 1);
  for (const char* typed : {"موسم", "موسم الهجرة", "الهجره", "الطيب"}) CHECK(find(db, typed) == strings{"مَوْسِمُ الهِجْرَة"});
  for (const char* typed : {"کور", "كور", "هدايت"}) CHECK(find(db, typed) == strings{"بوف کور"});
  for (const char* typed : {"ארץ ישראל", "ישראל", "עוז", "אֶרֶץ"}) CHECK(find(db, typed) == strings{"אֶרֶץ־יִשְׂרָאֵל"});
}
