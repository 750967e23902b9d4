// ingest.md 18.1 and 18.2.
#include "library/local_source.hpp"

#include <catch2/catch.hpp>

using namespace carrel;
using namespace carrel::library;
using strings = std::vector<std::string>;

namespace {

publication::opened opened_file(const std::string& title, const std::string& author = "Ada Lark", strings codes = {}) {
  publication::opened o;
  o.format = "epub";
  o.about.title = title;
  if (!author.empty()) o.about.authors.push_back({author, "", "aut"});
  for (std::string& c : codes) o.warnings.push_back({std::move(c), ""});
  return o;
}

local_source opf(const std::string& title) {
  publication::told t;
  t.about.title = title;
  return sidecar_source(t, false, "metadata.opf", "<package/>");
}

double confidence_of(const publication::opened& o, const std::string& name = "file.epub") {
  return sources_in_file(o, name).front().confidence;
}

}  // namespace

TEST_CASE("a file is believed less the less it says well") {
  CHECK(confidence_of(opened_file("The Small Book")) == Approx(0.90));
  CHECK(confidence_of(opened_file("The Small Book", "Ada Lark", {"metadata_missing_title"})) == Approx(0.70));
  CHECK(confidence_of(opened_file("The Small Book"), "The Small Book.epub") == Approx(0.70));
  CHECK(confidence_of(opened_file("The Small Book", "", {"metadata_missing_author"})) == Approx(0.75));
  CHECK(confidence_of(opened_file("The Small Book", "Ada Lark", {"xml_recovered"})) == Approx(0.80));
  CHECK(confidence_of(opened_file("The Small Book", "Ada Lark", {"xml_recovered", "text_invalid_utf8"})) == Approx(0.80));
  CHECK(confidence_of(opened_file("x", "", {"metadata_missing_title", "metadata_missing_author", "text_invalid_utf8"})) ==
        Approx(0.45));
  publication::opened unread = opened_file("x");
  unread.described = false;
  std::vector<local_source> said = sources_in_file(unread, "x.djvu");
  REQUIRE(said.size() == 1);
  CHECK(said[0].name == "path");
  CHECK(said[0].confidence == Approx(0.30));
}

TEST_CASE("what its name gave is not the file's own") {
  publication::opened o = opened_file("Harbours", "Ada Fenwick", {"metadata_missing_title", "metadata_missing_author"});
  o.about.series = "Coast";
  std::vector<local_source> said = sources_in_file(o, "Ada Fenwick - Coast 02 - Harbours (2019).epub");
  REQUIRE(said.size() == 2);
  CHECK(said[0].about.title.empty());
  CHECK(said[0].about.series.empty());
  CHECK(said[0].about.authors.empty());
  CHECK(said[1].about.title == "Harbours");
  CHECK(said[1].about.series == "Coast");
  CHECK(said[1].about.series_index == 2);
  CHECK(said[1].about.published_on == "2019");
  CHECK(said[1].about.authors.at(0).name == "Ada Fenwick");
}

TEST_CASE("a sidecar with quite another title is doubted") {
  std::vector<local_source> said{sources_in_file(opened_file("The Quiet Harbour"), "The Quiet Harbour II.epub")};
  said.push_back(opf("Xylophon"));
  judge(said);
  CHECK(said[2].confidence == Approx(0.40));
  CHECK(said[2].reasons == strings{"disagrees"});
  CHECK(said[0].confidence == Approx(0.90));
  CHECK(best_confidence(said) == Approx(0.90));
}

TEST_CASE("two that agree against the file are believed") {
  std::vector<local_source> said{sources_in_file(opened_file("The Quiet Harbour"), "Xylophon.epub")};
  said.push_back(opf("Xylophon"));
  judge(said);
  CHECK(said[0].confidence == Approx(0.40));
  CHECK(said[0].reasons == strings{"disagrees"});
  CHECK(said[1].confidence == Approx(0.30));
  CHECK(said[2].confidence == Approx(0.95));
  CHECK(outline(said).title == "Xylophon");
}

TEST_CASE("a file without a title of its own contradicts nobody") {
  std::vector<local_source> said =
      sources_in_file(opened_file("file", "", {"metadata_missing_title", "metadata_missing_author"}), "file.epub");
  said.push_back(opf("Xylophon"));
  judge(said);
  CHECK(said.back().confidence == Approx(0.95));
  CHECK(outline(said).title == "Xylophon");
}

TEST_CASE("each field is that of the best source that has it") {
  publication::opened o = opened_file("The Quiet Harbour");
  o.about.languages = {"en"};
  o.about.identifiers = {{"isbn_13", "9780306406157"}, {"uuid", "1"}};
  std::vector<local_source> said = sources_in_file(o, "The Quiet Harbour [B0ABCDEF12].epub");
  local_source beside = opf("The Quiet Harbour: A Novel");
  beside.about.identifiers = {{"uuid", "2"}};
  said.push_back(beside);
  judge(said);
  publication::metadata m = outline(said);
  CHECK(m.title == "The Quiet Harbour: A Novel");
  CHECK(m.authors.at(0).name == "Ada Lark");
  CHECK(m.languages == strings{"en"});
  CHECK(std::find(m.identifiers.begin(), m.identifiers.end(), std::pair<std::string, std::string>("uuid", "2")) !=
        m.identifiers.end());
  CHECK(std::find(m.identifiers.begin(), m.identifiers.end(), std::pair<std::string, std::string>("asin", "B0ABCDEF12")) !=
        m.identifiers.end());
}

TEST_CASE("a name that has another title than its file says nothing") {
  publication::opened o = opened_file("The Quiet Harbour", "", {"metadata_missing_author"});
  std::vector<local_source> said = sources_in_file(o, "Zoe Quinn - The Very Long Way to Xylophon (2019).epub");
  REQUIRE(said[1].about.authors.size() == 1);
  judge(said);
  CHECK(said[1].reasons == strings{"disagrees"});
  CHECK(outline(said).authors.empty());
}

TEST_CASE("a comic that its ComicInfo names is told by it, and a name that differs is doubted") {
  publication::opened o = opened_file("Fog at Sea");
  o.format = "cbz";
  o.about.facts.push_back({"told_in", "ComicInfo.xml"});
  std::vector<local_source> said = sources_in_file(o, "Xylophon 003.cbz");
  REQUIRE(said.size() == 2);
  CHECK(said[0].name == "comicinfo");
  CHECK(said[0].confidence == Approx(0.95));
  judge(said);
  CHECK(said[1].reasons == strings{"disagrees"});
  CHECK(outline(said).title == "Fog at Sea");

  o.warnings.push_back({"metadata_missing_title", ""});
  CHECK(sources_in_file(o, "Fog 003.cbz")[0].about.title.empty());
}

TEST_CASE("a file beside a comic goes before its ComicInfo, which goes before any name") {
  publication::opened o = opened_file("Fog at Sea");
  o.format = "cbz";
  o.about.facts.push_back({"told_in", "ComicInfo.xml"});
  std::vector<local_source> said = sources_in_file(o, "Fog at Sea.cbz");
  said.push_back(opf("Fog at Sea!"));
  judge(said);
  CHECK(outline(said).title == "Fog at Sea!");
  CHECK(outline(said).authors.at(0).name == "Ada Lark");
}
