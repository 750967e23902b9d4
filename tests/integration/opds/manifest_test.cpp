// Reading without downloading (opds.md 10).
#include <catch2/catch.hpp>

#include "library/audio_edition.hpp"
#include "library/book.hpp"
#include "server/core/json.hpp"
#include "server/core/text.hpp"
#include "tests/integration/opds/judges.hpp"
#include "tests/integration/opds/world.hpp"
#include "tests/unit/publication/comic_maker.hpp"
#include "tests/unit/publication/epub_maker.hpp"
#include "tests/unit/publication/pdf_maker.hpp"

using namespace carrel;
using namespace carrel::opds::tests;
namespace made = carrel::publication::test;

namespace {

std::string manifest_at(const made_book& b) { return "/opds/v2/books/" + b.id.text() + "/manifest"; }
std::string positions_at(const made_book& b) { return "/opds/v2/books/" + b.id.text() + "/positions"; }
std::string resource_at(const made_book& b, const std::string& path) { return "/opds/res/" + b.file.text() + "/" + path; }

json::object parsed_json(const reply& r) {
  REQUIRE(r.status == 200);
  result<json::object> out = json::read_object(r.body);
  REQUIRE(out);
  return *out;
}

const json::array& list_in(const json::object& o, const char* name) {
  const json::value* v = o.find(name);
  REQUIRE(v != nullptr);
  REQUIRE(v->as_array() != nullptr);
  return *v->as_array();
}

std::string text_in(const json::value& v, const char* name) {
  std::string out;
  REQUIRE(v.as_object() != nullptr);
  v.as_object()->take(name, out);
  return out;
}

constexpr const char* page_html =
    "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>Two</title></head><body><h1 "
    "id='h'>Two</h1><p>More.</p></body></html>";

made::epub epub_with_parts() {
  made::epub e;
  e.manifest =
      "<item id='c2' href='text/two%20words.xhtml' media-type='application/xhtml+xml'/>"
      "<item id='css' href='style.css' media-type='text/css'/>"
      "<item id='pic' href='cover.png' media-type='image/png' properties='cover-image'/>"
      "<item id='odd' href='data.bin' media-type='application/x-odd'/>"
      "<item id='js' href='run.js' media-type='application/x-javascript'/>"
      "<item id='nav' href='nav.xhtml' media-type='application/xhtml+xml' properties='nav'/>";
  e.spine = "<itemref idref='c1'/><itemref idref='c2'/>";
  e.more = {
      {.name = "OEBPS/text/two words.xhtml", .data = page_html},
      {.name = "OEBPS/style.css", .data = "p { margin: 0 }"},
      {.name = "OEBPS/cover.png", .data = made::make_png(20, 30)},
      {.name = "OEBPS/data.bin", .data = "\x01\x02"},
      {.name = "OEBPS/run.js", .data = "alert(1)"},
      {.name = "OEBPS/secret.txt", .data = "not in the package"},
      {.name = "OEBPS/nav.xhtml",
       .data =
           "<html xmlns='http://www.w3.org/1999/xhtml' xmlns:epub='http://www.idpf.org/2007/ops'><body><nav epub:type='toc'><ol>"
           "<li><a href='ch01.xhtml'>Chapter 1</a><ol><li><span>Heading</span><ol><li><a "
           "href='gone.xhtml'>Gone</a></li></ol></li><li><a href='text/two%20words.xhtml#h'>Two &amp; more</a></li></ol></li>"
           "</ol></nav></body></html>"}};
  return e;
}

}  // namespace

