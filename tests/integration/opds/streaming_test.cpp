// Page streaming (opds.md 8, 17.25).
#include <catch2/catch.hpp>
#include <pugixml.hpp>

#include "library/document.hpp"
#include "library/position.hpp"
#include "library/user.hpp"
#include "publication/cover.hpp"
#include "publication/outline.hpp"
#include "server/core/clock.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"
#include "tests/integration/opds/world.hpp"
#include "tests/unit/opds/checks.hpp"
#include "tests/unit/publication/comic_maker.hpp"
#include "tests/unit/publication/pdf_maker.hpp"
#include "tests/unit/publication/zip_maker.hpp"

using namespace carrel;
using namespace carrel::opds::tests;
namespace made = carrel::publication::test;

namespace {

constexpr const char* stream_rel = "http://vaemendis.net/opds-pse/stream";

// 40 x 60 pixels.
const std::string webp = *base64_decode(
    "UklGRvQAAABXRUJQVlA4WAoAAAAIAAAAJwAAOwAAVlA4TBQAAAAvJ8AOAAcQEf0PAAnh/3oxov+pCkVYSUa6AAAARXhpZgAASUkqAAgAAAAGABIBAwABAAAAAQAA"
    "ABoBBQABAAAAVgAAABsBBQABAAAAXgAAACgBAwABAAAAAgAAABMCAwABAAAAAQAAAGmHBAABAAAAZgAAAAAAAAA4YwAA6AMAADhjAADoAwAABgAAkAcABAAAADAy"
    "MTAB"
    "kQcABAAAAAECAwAAoAcABAAAADAxMDABoAMAAQAAAP//AAACoAQAAQAAACgAAAADoAQAAQAAADwAAAAAAAAA");

// Pages whose names only sort rightly by their numbers, in the wrong order, between things that are no pages.
std::vector<made::part> pages_of(int count) {
  std::vector<made::part> out{{.name = "__MACOSX/p1.png", .data = made::page_picture(900)},
                              {.name = "Thumbs.db", .data = "x"},
                              {.name = ".hidden.png", .data = made::page_picture(901)}};
  for (int i = count; i >= 1; --i) out.push_back({.name = "p" + std::to_string(i) + ".png", .data = made::page_picture(i)});
  return out;
}

book_draft comic(const std::string& title, std::string bytes, const std::string& format = "cbz") {
  return {.title = title, .format = format, .extension = "." + format, .bytes = std::move(bytes)};
}

std::string stream_at(const made_book& b, const std::string& page) { return "/opds/pse/" + b.file.text() + "/" + page; }

pugi::xml_node stream_in(const pugi::xml_node& entry) {
  for (pugi::xml_node l : entry.children("link")) {
    if (std::string(l.attribute("rel").value()) == stream_rel) return l;
  }
  return {};
}

struct thawed {
  ~thawed() { set_clock(std::nullopt); }
};

int width_of(const std::string& picture) {
  auto facts = publication::inspect_picture(picture);
  REQUIRE(facts);
  return facts->width;
}

// As KOReader tells where it is in the file.
void push(world& w, const made_book& b, const std::string& page, double fraction) {
  w.change([&](db::tx& tx) {
    library::position p;
    p.user = w.owner.user;
    p.document = tx.run({"test.koreader_id", "select koreader_md5 from book_files where id = $1"}, b.file)[0].text(0);
    p.progress = page;
    p.percentage = fraction;
    p.device = "Boox";
    p.device_key = "c:" + w.owner.device.text();
    p.credential = w.owner.device;
    p.timestamp = unix_seconds(now());
    tx.run({"test.known_hash",
            "insert into book_file_hashes (hash, kind, file_id, book_id) values ($1, 'partial', $2, $3) on conflict "
            "do nothing"},
           p.document, b.file, b.id);
    library::put_positions(tx, {p}, {});
    library::link_document(tx, p.user, p.document);
    w.place_moved(p.user, p.document);
  });
}

}  // namespace

