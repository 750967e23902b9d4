// ingest.md 15.
#include "publication/sidecar.hpp"

#include <catch2/catch.hpp>

#include "publication/transport.hpp"

using namespace carrel;
using namespace carrel::publication;
using strings = std::vector<std::string>;

namespace {

metadata read(std::string_view json) {
  result<told, refusal> t = read_metadata_json(json);
  REQUIRE(t);
  return t->about;
}

std::string refused(const result<told, refusal>& t) { return t ? "" : t.error().code; }

strings names(const std::vector<person>& people) {
  strings out;
  for (const person& p : people) out.push_back(p.name + "/" + p.role);
  return out;
}

int rank(std::string_view name) {
  std::optional<sidecar_name> s = sidecar_of(name, "Book");
  return s ? s->rank : -1;
}

std::string opf(const std::string& metadata, const std::string& more = "") {
  return "<?xml version='1.0' encoding='utf-8'?><package xmlns='http://www.idpf.org/2007/opf' version='2.0'>"
         "<metadata xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:opf='http://www.idpf.org/2007/opf'>" +
         metadata + "</metadata>" + more + "</package>";
}

}  // namespace

TEST_CASE("names of files beside a book") {
  auto is = [](std::string_view name, sidecar kind, bool own) {
    std::optional<sidecar_name> s = sidecar_of(name, "The Book");
    return s && s->kind == kind && s->own == own;
  };
  CHECK(is("metadata.opf", sidecar::opf, false));
  CHECK(is("Metadata.OPF", sidecar::opf, false));
  CHECK(is("the book.opf", sidecar::opf, true));
  CHECK(is("The Book.metadata.json", sidecar::json, true));
  CHECK(is("metadata.json", sidecar::json, false));
  CHECK(is("The Book.jpg", sidecar::picture, true));
  CHECK(is("cover.WebP", sidecar::picture, false));
  for (const char* other : {"Other.opf", "The Book.json", "cover.gif", "back.jpg", "cover", ".jpg", "The Book.epub", ""})
    CHECK_FALSE(sidecar_of(other, "The Book").has_value());
  CHECK((rank("cover.png") < rank("Book.jpg") && rank("Book.jpg") < rank("folder.jpg") &&
         rank("folder.jpg") < rank("poster.jpg") && rank("poster.jpg") < rank("front.jpg") &&
         rank("cover.jpg") < rank("cover.webp")));
}

TEST_CASE("metadata.opf as Calibre writes it") {
  result<told, refusal> t = read_metadata_opf(
      opf("<dc:identifier opf:scheme='uuid'>5f0c2a52-3b43-4d7c-9df5-1c0a3b9e2a11</dc:identifier><dc:title>The Voyage</dc:title>"
          "<dc:creator opf:file-as='Fenwick, Ada' opf:role='aut'>Ada Fenwick</dc:creator><dc:language>deu</dc:language>"
          "<meta name='calibre:series' content='Harbours'/><meta name='calibre:series_index' content='2'/>"
          "<meta name='calibre:timestamp' content='2015-06-01T12:00:00+02:00'/><meta name='calibre:rating' content='8'/>"
          "<meta name='calibre:author_link_map' content='{}'/><meta name='calibre:annotation' content='{}'/>",
          "<guide><reference type='toc' href='t'/><reference href='art%20work.jpg' title='Cover' type='cover'/></guide>"));
  REQUIRE(t);
  CHECK(t->about.title == "The Voyage");
  CHECK(t->about.authors == std::vector<person>{{"Ada Fenwick", "Fenwick, Ada", "aut"}});
  CHECK(t->about.languages == strings{"de"});
  CHECK(t->about.series == "Harbours");
  CHECK(t->about.series_index == 2);
  CHECK(t->about.rating == 4);
  CHECK(t->cover == "art work.jpg");
  REQUIRE(t->added_at);
  CHECK(rfc3339(*t->added_at) == "2015-06-01T10:00:00Z");
}

TEST_CASE("an OPF names its picture only in its own folder") {
  for (const char* href : {"../cover.jpg", "/etc/cover.jpg", "a/cover.jpg", "%2e%2e%2fcover.jpg", "%zz"}) {
    INFO(href);
    result<told, refusal> t = read_metadata_opf(
        opf("<dc:title>T</dc:title>", "<guide><reference type='cover' href='" + std::string(href) + "'/></guide>"));
    REQUIRE(t);
    CHECK(t->cover.empty());
  }
}

TEST_CASE("what is no package document is refused") {
  CHECK(refused(read_metadata_opf("")) == "epub_bad_package");
  CHECK(refused(read_metadata_opf("<html/>")) == "epub_bad_package");
  CHECK(refused(read_metadata_opf("<!DOCTYPE package [<!ENTITY a \"b\">]>" + opf("<dc:title>&a;</dc:title>"))) ==
        "xml_entities_not_allowed");
  std::string deep;
  for (int i = 0; i < 400; ++i) deep += "<a>";
  CHECK(refused(read_metadata_opf("<package><metadata>" + deep)) != "");
  CHECK(read_metadata_opf(opf("")).ok());  // says nothing, which is no fault
}