TEST_CASE("an EPUB is read by its manifest, document by document") {
  world w;
  made_book b = w.add(
      {.title = "Web \"book\"", .authors = {"Ada Fenwick", "Tomás Quill"}, .bytes = epub_with_parts().bytes(), .cover = true});
  auto http = w.as(w.owner);
  reply r = http->get(manifest_at(b));
  CHECK(r.header("Content-Type") == "application/webpub+json");
  CHECK(refused_json("manifest", r.body) == "");
  CHECK(http->get(manifest_at(b), {{"If-None-Match", r.header("ETag")}}).status == 304);
  CHECK(http->head(manifest_at(b)).status == 200);
  json::object m = parsed_json(r);
  CHECK(text_in(*m.find("metadata"), "conformsTo") == "https://readium.org/webpub-manifest/profiles/epub");
  CHECK(text_in(*m.find("metadata"), "title") == "Web \"book\"");
  CHECK(text_in(*m.find("metadata"), "layout") == "reflowable");
  const json::array& order = list_in(m, "readingOrder");
  REQUIRE(order.size() == 2);
  CHECK(text_in(order[0], "title") == "Chapter 1");
  CHECK(text_in(order[1], "href") == w.base() + resource_at(b, "OEBPS/text/two%20words.xhtml"));
  CHECK(text_in(order[1], "type") == "application/xhtml+xml");
  const json::array& toc = list_in(m, "toc");
  REQUIRE(toc.size() == 1);
  CHECK(text_in(list_in(*toc[0].as_object(), "children")[0], "title") == "Two & more");
  CHECK(text_in(list_in(*toc[0].as_object(), "children")[0], "href") ==
        w.base() + resource_at(b, "OEBPS/text/two%20words.xhtml#h"));

  // Every address in it answers with the type that was promised.
  bool cover = false;
  for (const char* list : {"readingOrder", "resources"}) {
    for (const json::value& item : list_in(m, list)) {
      INFO(text_in(item, "href"));
      REQUIRE(text_in(item, "href").starts_with(w.base() + "/"));
      reply part = http->get(path_of_url(text_in(item, "href")));
      CHECK(part.status == 200);
      CHECK(part.header("Content-Type") == text_in(item, "type"));
      CHECK(part.header("X-Content-Type-Options") == "nosniff");
      CHECK(part.header("Content-Security-Policy") ==
            "sandbox; default-src 'none'; img-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'");
      CHECK(http->get(path_of_url(text_in(item, "href")), {{"If-None-Match", part.header("ETag")}}).status == 304);
      cover = cover || text_in(item, "rel") == "cover";
    }
  }
  CHECK(cover);
  CHECK(http->get(resource_at(b, "OEBPS/text/two%20words.xhtml")).body == page_html);
  CHECK(http->get(resource_at(b, "OEBPS/data.bin")).header("Content-Type") == "application/octet-stream");
}

TEST_CASE("nothing outside the package is served, whatever the path says") {
  world w;
  made_book b = w.add({.title = "Closed", .bytes = epub_with_parts().bytes()});
  auto http = w.as(w.owner);
  REQUIRE(http->get(resource_at(b, "OEBPS/ch01.xhtml")).status == 200);
  for (const char* path :
       {"OEBPS/secret.txt", "META-INF/container.xml", "mimetype", "OEBPS/content.opf", "../../../../etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "OEBPS/../OEBPS/ch01.xhtml", "oebps/ch01.xhtml", "",
        "OEBPS/ch01.xhtml%00.png", "OEBPS/", "OEBPS\\ch01.xhtml"}) {
    INFO(path);
    CHECK(http->get(resource_at(b, path)).status / 100 == 4);
  }
}

TEST_CASE("what cannot be read piece by piece is not there: closed, broken and other books") {
  world w;
  auto http = w.as(w.owner);
  made::epub locked = epub_with_parts();
  locked.more.push_back({.name = "META-INF/encryption.xml",
                         .data = "<encryption xmlns='urn:oasis:names:tc:opendocument:xmlns:container' "
                                 "xmlns:enc='http://www.w3.org/2001/04/xmlenc#'><enc:EncryptedData><enc:EncryptionMethod "
                                 "Algorithm='http://www.w3.org/2001/04/xmlenc#aes128-cbc'/><enc:CipherData><enc:CipherReference "
                                 "URI='OEBPS/ch01.xhtml'/></enc:CipherData></enc:EncryptedData></encryption>"});
  locked.more.push_back({.name = "META-INF/rights.xml", .data = "<x/>"});
  for (const book_draft& d : std::vector<book_draft>{{.title = "Locked", .bytes = locked.bytes()},
                                                     {.title = "Broken", .bytes = "PK broken"},
                                                     {.title = "Text", .format = "txt", .extension = ".txt", .bytes = "plain"},
                                                     {.title = "Silent", .format = "mp3", .extension = ".mp3", .bytes = "x"}}) {
    INFO(d.title);
    made_book b = w.add(d);
    CHECK(http->get(manifest_at(b)).status == 404);
    CHECK(http->get(positions_at(b)).status == 404);
    CHECK(http->get(resource_at(b, "OEBPS/ch01.xhtml")).status == 404);
  }
  CHECK(http->get("/opds/v2/books/" + uuid::make().text() + "/manifest").status == 404);
  CHECK(http->get("/opds/v2/books/x/manifest").status == 404);
  CHECK(http->send("PUT", manifest_at(w.add({.title = "Put"}))).status == 405);
}