TEST_CASE("comics of a folder that is away are looked at when it is back, and keep no others waiting") {
  world w;
  made_book away = w.add(comic("Away", made::make_zip(pages_of(3))));
  w.add(comic("Here", made::make_zip(pages_of(4))));
  std::filesystem::path folder = harness::fresh_folder("comics"), file = folder / "away.cbz";
  std::filesystem::path elsewhere = folder.native() + ".away";
  std::filesystem::copy_file(w.path_of(away.file), file);
  w.change([&](db::tx& tx) {
    tx.run({"test.lay_in_place", "update book_files set storage_path = $2, created_at = now() + interval '1 day' where id = $1"},
           away.file, library::external_path(file));
  });
  std::filesystem::rename(folder, elsewhere);
  CHECK(w.read_outlines() == 1);
  auto missing = [](db::tx& tx) {
    return tx.run({"test.missing_comics", "select count(*) from book_files where missing_since is not null"})[0].integer(0);
  };
  CHECK(w.other().read_now(missing) == 0);
  std::filesystem::rename(elsewhere, folder);
  CHECK(w.read_outlines() == 1);
}

TEST_CASE("a comic is offered page by page as soon as its pages are known, behind its download") {
  world w;
  made_book b = w.add(comic("Tide Riders", made::make_zip(pages_of(12))));
  auto http = w.as(w.owner);
  reply before = http->get("/opds/new");
  CHECK_FALSE(stream_in(parsed(before.body).child("feed").child("entry")));
  CHECK(w.read_outlines() == 1);
  CHECK(w.read_outlines() == 0);

  reply feed = http->get("/opds/new");
  CHECK(feed.header("ETag") != before.header("ETag"));
  for (const std::string& document : {feed.body, http->get("/opds/books/" + b.id.text()).body}) {
    pugi::xml_document doc = parsed(document);
    pugi::xml_node entry = doc.child("feed") ? doc.child("feed").child("entry") : doc.child("entry"), last;
    for (pugi::xml_node l : entry.children("link")) last = l;
    CHECK(last.attribute("rel").value() == std::string(stream_rel));
    CHECK(last.attribute("type").value() == std::string("image/jpeg"));
    CHECK(last.attribute("href").value() == w.base() + stream_at(b, "{pageNumber}?w={maxWidth}"));
    CHECK(last.attribute("pse:count").as_int() == 12);
    CHECK_FALSE(last.attribute("pse:lastRead"));
    CHECK(std::string(doc.document_element().attribute("xmlns:pse").value()) == "http://vaemendis.net/opds-pse/ns");
  }
  CHECK(refused({feed.body, http->get("/opds/books/" + b.id.text()).body}) == "");
}

TEST_CASE("pages come in the order of their numbers, from 0, as they are in the archive") {
  world w;
  for (const made::container& c : made::containers()) {
    INFO(c.name);
    std::string format = c.name.substr(c.name.rfind('.') + 1);
    made_book b = w.add(comic(c.name, c.make(pages_of(11)), format));
    auto http = w.as(w.owner);
    for (int i : {0, 1, 9, 10}) {
      reply r = http->get(stream_at(b, std::to_string(i)));
      REQUIRE(r.status == 200);
      CHECK(r.header("Content-Type") == "image/png");
      CHECK(r.header("Cache-Control") == "private, max-age=86400");
      CHECK(r.body == made::page_picture(i + 1));
      CHECK(http->get(stream_at(b, std::to_string(i)), {{"If-None-Match", r.header("ETag")}}).status == 304);
      CHECK(http->head(stream_at(b, std::to_string(i))).header("Content-Type") == "image/png");
    }
    for (const char* page : {"11", "-1", "99999999999", "99999999999999999999"})
      CHECK(http->get(stream_at(b, page)).status == 404);
    for (const char* page : {"abc", "1.5", "%7BpageNumber%7D"}) CHECK(http->get(stream_at(b, page)).status == 400);
    std::string original = "/opds/pages/" + b.file.text() + "/";
    CHECK(http->get(original + "1").body == made::page_picture(1));
    CHECK(http->get(original + "11").body == made::page_picture(11));
    CHECK(http->get(original + "0").status == 404);
    CHECK(http->get(original + "12").status == 404);
  }
}

