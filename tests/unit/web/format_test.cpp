#include "web/format.hpp"

#include <catch2/catch.hpp>

using namespace carrel;
using namespace carrel::web;

namespace {

const messages& en() {
  static const languages all;
  return all.english();
}

struct frozen {
  explicit frozen(instant at) { set_clock(at); }
  ~frozen() { set_clock(std::nullopt); }
};

}  // namespace

TEST_CASE("times are relative, in the words of the language") {
  instant at{std::chrono::seconds{1'700'000'000}};
  frozen clock(at);
  using namespace std::chrono;
  CHECK(ago(en(), at) == "just now");
  CHECK(ago(en(), at + hours{1}) == "just now");
  CHECK(ago(en(), at - seconds{60}) == "1 minute ago");
  CHECK(ago(en(), at - minutes{59}) == "59 minutes ago");
  CHECK(ago(en(), at - hours{1}) == "1 hour ago");
  CHECK(ago(en(), at - hours{23}) == "23 hours ago");
  CHECK(ago(en(), at - hours{24}) == "1 day ago");
  CHECK(ago(en(), at - hours{24 * 45}) == "1 month ago");
  CHECK(ago(en(), at - hours{24 * 800}) == "2 years ago");
}

TEST_CASE("sizes have at most two digits that matter and a unit") {
  CHECK(size_text(en(), 0) == "0 bytes");
  CHECK(size_text(en(), 1) == "1 byte");
  CHECK(size_text(en(), 999) == "999 bytes");
  CHECK(size_text(en(), 1000) == "1.0 kB");
  CHECK(size_text(en(), 160817) == "161 kB");
  CHECK(size_text(en(), 4'230'000) == "4.2 MB");
  CHECK(size_text(en(), 2'147'483'648) == "2.1 GB");
}

TEST_CASE("languages and dates are said in the words of the language") {
  static const languages all;
  const messages &de = all.choose("de", ""), &fr = all.choose("fr", "");
  CHECK(language_name(en(), "de") == "German");
  CHECK(language_name(de, "en") == "Englisch");
  CHECK(language_name(fr, "pt-BR") == "portugais (Brésil)");
  CHECK(language_name(en(), "not a tag") == "not a tag");
  CHECK(language_name(en(), "") == "");
  CHECK(languages_text(de, {"en", "fr"}) == "Englisch, Französisch");
  CHECK(date_text(en(), "1975-11-17") == "November 17, 1975");
  CHECK(date_text(de, "1975-11-17") == "17. November 1975");
  CHECK(date_text(fr, "1975-11") == "novembre 1975");
  CHECK(date_text(en(), "1975") == "1975");
  for (std::string odd : {"", "soon", "1975-13-01", "1975-02-30", "75-1-1", "1975-11-17T00:00:00Z", "-0044-03-15"})
    CHECK(date_text(en(), odd) == odd);
}

TEST_CASE("percentages are whole numbers between 0 and 100") {
  CHECK(percent_text(en(), 0.4213) == "42 %");
  CHECK(percent_text(en(), -1) == "0 %");
  CHECK(percent_text(en(), 1.5) == "100 %");
}

TEST_CASE("the detail of a refusal is said in the reader's language") {
  static const languages all;
  const messages& de = all.choose("de", "");
  CHECK(detail_text(de, "40004 parts") == "40.004 Teile");
  CHECK(detail_text(de, "more than 512 MiB") == "mehr als 512 MiB");
  CHECK(detail_text(de, "this looks like a web page") == "das sieht nach einer Webseite aus");
  CHECK(detail_text(de, "a KFX book of a Kindle") == "ein KFX-Buch eines Kindle");
  CHECK(detail_text(de, "a DjVu document") == "ein DjVu-Dokument");
  CHECK(detail_text(de, "5.0 GiB; the limit is 4.0 GiB") == "5.0 GiB; die Grenze ist 4.0 GiB");
  CHECK(detail_text(en(), "40004 parts") == "40,004 parts");
  for (std::string name : {"", "OEBPS/x.xhtml", "spare parts", "more than  MiB", "more than MiB"})
    CHECK(detail_text(de, name) == name);
}