TEST_CASE("a file that is gone from the disk is not there") {
  world w;
  made_book b = w.add({.title = "Gone", .bytes = epub_with_parts().bytes()});
  auto http = w.as(w.owner);
  REQUIRE(http->get(manifest_at(b)).status == 200);
  std::filesystem::remove(w.path_of(b.file));
  CHECK(http->get(manifest_at(b)).status == 404);
  CHECK(http->get(resource_at(b, "OEBPS/ch01.xhtml")).status == 404);
}

TEST_CASE("a switch of the owner takes manifests away") {
  world w(settings{{"opds.manifests", "off"}});
  made_book b = w.add({.title = "Off", .bytes = epub_with_parts().bytes()});
  auto http = w.as(w.owner);
  CHECK(http->get(manifest_at(b)).status == 404);
  CHECK(http->get(resource_at(b, "OEBPS/ch01.xhtml")).status == 404);
  CHECK(http->get("/opds/v2/books").body.find("Read online") == std::string::npos);
}

TEST_CASE("positions of an EPUB lie a kilobyte of its stored bytes apart, at least one in each document") {
  world w;
  made::epub e = epub_with_parts();
  e.more[0].data.append(5000, ' ');  // stored as it is
  auto bytes = e.more[0].data.size();
  made_book b = w.add({.title = "Placed", .bytes = e.bytes()});
  reply r = w.as(w.owner)->get(positions_at(b));
  CHECK(r.header("Content-Type") == "application/vnd.readium.position-list+json");
  json::object list = parsed_json(r);
  std::int64_t total = 0;
  REQUIRE(list.take("total", total));
  std::size_t second = (bytes + 1023) / 1024;
  CHECK(total == static_cast<std::int64_t>(1 + second));
  const json::array& all = list_in(list, "positions");
  REQUIRE(all.size() == 1 + second);
  CHECK(text_in(all[1], "href") == "OEBPS/text/two%20words.xhtml");
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::int64_t position = 0;
    double whole = -1;
    const json::object& at = *all[i].as_object()->find("locations")->as_object();
    CHECK(at.take("position", position));
    CHECK(position == static_cast<std::int64_t>(i + 1));
    CHECK(at.take("totalProgression", whole));
    CHECK(whole == Approx(static_cast<double>(i) / static_cast<double>(all.size())));
  }
}

TEST_CASE("a comic is a list of pictures with their sizes") {
  world w;
  made_book b = w.add(
      {.title = "Drawn",
       .format = "cbz",
       .extension = ".cbz",
       .bytes = made::make_zip({{.name = "1.png", .data = made::make_png(100, 150)},
                                {.name = "2.png", .data = made::make_png(300, 150)},
                                {.name = "10.png", .data = made::make_png(100, 150)},
                                {.name = "ComicInfo.xml", .data = "<ComicInfo><Manga>YesAndRightToLeft</Manga></ComicInfo>"}})});
  auto http = w.as(w.owner);
  reply r = http->get(manifest_at(b));
  CHECK(r.header("Content-Type") == "application/divina+json");
  CHECK(refused_json("manifest", r.body) == "");
  json::object m = parsed_json(r);
  CHECK(text_in(*m.find("metadata"), "readingProgression") == "rtl");
  CHECK(text_in(*m.find("metadata"), "layout") == "fixed");
  const json::array& order = list_in(m, "readingOrder");
  REQUIRE(order.size() == 3);
  CHECK(text_in(order[0], "rel") == "cover");
  CHECK(text_in(*order[0].as_object()->find("properties"), "page") == "left");
  CHECK(text_in(*order[1].as_object()->find("properties"), "page") == "center");
  CHECK(text_in(*order[2].as_object()->find("properties"), "page") == "right");
  std::int64_t width = 0;
  REQUIRE(order[1].as_object()->take("width", width));
  CHECK(width == 300);
  CHECK(http->get(path_of_url(text_in(order[1], "href"))).body == made::make_png(300, 150));
  CHECK(list_in(parsed_json(http->get(positions_at(b))), "positions").size() == 3);
}