TEST_CASE("a page is scaled down to the width that is asked for and never up") {
  world w;
  made_book b = w.add(comic("Wide", made::make_zip({{.name = "1.png", .data = made::make_png(1000, 500)}})));
  auto http = w.as(w.owner);
  auto page = [&](const std::string& query) { return http->get(stream_at(b, "0") + query); };
  reply whole = page("");
  REQUIRE(whole.status == 200);
  CHECK(whole.body == made::make_png(1000, 500));
  // Larger ones, nonsense and templates that nobody filled in are as good as none.
  for (const char* query :
       {"?w=1000", "?w=4000", "?w=99999999", "?w=0", "?w=-5", "?w=abc", "?w=", "?w={maxWidth}", "?w=%7BmaxWidth%7D"}) {
    INFO(query);
    reply r = page(query);
    CHECK(r.status == 200);
    CHECK(r.body == whole.body);
    CHECK(r.header("ETag") == whole.header("ETag"));
  }
  for (auto [query, width] : {std::pair("?w=600", 600), {"?w=541", 600}, {"?w=1", 200}, {"?w=200", 200}}) {
    INFO(query);
    reply r = page(query);
    CHECK(r.header("Content-Type") == "image/jpeg");
    CHECK(width_of(r.body) == width);
    CHECK(r.header("ETag") != whole.header("ETag"));
  }
  CHECK(page("?w=600").body == page("?w=541").body);
}

TEST_CASE("pictures that readers do not know become JPEG") {
  world w;
  made_book b = w.add(comic("Modern", made::make_zip({{.name = "1.webp", .data = webp}})));
  auto http = w.as(w.owner);
  reply r = http->get(stream_at(b, "0"));
  CHECK(r.header("Content-Type") == "image/jpeg");
  CHECK(publication::picture_type(r.body) == "image/jpeg");
  CHECK(width_of(r.body) == 40);
  std::string original = "/opds/pages/" + b.file.text() + "/1";
  CHECK(http->get(original).header("Content-Type") == "image/webp");
  CHECK(http->get(original).body == webp);
  CHECK(http->get(original + "?as=jpeg").header("Content-Type") == "image/jpeg");
}

TEST_CASE("animated pictures are left alone") {
  world w;
  std::string gif = "GIF89a\x20\x03\x20\x03";
  gif += std::string("\0\0\0", 3) + "NETSCAPE2.0" + "rest;";
  made_book b = w.add(comic("Moving", made::make_zip({{.name = "1.gif", .data = gif}})));
  reply r = w.as(w.owner)->get(stream_at(b, "0?w=200"));
  CHECK(r.header("Content-Type") == "image/gif");
  CHECK(r.body == gif);
}

TEST_CASE("broken and hostile archives are refused without a failure of the server") {
  world w;
  auto http = w.as(w.owner);
  std::string whole = made::make_zip(pages_of(3));
  std::uint32_t crc = 0;
  std::string zeros = made::deflated_zeros(80 << 20, crc);
  made::part bomb{.name = "1.png", .data = "", .size = 80u << 20, .crc = crc, .method = 8, .packed = zeros};
  made::part outside{.name = "../../etc/passwd.png", .data = made::page_picture(1)};
  made::part link{.name = "1.png", .data = "/etc/passwd", .attributes = 0120777u << 16};
  made::part not_one{.name = "1.png", .data = "<script>alert(1)</script>"};
  for (const auto& [name, bytes] : std::vector<std::pair<std::string, std::string>>{
           {"cut", whole.substr(0, whole.size() / 2)},
           {"empty", made::make_zip({})},
           {"no pages", made::make_zip({{.name = "a.txt", .data = "x"}})},
           {"bomb", made::make_zip({bomb})},
           {"outside", made::make_zip({outside})},
           {"link", made::make_zip({link})},
           {"no picture", made::make_zip({not_one})},
           {"no archive", "this is no archive at all"},
           {"encrypted", made::make_rar5(pages_of(2), {.encrypted_headers = true})}}) {
    INFO(name);
    made_book b = w.add(comic(name, bytes + "\n"));
    for (const char* page : {"0", "1", "0?w=300"}) {
      reply r = http->get(stream_at(b, page));
      CHECK(r.status == 404);
      CHECK(r.header("Content-Type") == "text/plain;charset=utf-8");
      CHECK(r.body.find("script") == std::string::npos);
    }
    CHECK(http->get("/opds/v2/books/" + b.id.text() + "/manifest").status / 100 != 5);
  }
  w.read_outlines();
  CHECK(http->get("/opds/new").status == 200);
}