TEST_CASE("metadata.json of Audiobookshelf, in both forms") {
  std::string_view fields =
      R"("title": " The  Voyage ", "subtitle": "A Journey", "authors": ["Ada Fenwick", {"name": "Le Guin, Ursula"}],
    "narrators": ["Nora Voice"], "series": ["Harbours #1.5", "Other #2"], "genres": ["Fantasy"], "tags": ["slow"], "publishedYear": 2014,
    "publisher": "Some House", "description": "<p>Good<script>x</script></p>", "isbn": "978-0-306-40615-7", "asin": "B000000001",
    "language": "English", "explicit": false, "abridged": true)";
  std::string_view chapters =
      R"("chapters": [{"id": 1, "start": 60.5, "end": 120, "title": "Two"}, {"id": 0, "start": 0, "end": 60.5, "title": "One"}])";
  for (std::string text : {"{" + std::string(fields) + "," + std::string(chapters) + "}",
                           "{\"metadata\": {" + std::string(fields) + "}," + std::string(chapters) + "}"}) {
    metadata m = read(text);
    CHECK(m.title == "The Voyage");
    CHECK(m.subtitle == "A Journey");
    CHECK(names(m.authors) == strings{"Ada Fenwick/aut", "Ursula Le Guin/aut"});
    CHECK(names(m.contributors) == strings{"Nora Voice/nrt"});
    CHECK(m.series == "Harbours");
    CHECK(m.series_index_text == "1.5");
    CHECK(m.series_index == 1.5);
    CHECK(m.genres == strings{"Fantasy"});
    CHECK(m.subjects == strings{"slow"});
    CHECK(m.published_on == "2014");
    CHECK(m.description_text == "Good");
    CHECK(m.languages == strings{"en"});
    CHECK(m.identifiers == std::vector<std::pair<std::string, std::string>>{
                               {"isbn_13", "9780306406157"}, {"isbn_10", "0306406152"}, {"asin", "B000000001"}});
    CHECK(m.facts == std::vector<std::pair<std::string, std::string>>{{"abridged", "true"}, {"explicit", "false"}});
    CHECK(m.chapters == std::vector<chapter>{{"One", 0, 60'500}, {"Two", 60'500, 120'000}});
  }
}

TEST_CASE("what has another type is passed over, key by key") {
  metadata m =
      read(R"({"title": ["no"], "authors": "no", "narrators": [1, null, {"name": 3}, "Yes"], "series": [null], "genres": {"a": 1},
    "publishedYear": "soon", "description": 5, "isbn": "123", "language": "klingonese", "chapters": [1, {"start": "a"}, {"start": 5, "end": 1},
    {"start": -1, "end": 2}, {"start": 0, "end": 1e300}]})");
  CHECK(m.title.empty());
  CHECK(m.authors.empty());
  CHECK(names(m.contributors) == strings{"3/nrt", "Yes/nrt"});
  CHECK(m.series.empty());
  CHECK(m.genres.empty());
  CHECK(m.published_on.empty());
  CHECK(m.identifiers.empty());
  CHECK(m.languages.empty());
  CHECK(m.chapters.empty());
  CHECK(read("{}").title.empty());
  CHECK(read(R"({"metadata": 5, "title": "Outside"})").title == "Outside");
  CHECK(read(R"({"series": ["No number #"]})").series == "No number #");
  CHECK(read(R"({"series": ["Huge #1e999"]})").series_index == std::nullopt);
}

TEST_CASE("what is no JSON object is refused") {
  for (const std::string& text : {std::string(), std::string("[1]"), std::string("{\"title\": \"cut"), std::string(100, '[')})
    CHECK(refused(read_metadata_json(text)) == "unsupported_type");
  CHECK(refused(read_metadata_json("{\"title\": \"" + std::string(5 << 20, 'x') + "\"}")) == "xml_too_large");
}

TEST_CASE("whatever a sidecar says survives the way out of its process") {
  std::string many = "{\"title\": \"" + std::string(20'000, 'x') + "\", \"series\": [\"" + std::string(5000, 's') + " #" +
                     std::string(500, '1') + "\"], \"authors\": [";
  for (int i = 0; i < 5000; ++i) many += "\"Somebody Number " + std::to_string(i) + "\",";
  many += "\"Last\"], \"description\": \"" + std::string(300'000, 'y') + "\", \"tags\": [\"\\u0000\\u001b\"]}";
  result<told, refusal> t = read_metadata_json(many);
  REQUIRE(t);
  REQUIRE(t->about.title.size() == 1000);
  REQUIRE(t->about.authors.size() == 200);
  t->cover = "cover.jpg";
  t->added_at = instant(std::chrono::seconds(1'433'152'800));
  result<told, refusal> back = told_from_json(to_json(*t));
  REQUIRE(back);
  CHECK(back->about.authors == t->about.authors);
  CHECK(back->about.title == t->about.title);
  CHECK(back->cover == "cover.jpg");
  CHECK(back->added_at == t->added_at);
  CHECK(back->warnings == t->warnings);
  CHECK(refused(told_from_json("{}")) == "inspection_crash");
  CHECK(refused(told_from_json(to_json(refusal{"xml_too_deep", ""}))) == "xml_too_deep");
}