TEST_CASE("strips that are far taller than wide are scrolled, not turned two by two") {
  world w;
  made_book b = w.add({.title = "Strips",
                       .format = "cbz",
                       .extension = ".cbz",
                       .bytes = made::make_zip({{.name = "1.png", .data = made::make_png(40, 60)},
                                                {.name = "2.png", .data = made::make_png(40, 200)},
                                                {.name = "3.png", .data = made::make_png(40, 300)}})});
  reply r = w.as(w.owner)->get(manifest_at(b));
  CHECK(refused_json("manifest", r.body) == "");
  json::object m = parsed_json(r);
  CHECK(text_in(*m.find("metadata"), "layout") == "scrolled");
  for (const json::value& page : list_in(m, "readingOrder")) CHECK_FALSE(page.as_object()->find("properties"));
}

TEST_CASE("a PDF is one resource with its pages as positions") {
  world w;
  made::pdf three;
  three.pages = 3;
  made_book b = w.add({.title = "Printed", .format = "pdf", .extension = ".pdf", .bytes = three.bytes()});
  auto http = w.as(w.owner);
  reply r = http->get(manifest_at(b));
  CHECK(r.header("Content-Type") == "application/webpub+json");
  CHECK(refused_json("manifest", r.body) == "");
  json::object m = parsed_json(r);
  CHECK(text_in(*m.find("metadata"), "conformsTo") == "https://readium.org/webpub-manifest/profiles/pdf");
  const json::array& order = list_in(m, "readingOrder");
  REQUIRE(order.size() == 1);
  CHECK(http->get(path_of_url(text_in(order[0], "href"))).header("Content-Type") == "application/pdf");
  const json::object places = parsed_json(http->get(positions_at(b)));
  REQUIRE(list_in(places, "positions").size() == 3);
}

TEST_CASE("an audiobook is a track with its chapters, and the track can be asked for in parts") {
  world w;
  made_book b = w.add({.title = "Heard", .format = "m4b", .extension = ".m4b", .bytes = "0123456789", .duration = 3'600'400});
  w.change([&](db::tx& tx) {
    tx.run(
        {"test.chapters", "update book_files set facts = $2::jsonb where id = $1"}, b.file,
        R"({"chapters": [{"title": "One", "start_ms": 0, "end_ms": 1834500}, {"title": "Two", "start_ms": 1834500, "end_ms": 3600400}]})");
  });
  auto http = w.as(w.owner);
  reply r = http->get(manifest_at(b));
  CHECK(r.header("Content-Type") == "application/audiobook+json");
  CHECK(refused_json("manifest", r.body) == "");
  json::object m = parsed_json(r);
  double duration = 0;
  REQUIRE(m.find("metadata")->as_object()->take("duration", duration));
  CHECK(duration == Approx(3600.4));
  std::string track = text_in(list_in(m, "readingOrder")[0], "href");
  CHECK(text_in(list_in(m, "toc")[1], "href") == track + "#t=1834.5");
  reply part = http->get(path_of_url(track), {{"Range", "bytes=2-4"}});
  CHECK(part.status == 206);
  CHECK(part.body == "234");
  CHECK(part.header("Content-Type") == "audio/mp4");
  CHECK(http->get("/opds/audio/" + b.file.text() + "/2").status == 404);
  CHECK(http->get(positions_at(b)).status == 404);
}