TEST_CASE("one damaged page does not hide the others") {
  world w;
  std::vector<made::part> pages = pages_of(3);
  pages[4].data = "no picture";  // p2
  made_book b = w.add(comic("Torn", made::make_zip(pages)));
  auto http = w.as(w.owner);
  CHECK(http->get(stream_at(b, "0")).status == 200);
  CHECK(http->get(stream_at(b, "1")).status == 404);
  CHECK(http->get(stream_at(b, "2")).body == made::page_picture(3));
}

TEST_CASE("what an account does not see has no pages for it") {
  world w;
  library::limits hidden;
  hidden.hidden_tags = {"secret"};
  library::limits no_download;
  no_download.may_download = false;
  sign_in child = w.add_reader("child", "limited", &hidden), guest = w.add_reader("guest", "limited", &no_download);
  book_draft d = comic("Secret", made::make_zip(pages_of(2)));
  d.tags = {"secret"};
  made_book b = w.add(d);
  CHECK(w.as(w.owner)->get(stream_at(b, "0")).status == 200);
  for (const std::string& path :
       {stream_at(b, "0"), "/opds/pages/" + b.file.text() + "/1", "/opds/v2/books/" + b.id.text() + "/manifest",
        "/opds/v2/books/" + b.id.text() + "/positions", "/opds/res/" + b.file.text() + "/p1.png"}) {
    INFO(path);
    CHECK(w.as(child)->get(path).status == 404);
    CHECK(w.anonymous()->get(path).status == 401);
    CHECK(w.as(guest)->get(path).status == 403);
  }
  CHECK(w.as(w.owner)->get("/opds/pse/" + uuid::make().text() + "/0").status == 404);
  CHECK(w.as(w.owner)->get("/opds/pse/1/0").status == 404);
}

TEST_CASE("the stream tells the page that was read last, to its reader alone, and changes nothing else of the book") {
  world w;
  made_book b = w.add(comic("Begun", made::make_zip(pages_of(10))));
  sign_in other = w.add_reader("other");
  w.read_outlines();
  auto http = w.as(w.owner);
  std::string updated = parsed(http->get("/opds/new").body).child("feed").child("entry").child_value("updated");
  std::string tag = http->get("/opds/new").header("ETag");
  push(w, b, "4", 0.4);
  w.settle_places();
  reply feed = http->get("/opds/new", {{"If-None-Match", tag}});
  REQUIRE(feed.status == 200);
  pugi::xml_document doc = parsed(feed.body);
  pugi::xml_node stream = stream_in(doc.child("feed").child("entry"));
  CHECK(stream.attribute("pse:lastRead").as_int() == 4);
  CHECK(std::string(stream.attribute("pse:lastReadDate").value()).size() == 20);
  CHECK(doc.child("feed").child("entry").child_value("updated") == updated);
  CHECK(refused({feed.body}) == "");
  pugi::xml_document theirs = parsed(w.as(other)->get("/opds/new").body);
  CHECK_FALSE(stream_in(theirs.child("feed").child("entry")).attribute("pse:lastRead"));

  push(w, b, "10", 1);
  w.settle_places();
  CHECK(stream_in(parsed(http->get("/opds/new").body).child("feed").child("entry")).attribute("pse:lastRead").as_int() == 10);
}

