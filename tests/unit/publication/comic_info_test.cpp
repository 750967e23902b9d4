// Every row of the table of ingest.md 10.4.

#include <catch2/catch.hpp>

#include "comic_maker.hpp"
#include "epub_maker.hpp"
#include "publication/people.hpp"
#include "publication/transport.hpp"

using namespace carrel;
using namespace carrel::publication;
using test::part;

namespace {

std::string with_info(const std::string& xml) {
  return test::make_zip({{.name = "1.png", .data = test::page_picture(1)}, {.name = "ComicInfo.xml", .data = xml}});
}

opened read(const std::string& inside) {
  auto o =
      test::open_bytes(with_info("<ComicInfo xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>" + inside + "</ComicInfo>"),
                       "Stem 7 (2001).cbz");
  if (!o) FAIL("refused: " << o.error().code);
  CHECK(from_json(to_json(*o)).ok());
  return *o;
}

std::string element(const std::string& name, const std::string& text) { return "<" + name + ">" + text + "</" + name + ">"; }

std::string fact(const opened& o, const std::string& key) {
  for (const auto& [k, value] : o.about.facts) {
    if (k == key) return value;
  }
  return "(none)";
}
std::string identifier(const opened& o, const std::string& scheme) {
  for (const auto& [k, value] : o.about.identifiers) {
    if (k == scheme) return value;
  }
  return "(none)";
}
std::string direction_of(const std::string& manga) {
  direction d = read(element("Manga", manga)).about.reading;
  return d == direction::rtl ? "rtl" : d == direction::ltr ? "ltr" : "unknown";
}
std::string names(const std::vector<person>& people) {
  std::string out;
  for (const person& p : people) out += (out.empty() ? "" : "|") + p.name + "/" + p.role;
  return out;
}
bool complains(const opened& o, const std::string& field) {
  for (const warning& w : o.warnings) {
    if (w.code == "metadata_invalid_value" && w.detail == field) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("ComicInfo: title, and what stands in for it") {
  CHECK(read("<Title>The &amp; Sea</Title><Series>S</Series><Number>3</Number>").about.title == "The & Sea");
  CHECK(read("<Title>The Sea</Title>").about.title_sort == "Sea, The");
  CHECK(read("<Series>The Tide</Series><Number>3</Number><Volume>2</Volume>").about.title == "The Tide #3");
  CHECK(read("<Series>The Tide</Series><Volume>2</Volume>").about.title == "The Tide v2");
  opened o = read("<Series>The Tide</Series>");
  CHECK(o.about.title == "Stem 7");
  CHECK(test::warned(o, "metadata_missing_title"));
  CHECK_FALSE(test::warned(read("<Series>S</Series><Number>3</Number>"), "metadata_missing_title"));
  CHECK(read("").about.title == "Stem 7");
}

TEST_CASE("ComicInfo: numbers in a series") {
  auto [text, number] = GENERATE(table<std::string, std::optional<double>>({{"1", 1.0},
                                                                            {"1.5", 1.5},
                                                                            {"1/2", 0.5},
                                                                            {"\xc2\xbd", 0.5},
                                                                            {"1\xc2\xbd", 1.5},
                                                                            {"007", 7.0},
                                                                            {"Annual 1", std::nullopt},
                                                                            {"1e3", std::nullopt},
                                                                            {"1/0", std::nullopt},
                                                                            {"-2", std::nullopt},
                                                                            {"\xc2\xb2", std::nullopt},
                                                                            {"1000000", std::nullopt}}));
  INFO(text);
  opened o = read("<Series>S</Series><Number>" + text + "</Number>");
  CHECK(o.about.series == "S");
  CHECK(o.about.series_index_text == text);
  CHECK(o.about.series_index == number);
}

TEST_CASE("ComicInfo: what is not set") {
  for (const char* nothing : {"", "-1", "Unknown", "unknown", "  "}) {
    opened o =
        read(element("Title", nothing) + element("Series", nothing) + element("Number", nothing) + element("Count", nothing) +
             element("Volume", nothing) + element("Summary", nothing) + element("Year", nothing) + element("Month", nothing) +
             element("Day", nothing) + element("Writer", nothing) + element("Publisher", nothing) + element("Genre", nothing) +
             element("Web", nothing) + element("LanguageISO", nothing) + element("Manga", nothing) +
             element("AgeRating", nothing) + element("CommunityRating", nothing) + element("GTIN", nothing));
    INFO(nothing);
    CHECK(o.about.title == "Stem 7");
    CHECK(o.about.series == "Stem");  // of the name
    CHECK(o.about.published_on == "2001");
    CHECK(o.about.authors.empty());
    CHECK(o.about.publisher.empty());
    CHECK(o.about.genres.empty());
    CHECK(o.about.languages.empty());
    CHECK(o.about.identifiers.empty());
    CHECK(o.about.facts.empty());
    CHECK(o.about.description_text.empty());
    CHECK_FALSE(o.about.rating);
    CHECK(test::codes(o) == "metadata_missing_title metadata_missing_author");
  }
}

TEST_CASE("ComicInfo: impossible parts of a date are left out one by one") {
  auto date_of = [](const std::string& y, const std::string& m, const std::string& d) {
    return read("<Title>T</Title>" + element("Year", y) + element("Month", m) + element("Day", d)).about.published_on;
  };
  CHECK(date_of("2019", "5", "7") == "2019-05-07");
  CHECK(date_of("2019", "05", "") == "2019-05");
  CHECK(date_of("2019", "", "7") == "2019");
  CHECK(date_of("2019", "13", "7") == "2019");
  CHECK(date_of("2019", "2", "30") == "2019-02");
  CHECK(date_of("2019", "x", "7") == "2019");
  CHECK(date_of("9999", "2", "3").empty());
  CHECK(date_of("20x1", "2", "3").empty());
  CHECK(complains(read("<Year>2019</Year><Month>2</Month><Day>30</Day>"), "Day"));
  CHECK(complains(read("<Year>9999</Year>"), "Year"));
}

TEST_CASE("ComicInfo: people and their roles") {
  opened o = read(
      "<Writer>Ada Lark, Ben Moss</Writer><Penciller>Cy Dune</Penciller><Inker>Di Elm, Cy Dune</Inker><Colorist>Ed "
      "Fern</Colorist>"
      "<Letterer>Flo Gale</Letterer><CoverArtist>Gus Hill</CoverArtist><Editor>Hal Iris</Editor><Translator>Ivy "
      "Jade</Translator>");
  CHECK(names(o.about.authors) == "Ada Lark/aut|Ben Moss/aut");
  CHECK(names(o.about.contributors) ==
        "Cy Dune/pnc|Di Elm/ink|Cy Dune/ink|Ed Fern/clr|Flo Gale/ltr|Gus Hill/cov|Hal Iris/edt|Ivy Jade/trl");
  CHECK(o.about.authors[0].sort == "Lark, Ada");
  CHECK(names(read("<Writer>Lark, Ada</Writer>").about.authors) == "Ada Lark/aut");
  CHECK(names(read("<Writer>Ada Lark, Ada Lark,, Unknown</Writer>").about.authors) == "Ada Lark/aut");
  CHECK_FALSE(test::warned(read("<Title>T</Title><Writer>Moebius</Writer>"), "metadata_missing_author"));
}

TEST_CASE("people divided by commas") {
  using list = std::vector<std::string>;
  CHECK(split_people_at_commas("Ada Lark, Ben Moss") == list{"Ada Lark", "Ben Moss"});
  CHECK(split_people_at_commas("Lark, Ada") == list{"Lark, Ada"});
  CHECK(split_people_at_commas("Lark, Moss, Dune") == list{"Lark", "Moss", "Dune"});
  CHECK(split_people_at_commas("Ada Lark, Jr., Ben Moss") == list{"Ada Lark, Jr.", "Ben Moss"});
  CHECK(split_people_at_commas("Ada Lark & Ben Moss, Cy Dune") == list{"Ada Lark", "Ben Moss", "Cy Dune"});
  CHECK(split_people_at_commas(" , ,").empty());
}

TEST_CASE("ComicInfo: publisher, genres, tags, language, description") {
  opened o = read(
      "<Publisher>Quay Press</Publisher><Imprint>Small Quay</Imprint><Genre>Sea; Crime,sea, </Genre><Tags>harbour, fog</Tags>"
      "<LanguageISO>eng</LanguageISO><Summary>One.\n\nTwo &lt;b&gt;x&lt;/b&gt;&lt;script&gt;y&lt;/script&gt;</Summary>");
  CHECK(o.about.publisher == "Quay Press");
  CHECK(fact(o, "imprint") == "Small Quay");
  CHECK(o.about.genres == std::vector<std::string>{"Sea", "Crime"});
  CHECK(o.about.subjects == std::vector<std::string>{"harbour", "fog"});
  CHECK(o.about.languages == std::vector<std::string>{"en"});
  CHECK(o.about.description_text.starts_with("One."));
  CHECK(o.about.description_html.find("script") == std::string::npos);
  CHECK(complains(read("<LanguageISO>klingonish</LanguageISO>"), "LanguageISO"));
}

TEST_CASE("ComicInfo: facts") {
  opened o = read(
      "<Count>12</Count><Volume>2019</Volume><AlternateSeries>Fog, Rain</AlternateSeries><AlternateNumber>3</AlternateNumber>"
      "<StoryArc>Ebb,Flow, Neap</StoryArc><StoryArcNumber>1, ,4</StoryArcNumber><SeriesGroup>Coast</SeriesGroup>"
      "<BlackAndWhite>Yes</BlackAndWhite><Format>Annual</Format><AgeRating>Teen</AgeRating><Characters>Captain, Cook</Characters>"
      "<Teams>Crew</Teams><Locations>Pier</Locations><MainCharacterOrTeam>Captain</MainCharacterOrTeam>"
      "<ScanInformation>by me</ScanInformation><Notes>n</Notes><Review>good</Review><PageCount>99</PageCount>");
  CHECK(fact(o, "series_total") == "12");
  CHECK(fact(o, "volume") == "2019");
  CHECK(fact(o, "alternate_series") == "Fog #3, Rain");
  CHECK(fact(o, "story_arc") == "Ebb #1, Flow, Neap #4");
  CHECK(fact(o, "series_group") == "Coast");
  CHECK(fact(o, "black_and_white") == "Yes");
  CHECK(fact(o, "format") == "Annual");
  CHECK(fact(o, "age_rating") == "Teen");
  CHECK(fact(o, "characters") == "Captain, Cook");
  CHECK(fact(o, "teams") == "Crew");
  CHECK(fact(o, "locations") == "Pier");
  CHECK(fact(o, "main_character_or_team") == "Captain");
  CHECK(fact(o, "scan_information") == "by me");
  CHECK(fact(o, "notes") == "n");
  CHECK(fact(o, "review") == "good");
  CHECK(o.about.page_count == 1);
  o = read("<Count>999999999999</Count><Volume>two</Volume>");
  CHECK(complains(o, "Count"));
  CHECK(complains(o, "Volume"));
  CHECK(o.about.facts.empty());
}

TEST_CASE("ComicInfo: addresses and numbers of trade") {
  opened o = read("<Web>https://example.org/a?b=1&amp;c=2 http://example.org/b javascript:alert(1)</Web>");
  CHECK(identifier(o, "url") == "https://example.org/a?b=1&c=2");
  CHECK(fact(o, "web") == "http://example.org/b");
  CHECK(complains(o, "Web"));
  CHECK(identifier(read("<GTIN>978-0-306-40615-7</GTIN>"), "isbn_13") == "9780306406157");
  o = read("<GTIN>75960608839900111</GTIN>");
  CHECK(identifier(o, "gtin") == "75960608839900111");
  CHECK(identifier(o, "isbn_13") == "(none)");
  CHECK(identifier(read("<GTIN>9780306406158</GTIN>"), "gtin") == "9780306406158");
  CHECK(complains(read("<GTIN>soon</GTIN>"), "GTIN"));
}

TEST_CASE("ComicInfo: direction and rating") {
  CHECK(direction_of("YesAndRightToLeft") == "rtl");
  CHECK(direction_of("No") == "ltr");
  CHECK(direction_of("Yes") == "unknown");
  CHECK(direction_of("perhaps") == "unknown");
  CHECK(read("<CommunityRating>4.25</CommunityRating>").about.rating == 4.25);
  CHECK_FALSE(read("<CommunityRating>6</CommunityRating>").about.rating);
  CHECK(complains(read("<CommunityRating>6</CommunityRating>"), "CommunityRating"));
}

TEST_CASE("ComicInfo that declares entities or is none says nothing") {
  auto of = [](const std::string& xml) {
    auto o = test::open_bytes(with_info(xml), "Stem.cbz");
    if (!o) FAIL("refused: " << o.error().code);
    return *o;
  };
  opened o =
      of("<!DOCTYPE c [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><ComicInfo><Title>&x;</Title><Series>S</Series></ComicInfo>");
  CHECK(test::warned(o, "xml_entities_not_allowed"));
  CHECK(o.about.title == "Stem");
  CHECK(o.about.series.empty());
  CHECK(test::warned(of("<html><Title>T</Title></html>"), "metadata_invalid_value"));
  CHECK(of("").about.title == "Stem");
  CHECK(of(std::string(5000, '\0')).about.title == "Stem");
  o = of("<ComicInfo><Title>Half</Title><Series>S");
  CHECK(o.about.title == "Half");
  CHECK(test::warned(o, "xml_recovered"));
}

TEST_CASE("ComicInfo that is too large or too deep is refused") {
  auto code = [](const std::string& inside) {
    return test::refused_code(with_info("<ComicInfo>" + inside + "</ComicInfo>"), "a.cbz");
  };
  CHECK(code("<Title>" + std::string((1 << 20) + 1, 'x') + "</Title>") == "xml_too_large");
  std::string deep;
  for (int i = 0; i < 50'000; ++i) deep += "<x>";
  CHECK(code(deep) == "xml_too_deep");
}

TEST_CASE("long values of ComicInfo are cut and still cross the pipe") {
  std::string names_list, tags;
  for (int i = 0; i < 20'000; ++i) names_list += "Ann N" + std::to_string(i) + ", ";
  for (int i = 0; i < 5'000; ++i) tags += "tag " + std::to_string(i) + ";";
  opened o =
      read(element("Title", std::string(100'000, 't')) + element("Writer", names_list) + element("Tags", tags) +
           element("Notes", std::string(100'000, '"')) + element("StoryArc", names_list) + element("Summary", tags + tags));
  CHECK(o.about.title.size() == 1000);
  CHECK(o.about.authors.size() == 200);
  CHECK(o.about.subjects.size() == 500);
  CHECK(fact(o, "notes").size() <= 64u << 10);
  CHECK(fact(o, "story_arc").size() <= 64u << 10);
  CHECK(test::warned(o, "metadata_truncated"));
}