TEST_CASE("a book that is there as text and as sound has a manifest of each") {
  world w;
  std::vector<made_book> parts =
      w.add_all({{.title = "Both", .bytes = epub_with_parts().bytes()},
                 {.title = "Both", .format = "m4b", .extension = ".m4b", .bytes = "sound", .duration = 60'000}});
  const made_book& b = parts[0];
  w.change([&](db::tx& tx) {
    tx.run({"test.both_forms", "update book_files set book_id = $2 where id = $1"}, parts[1].file, b.id);
  });
  auto http = w.as(w.owner);
  json::object m = parsed_json(http->get("/opds/v2/books/" + b.id.text()));
  std::vector<std::string> types;
  for (const json::value& l : list_in(m, "links")) {
    std::string type = text_in(l, "type"), href = text_in(l, "href");
    if (href.find("/manifest") == std::string::npos) continue;
    types.push_back(type);
    reply r = http->get(path_of_url(href));
    CHECK(r.header("Content-Type") == type);
    CHECK(refused_json("manifest", r.body) == "");
    CHECK(text_in(list_in(parsed_json(r), "links")[0], "href") == href);
  }
  CHECK(types == std::vector<std::string>{"application/webpub+json", "application/audiobook+json"});
  CHECK(http->get(manifest_at(b) + "?as=audio").header("Content-Type") == "application/audiobook+json");
  CHECK(http->get(manifest_at(b) + "?as=text").header("Content-Type") == "application/webpub+json");
  CHECK(http->get(manifest_at(b) + "?as=dance").header("Content-Type") == "application/webpub+json");
  CHECK(http->get(positions_at(b)).status == 200);
}

TEST_CASE("recordings that are one book are its tracks in their order, and chapters lead into them") {
  world w;
  std::vector<made_book> parts =
      w.add_all({{.title = "Parts", .format = "mp3", .extension = ".mp3", .bytes = "first", .duration = 60'500},
                 {.title = "Parts", .format = "mp3", .extension = ".mp3", .bytes = "other", .duration = 30'000}});
  const made_book& b = parts[0];
  w.change([&](db::tx& tx) {
    tx.run(
        {"test.one_book", "update book_files set book_id = $2, facts = $3::jsonb where id = $1"}, parts[1].file, b.id,
        R"({"chapters": [{"title": "Two", "start_ms": 0, "end_ms": 10000}, {"title": "Three", "start_ms": 10000, "end_ms": 30000}]})");
    library::write_edition(tx, b.id, {.files = {b.file, parts[1].file}, .missing = {}});
  });
  auto http = w.as(w.owner);
  reply r = http->get(manifest_at(b));
  CHECK(refused_json("manifest", r.body) == "");
  json::object m = parsed_json(r);
  const json::array& order = list_in(m, "readingOrder");
  REQUIRE(order.size() == 2);
  double duration = 0, first = 0, second = 0;
  REQUIRE(m.find("metadata")->as_object()->take("duration", duration));
  REQUIRE(order[0].as_object()->take("duration", first));
  REQUIRE(order[1].as_object()->take("duration", second));
  CHECK(duration == 90.5);
  CHECK(first + second == duration);
  CHECK(http->get(path_of_url(text_in(order[1], "href"))).body == "other");
  CHECK(http->get(path_of_url(text_in(order[1], "href"))).header("Content-Type") == "audio/mpeg");
  const json::array& toc = list_in(m, "toc");
  REQUIRE(toc.size() == 3);
  CHECK(text_in(toc[0], "href") == text_in(order[0], "href") + "#t=0");
  CHECK(text_in(toc[2], "href") == text_in(order[1], "href") + "#t=10");
}

TEST_CASE("publications of OPDS 2.0 lead to their manifests, which answer as promised; page streams stay out") {
  world w;
  w.add_all({{.title = "Words", .bytes = epub_with_parts().bytes()},
             {.title = "Pictures",
              .format = "cbz",
              .extension = ".cbz",
              .bytes = made::make_zip({{.name = "1.png", .data = made::make_png(10, 15)}})},
             {.title = "Print", .format = "pdf", .extension = ".pdf", .bytes = made::pdf().bytes()},
             {.title = "Sound", .format = "mp3", .extension = ".mp3", .bytes = "x", .duration = 1000},
             {.title = "Plain", .format = "txt", .extension = ".txt", .bytes = "plain"}});
  w.read_outlines();
  auto http = w.as(w.owner);
  reply feed = http->get("/opds/v2/books");
  CHECK(feed.body.find("pse") == std::string::npos);
  CHECK(http->get("/opds/v2/books").body == feed.body);
  json::object list = parsed_json(feed);
  std::string types;
  for (const json::value& p : list_in(list, "publications")) {
    for (const json::value& l : list_in(*p.as_object(), "links")) {
      std::string title = text_in(l, "title");
      if (title != "Read online" && title != "Listen online") continue;
      CHECK((title == "Listen online") == (text_in(l, "type") == "application/audiobook+json"));
      CHECK(text_in(l, "rel") == "http://opds-spec.org/acquisition");
      reply manifest = http->get(path_of_url(text_in(l, "href")));
      CHECK(manifest.status == 200);
      CHECK(manifest.header("Content-Type") == text_in(l, "type"));
      CHECK(refused_json("manifest", manifest.body) == "");
      types += text_in(l, "type") + " ";
    }
  }
  CHECK(types == "application/divina+json application/webpub+json application/audiobook+json application/webpub+json ");
  CHECK(http->get("/opds/v2/books", {{"User-Agent", "KOReader/2026.07"}}).body.find(" online\"") == std::string::npos);
  CHECK(http->get("/opds/books").body.find(" online\"") == std::string::npos);
  CHECK(http->get("/opds/v2/sync").body.find(" online\"") == std::string::npos);
}