TEST_CASE("PDFs are drawn only when the owner wants it") {
  made::pdf two;
  two.pages = 2;
  {
    world w;
    made_book b = w.add({.title = "Closed", .format = "pdf", .extension = ".pdf", .bytes = two.bytes()});
    w.read_outlines();
    CHECK(w.as(w.owner)->get(stream_at(b, "0")).status == 404);
    CHECK(w.as(w.owner)->get("/opds/new").body.find("opds-pse") == std::string::npos);
  }
  world w(settings{{"opds.pdf_pages", "on"}});
  made_book b = w.add({.title = "Drawn", .format = "pdf", .extension = ".pdf", .bytes = two.bytes()});
  made_book broken = w.add({.title = "Broken", .format = "pdf", .extension = ".pdf", .bytes = "%PDF-1.4 and nothing else"});
  w.read_outlines();
  auto http = w.as(w.owner);
  CHECK(http->get("/opds/new").body.find("pse:count=\"2\"") != std::string::npos);
  for (auto [query, width] : {std::pair("0", 1600), {"1", 1600}, {"0?w=300", 300}}) {
    reply r = http->get(stream_at(b, query));
    REQUIRE(r.status == 200);
    CHECK(r.header("Content-Type") == "image/jpeg");
    CHECK(width_of(r.body) == width);
  }
  CHECK(http->get(stream_at(b, "2")).status == 404);
  CHECK(http->get(stream_at(broken, "0")).status == 404);
}

TEST_CASE("pages that were made are kept, within their room") {
  world w(settings{{"opds.page_cache", "1MiB"}});
  made_book b = w.add(comic("Kept", made::make_zip(pages_of(40))));
  auto http = w.as(w.owner);
  std::filesystem::path folder = w.store().cache() / "pages";
  auto kept = [&] {
    int n = 0;
    for (const auto& e : std::filesystem::recursive_directory_iterator(folder)) n += e.is_regular_file() ? 1 : 0;
    return n;
  };
  reply first = http->get(stream_at(b, "7"));
  CHECK(kept() == 1);
  CHECK(http->get(stream_at(b, "7")).body == first.body);
  CHECK(kept() == 1);
  std::filesystem::remove_all(folder);
  CHECK(http->get(stream_at(b, "7")).body == first.body);
  // What is no picture is made again.
  for (const auto& e : std::filesystem::recursive_directory_iterator(folder)) {
    if (e.is_regular_file()) std::filesystem::resize_file(e.path(), 3);
  }
  CHECK(http->get(stream_at(b, "7")).body == first.body);
}

TEST_CASE("turning streamed pages is reading only where the owner says so") {
  thawed after;
  for (const char* on : {"off", "on"}) {
    INFO(on);
    world w(settings{{"opds.stream_positions", on}});
    made_book b = w.add(comic("Turned", made::make_zip(pages_of(20))));
    w.read_outlines();
    auto http = w.as(w.owner);
    instant at = now();
    auto turn = [&](int page, int seconds_later) {
      at += std::chrono::seconds(seconds_later);
      set_clock(at);
      REQUIRE(http->get(stream_at(b, std::to_string(page))).status == 200);
      w.finish_background();
    };
    auto last = [&] {
      w.settle_places();
      return stream_in(parsed(http->get("/opds/books/" + b.id.text()).body).child("entry")).attribute("pse:lastRead").as_int();
    };
    turn(0, 10);
    CHECK(last() == 0);
    turn(1, 1);  // fetched ahead
    turn(2, 0);
    turn(3, 0);
    CHECK(last() == 0);
    turn(4, 5);
    CHECK(last() == (std::string(on) == "on" ? 5 : 0));
    turn(0, 30);  // opened again at its beginning
    turn(1, 30);
    CHECK(last() == (std::string(on) == "on" ? 5 : 0));
    turn(17, 30);
    turn(18, 30);
    turn(19, 30);
    CHECK(last() <= 20);
    reply place = http->get("/opds/books/" + b.id.text() + "/progression");
    CHECK(place.body.find("\"progression\":1") == std::string::npos);
  }
}
