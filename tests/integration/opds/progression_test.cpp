// Reading positions over the catalog (opds.md 11).
#include <catch2/catch.hpp>
#include <pugixml.hpp>
#include <thread>

#include "library/app_place.hpp"
#include "library/audio_edition.hpp"
#include "library/device.hpp"
#include "library/document.hpp"
#include "library/position.hpp"
#include "library/user.hpp"
#include "server/core/clock.hpp"
#include "server/core/json.hpp"
#include "server/core/text.hpp"
#include "tests/integration/opds/judges.hpp"
#include "tests/integration/opds/world.hpp"
#include "tests/unit/publication/comic_maker.hpp"
#include "tests/unit/publication/epub_maker.hpp"

using namespace carrel;
using namespace carrel::opds::tests;
namespace made = carrel::publication::test;

namespace {

constexpr const char *progression_type = "application/opds-progression+json",
                     *locator_type = "application/vnd.readium.progression+json";

std::string progression_at(const made_book& b) { return "/opds/books/" + b.id.text() + "/progression"; }
std::string locator_at(const made_book& b) { return "/opds/books/" + b.id.text() + "/locator"; }

std::string moment(instant at) {
  std::string out = rfc3339_micros(at);
  return out.substr(0, out.size() - 4) + "Z";
}

std::string progression(instant at, const std::string& number, const std::string& device, const std::string& more = "") {
  return R"({"modified": ")" + moment(at) + R"(", "device": {"id": "urn:uuid:)" + device + R"(", "name": "Tablet )" + device +
         R"("}, "progression": )" + number + more + "}";
}

std::string locator(instant at, const std::string& inside, const std::string& device = "A") {
  return R"({"modified": ")" + moment(at) + R"(", "device": {"id": ")" + device + R"(", "name": "Phone"}, "locator": )" + inside +
         "}";
}

json::object parsed_json(const reply& r) {
  INFO(r.body);
  REQUIRE(r.status / 100 == 2);
  result<json::object> out = json::read_object(r.body);
  REQUIRE(out);
  return *out;
}

double number_in(const json::object& o, const char* name) {
  double out = -1;
  o.take(name, out);
  return out;
}

std::string text_in(const json::object& o, const char* name) {
  std::string out;
  o.take(name, out);
  return out;
}

const json::object& object_in(const json::object& o, const char* name) {
  REQUIRE(o.find(name) != nullptr);
  REQUIRE(o.find(name)->as_object() != nullptr);
  return *o.find(name)->as_object();
}

// Two documents, the second three times as long as the first.
std::string two_chapters() {
  auto chapter = [](int paragraphs) {
    std::string out = "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>x</title></head><body>";
    for (int i = 0; i < paragraphs; ++i)
      out += "<p id='p" + std::to_string(i) + "'>Paragraph number " + std::to_string(100 + i) +
             " tells one thing and then another.</p>";
    return out + "</body></html>";
  };
  made::epub e;
  e.chapter = chapter(50);
  e.manifest = "<item id='c2' href='ch%2002.xhtml' media-type='application/xhtml+xml'/>";
  e.spine = "<itemref idref='c1'/><itemref idref='c2'/>";
  e.more = {{.name = "OEBPS/ch 02.xhtml", .data = chapter(150), .deflate = true}};
  return e.bytes();
}

std::string koreader_document(world& w, const made_book& b) {
  return w.other().write_now([&](db::tx& tx) {
    std::string id = tx.run({"test.koreader_document", "select koreader_md5 from book_files where id = $1"}, b.file)[0].text(0);
    tx.run({"test.add_hash",
            "insert into book_file_hashes (hash, kind, file_id, book_id) values ($1, 'partial', $2, $3) on conflict do nothing"},
           id, b.file, b.id);
    return id;
  });
}

// A push by KOSync, as its routes store it.
void push(world& w, const made_book& b, const std::string& progress, double fraction) {
  std::string document = koreader_document(w, b);
  w.change([&](db::tx& tx) {
    library::position p;
    p.user = w.owner.user;
    p.document = document;
    p.progress = progress;
    p.percentage = fraction;
    p.device = "Boox";
    p.device_key = "c:" + w.owner.device.text();
    p.credential = w.owner.device;
    p.timestamp = unix_seconds(now());
    library::put_positions(tx, {p}, {});
    library::link_document(tx, p.user, p.document);
  });
  w.place_moved(w.owner.user, document);
}

std::optional<library::position> kosync_get(world& w, const std::string& document) {
  return w.other().write_now([&](db::tx& tx) {
    return library::get_positions(tx, {{.user = w.owner.user, .document = document, .credential = std::nullopt}}).front();
  });
}

struct thawed {
  ~thawed() { set_clock(std::nullopt); }
};

const instant t1{std::chrono::sys_days{std::chrono::year{2026} / 5 / 4}};

}  // namespace

TEST_CASE("the conversation of opds.md 11.5") {
  thawed after;
  using std::chrono::minutes;
  world w;
  made_book b = w.add({.title = "Shared", .bytes = two_chapters()});
  auto http = w.as(w.owner);
  std::string at = progression_at(b);
  set_clock(t1);
  auto put = [&](const std::string& body) { return http->put(at, body, progression_type); };

  reply nothing = http->get(at);
  CHECK(nothing.status == 200);
  CHECK(nothing.header("Content-Length") == "0");
  CHECK(http->get(locator_at(b)).status == 204);

  reply first = put(progression(t1, "0.10", "a"));
  CHECK(first.status == 201);
  CHECK(first.header("Content-Type") == progression_type);
  CHECK(refused_json("progression", first.body) == "");
  json::object got = parsed_json(http->get(at));
  CHECK(text_in(got, "modified") == moment(t1));
  CHECK(number_in(got, "progression") == 0.10);
  CHECK(text_in(object_in(got, "device"), "name") == "Tablet a");

  CHECK(put(progression(t1, "0.10", "a")).status == 200);
  for (const std::string& stale :
       {progression(t1, "0.20", "b"), progression(t1 - minutes(1), "0.90", "b"), progression(t1, "0.10", "b")}) {
    reply r = put(stale);
    CHECK(r.status == 409);
    CHECK(r.header("Content-Type") == "application/problem+json");
    CHECK(refused_json("problem", r.body) == "");
    CHECK(r.body.find("https://registry.opds.io/error#progression-date") != std::string::npos);
  }
  CHECK(number_in(parsed_json(http->get(at)), "progression") == 0.10);

  instant t2 = t1 + minutes(10);
  set_clock(t2);
  push(w, b, "/body/DocFragment[2]/body/p[14]", 0.30);
  for (bool carried : {false, true}) {
    if (carried) w.settle_places();
    got = parsed_json(http->get(at));
    CHECK(text_in(got, "modified") == moment(t2));
    CHECK(number_in(got, "progression") == Approx(0.30).margin(0.03));
    CHECK(text_in(object_in(got, "device"), "id") == "urn:uuid:" + w.owner.device.text());
    CHECK(text_in(object_in(got, "device"), "name") == "reader");
    CHECK(refused_json("progression", http->get(at).body) == "");
  }
  CHECK(http->get(at).body.find(R"("references":["OEBPS/ch%2002.xhtml"])") != std::string::npos);
  CHECK(put(progression(t1 + minutes(5), "0.15", "b")).status == 409);
  CHECK(put(progression(t2, "0.15", "b")).status == 409);

  instant t3 = t2 + minutes(1);
  set_clock(t3);
  CHECK(put(progression(t3, "0.55", "b")).status == 200);
  reply place = http->get(locator_at(b));
  CHECK(place.header("Content-Type") == locator_type);
  CHECK(refused_json("locator", place.body) == "");
  CHECK(number_in(object_in(object_in(parsed_json(place), "locator"), "locations"), "totalProgression") == 0.55);
  w.settle_places();
  CHECK(number_in(parsed_json(http->get(at)), "progression") == 0.55);
  std::optional<library::position> told = kosync_get(w, koreader_document(w, b));
  REQUIRE(told);
  CHECK(told->percentage == Approx(0.55).margin(0.01));
  CHECK(told->progress.starts_with("/body/DocFragment[2]/body/p["));
  CHECK(told->device == "Tablet b");
  // What was refused is in the history, and waits for nobody.
  w.other().read_now([&](db::tx& tx) {
    int refused = 0;
    for (const library::position_row& row : library::positions_of_book(tx, w.owner.user, b.id, 100))
      refused += row.accepted ? 0 : 1;
    CHECK(refused == 4);  // the same thing twice is one row
    CHECK(library::held_positions(tx, w.owner.user, 100).empty());
    return 0;
  });
}

TEST_CASE("of two apps at the same moment one is told that the other was first") {
  world w;
  made_book b = w.add({.title = "Raced", .bytes = two_chapters()});
  instant at = now();
  for (int round = 0; round < 5; ++round) {
    at += std::chrono::milliseconds(1);
    int status[2] = {0, 0};
    std::vector<std::thread> both;
    for (int i : {0, 1}) {
      both.emplace_back([&, i] {
        auto http = w.as(w.owner);
        status[i] =
            http->put(progression_at(b), progression(at, "0." + std::to_string(1 + i), std::to_string(i)), progression_type)
                .status;
      });
    }
    for (std::thread& t : both) t.join();
    INFO(status[0] << " " << status[1]);
    CHECK(std::min(status[0], status[1]) / 100 == 2);
    CHECK(std::max(status[0], status[1]) == 409);
  }
}

TEST_CASE("clocks that no honest device has are replaced by the server's") {
  thawed after;
  world w;
  made_book b = w.add({.title = "Late", .bytes = two_chapters()});
  auto http = w.as(w.owner);
  set_clock(t1);
  auto put = [&](instant at, const char* number) {
    return http->put(progression_at(b), progression(at, number, "a"), progression_type);
  };
  CHECK(text_in(parsed_json(put(t1 + std::chrono::minutes(4), "0.1")), "modified") == moment(t1 + std::chrono::minutes(4)));
  set_clock(t1 + std::chrono::hours(1));
  CHECK(text_in(parsed_json(put(t1 + std::chrono::hours(9), "0.2")), "modified") == moment(t1 + std::chrono::hours(1)));
  set_clock(t1 + std::chrono::hours(2));
  CHECK(text_in(parsed_json(put(instant{std::chrono::hours(24)}, "0.3")), "modified") == moment(t1 + std::chrono::hours(2)));
  CHECK(number_in(parsed_json(http->get(progression_at(b))), "progression") == 0.3);
}

TEST_CASE("documents that cannot be used are refused as problems that name what is wrong") {
  world w;
  made_book b = w.add({.title = "Strict", .bytes = two_chapters()});
  auto http = w.as(w.owner);
  std::string good = progression(now(), "0.5", "a");
  auto with = [&](const std::string& from, const std::string& to) {
    std::string out = good;
    out.replace(out.find(from), from.size(), to);
    return out;
  };
  for (const std::string& bad :
       std::vector<std::string>{std::string(),
                                std::string("{"),
                                std::string("[]"),
                                std::string("null"),
                                std::string("\xff\xfe"),
                                with("0.5", "1.5"),
                                with("0.5", "-0.1"),
                                with("0.5", "\"0.5\""),
                                with("0.5", "null"),
                                with("0.5", "1e999"),
                                with("\"modified\"", "\"when\""),
                                with("\"device\"", "\"gadget\""),
                                with("\"id\": \"urn:uuid:a\"", "\"id\": \"\""),
                                with("\"id\": \"urn:uuid:a\"", "\"id\": \"" + std::string(256, 'x') + "\""),
                                with("\"id\": \"urn:uuid:a\"", "\"id\": \"a\\u0000b\""),
                                with("\"name\"", "\"label\""),
                                R"({"modified": "yesterday", "device": {"id": "a", "name": "b"}, "progression": 0.5})",
                                R"({"modified": "2026-13-04T00:00:00Z", "device": {"id": "a", "name": "b"}, "progression": 0.5})",
                                R"({"modified": "2026-05-04T00:00:00", "device": {"id": "a", "name": "b"}, "progression": 0.5})",
                                with("0.5", "0.5, \"references\": [7]"),
                                with("0.5", "0.5, \"references\": \"x\""),
                                with("0.5", "0.5, \"title\": 7")}) {
    INFO(bad);
    reply r = http->put(progression_at(b), bad, progression_type);
    CHECK(r.status == 400);
    CHECK(r.header("Content-Type") == "application/problem+json");
    CHECK(r.body.find("https://registry.opds.io/error#progression-invalid-payload") != std::string::npos);
    CHECK(refused_json("problem", r.body) == "");
  }
  CHECK(http->get(progression_at(b)).header("Content-Length") == "0");
  CHECK(http->put(progression_at(b), good, "text/plain").status == 415);
  CHECK(http->put(progression_at(b), good, "").status == 415);
  reply large =
      http->put(progression_at(b), with("0.5", "0.5, \"title\": \"" + std::string(17'000, 'x') + "\""), progression_type);
  CHECK(large.status == 413);
  CHECK(large.header("Content-Type") == "application/problem+json");
  for (const char* method : {"POST", "DELETE", "PATCH"}) {
    reply r = http->send(method, progression_at(b));
    CHECK(r.status == 405);
    CHECK(r.header("Allow") == "GET, HEAD, PUT, OPTIONS");
    CHECK(r.header("Content-Type") == "application/problem+json");
  }
  reply options = w.anonymous()->send("OPTIONS", progression_at(b));
  CHECK(options.status == 204);
  CHECK(options.header("Allow") == "GET, HEAD, PUT, OPTIONS");
  CHECK(http->head(progression_at(b)).status == 200);
}

TEST_CASE("documents are understood as apps write them") {
  world w;
  made_book b = w.add({.title = "Lenient", .bytes = two_chapters()});
  auto http = w.as(w.owner);
  // A firmware's own kind of id, a zone, no fraction, a parameter of the type, an older name of the references, an unknown
  // member.
  std::string body =
      R"({"modified": "2026-05-04T22:15:09+02:00", "device": {"id": "witchreader-001122", "name": "Witch"}, "progression": 0.25,
          "refs": ["OEBPS/ch%2002.xhtml#p3"], "title": "Chapter 2", "more": {"x": 1}})";
  CHECK(http->put(progression_at(b), body, "application/json; charset=utf-8").status == 201);
  json::object got = parsed_json(http->get(progression_at(b)));
  CHECK(text_in(got, "modified") == "2026-05-04T20:15:09.000Z");
  CHECK(text_in(got, "title") == "Chapter 2");
  CHECK(text_in(object_in(got, "device"), "id") == "witchreader-001122");
  REQUIRE(got.find("references") != nullptr);
  CHECK(*got.find("references")->as_array()->front().as_text() == "OEBPS/ch%2002.xhtml#p3");
  CHECK(got.find("refs") == nullptr);
  // The reference says where, when it agrees with the number.
  w.settle_places();
  push(w, b, "/body/DocFragment[1]/body/p[2]", 0.01);
  std::optional<library::told_place> place =
      w.other().read_now([&](db::tx& tx) { return library::place_in_book(tx, w.owner.user, b.id); });
  REQUIRE(place);
}

TEST_CASE("what an account does not see has no place for it, and everybody has a place of their own") {
  world w;
  library::limits hidden;
  hidden.hidden_tags = {"secret"};
  sign_in child = w.add_reader("child", "limited", &hidden), other = w.add_reader("other");
  made_book b = w.add({.title = "Secret", .tags = {"secret"}, .bytes = two_chapters()});
  REQUIRE(w.as(w.owner)->put(progression_at(b), progression(now(), "0.5", "a"), progression_type).status == 201);
  CHECK(w.as(other)->get(progression_at(b)).header("Content-Length") == "0");
  for (const std::string& path : {progression_at(b), locator_at(b), "/opds/books/" + uuid::make().text() + "/progression",
                                  std::string("/opds/books/1/progression")}) {
    INFO(path);
    reply r = w.as(child)->get(path);
    CHECK(r.status == 404);
    CHECK(r.header("Content-Type") == "application/problem+json");
    CHECK(r.body.find("about:blank") != std::string::npos);
    CHECK(w.as(child)->put(path, progression(now(), "0.5", "a"), "application/json").status / 100 == 4);
    reply unknown = w.anonymous()->get(path);
    CHECK(unknown.status == 401);
    CHECK(unknown.header("Content-Type") == "application/opds-authentication+json");
  }
  w.change([&](db::tx& tx) { REQUIRE(library::set_device_scopes(tx, other.device, {"kosync"})); });
  reply closed = w.as(other)->get(progression_at(b));
  CHECK(closed.status == 403);
  CHECK(closed.body.find("progression-incorrect-user") != std::string::npos);
}

TEST_CASE("a locator says the place in a document, and the whole is counted by the text") {
  thawed after;
  world w;
  made_book b = w.add({.title = "Located", .bytes = two_chapters()});
  auto http = w.as(w.owner);
  set_clock(t1);
  auto put = [&](int minute, const std::string& inside) {
    return http->put(locator_at(b), locator(t1 + std::chrono::minutes(minute), inside), locator_type).status;
  };
  auto get = [&] { return parsed_json(http->get(locator_at(b))); };
  auto locations = [&] { return object_in(object_in(get(), "locator"), "locations"); };
  // How long the documents are is found out when a place is carried for the first time.
  push(w, b, "/body/DocFragment[1]/body/p[2]", 0.01);
  w.settle_places();
  set_clock(t1 + std::chrono::minutes(1));
  std::string second = w.base() + "/opds/res/" + b.file.text() + "/OEBPS/ch%2002.xhtml";
  int minute = 1;
  for (const std::string& href :
       {std::string("OEBPS/ch 02.xhtml"), std::string("OEBPS/ch%2002.xhtml"), std::string("/OEBPS/ch%2002.xhtml#p3"), second}) {
    INFO(href);
    CHECK(put(minute++, R"({"href": ")" + href +
                            R"(", "type": "application/xhtml+xml", "title": "Two", "locations": {"progression": 0.5}})") == 204);
    CHECK(number_in(locations(), "totalProgression") == Approx(0.625).margin(0.02));
    CHECK(number_in(locations(), "progression") == 0.5);
    CHECK(text_in(object_in(get(), "locator"), "href") == "OEBPS/ch%2002.xhtml");
    CHECK(text_in(object_in(get(), "locator"), "title") == "Two");
    CHECK(number_in(locations(), "position") >= 2);
  }
  CHECK(refused_json("locator", http->get(locator_at(b)).body) == "");
  CHECK(put(0, R"({"href": "OEBPS/ch01.xhtml", "type": "application/xhtml+xml", "locations": {"progression": 0.5}})") == 409);
  // Of another document the fraction of the book is enough; without one there is no place.
  CHECK(
      put(minute++,
          R"({"href": "other.xhtml", "type": "application/xhtml+xml", "locations": {"progression": 0.5, "totalProgression": 0.2}})") ==
      204);
  CHECK(number_in(locations(), "totalProgression") == 0.2);
  for (const char* inside :
       {R"({"href": "other.xhtml", "type": "a", "locations": {"progression": 0.5}})",
        R"({"href": "OEBPS/ch01.xhtml", "type": "a"})", R"({"type": "a", "locations": {"progression": 0.5}})",
        R"({"href": "OEBPS/ch01.xhtml", "locations": {"progression": 7}})", R"({"href": "OEBPS/ch01.xhtml", "locations": []})",
        R"("x")", "null"}) {
    INFO(inside);
    CHECK(put(minute, inside) == 400);
  }
  // The other protocols hear of it.
  w.settle_places();
  std::optional<library::position> told = kosync_get(w, koreader_document(w, b));
  REQUIRE(told);
  CHECK(told->percentage == Approx(0.2).margin(0.01));
  CHECK(number_in(parsed_json(http->get(progression_at(b))), "progression") == 0.2);
}

TEST_CASE("comics are at a page") {
  thawed after;
  world w;
  std::vector<made::part> pages;
  for (int i = 1; i <= 20; ++i) pages.push_back({.name = std::to_string(i) + ".png", .data = made::page_picture(i)});
  made_book b = w.add({.title = "Drawn", .format = "cbz", .extension = ".cbz", .bytes = made::make_zip(pages)});
  auto http = w.as(w.owner);
  set_clock(t1);
  auto put = [&](int minute, const std::string& locations) {
    std::string inside = R"({"href": "x", "type": "image/png", "locations": )" + locations + "}";
    return http->put(locator_at(b), locator(t1 + std::chrono::minutes(minute), inside), locator_type).status;
  };
  CHECK(put(0, R"({"position": 7})") == 204);
  json::object at = parsed_json(http->get(progression_at(b)));
  CHECK(number_in(at, "progression") == Approx(0.35));
  CHECK(*at.find("references")->as_array()->front().as_text() == "#page=7");
  json::object place = object_in(parsed_json(http->get(locator_at(b))), "locator");
  CHECK(number_in(object_in(place, "locations"), "position") == 7);
  CHECK(text_in(place, "href") == w.base() + "/opds/pages/" + b.file.text() + "/7");
  for (const char* wrong : {R"({"position": 0})", R"({"position": 21})", R"({"position": "7"})", R"({"position": 1.5})", "{}"}) {
    INFO(wrong);
    CHECK(put(1, wrong) == 400);
  }
  CHECK(put(1, R"({"position": 20})") == 204);
  CHECK(number_in(parsed_json(http->get(progression_at(b))), "progression") == 1);
  // KOReader's place in the same file, by its number.
  set_clock(t1 + std::chrono::minutes(2));
  push(w, b, "4", 0.2);
  w.settle_places();
  set_clock(t1 + std::chrono::minutes(3));
  CHECK(http->put(progression_at(b), progression(t1 + std::chrono::minutes(3), "0.5", "a", R"(, "references": ["#page=10"])"),
                  progression_type)
            .status == 200);
  w.settle_places();
  std::optional<library::position> told = kosync_get(w, koreader_document(w, b));
  REQUIRE(told);
  CHECK(told->progress == "10");
}

TEST_CASE("sound is at a time") {
  world w;
  made_book b = w.add({.title = "Heard", .format = "m4b", .extension = ".m4b", .duration = 1'000'000});
  auto http = w.as(w.owner);
  std::string inside = R"({"href": "x", "type": "audio/mp4", "locations": {"fragments": ["t=123.4"]}})";
  REQUIRE(http->put(locator_at(b), locator(now(), inside), locator_type).status == 204);
  json::object at = parsed_json(http->get(progression_at(b)));
  CHECK(number_in(at, "progression") == Approx(0.1234));
  CHECK(*at.find("references")->as_array()->front().as_text() == "#t=123.4");
  json::object place = object_in(parsed_json(http->get(locator_at(b))), "locator");
  CHECK(text_in(place, "href") == w.base() + "/opds/audio/" + b.file.text() + "/1");
  std::string beyond = R"({"href": "x", "type": "audio/mp4", "locations": {"fragments": ["t=5000"]}})";
  CHECK(http->put(locator_at(b), locator(now() + std::chrono::seconds(1), beyond), locator_type).status == 400);
}

TEST_CASE("a time is one of the track that is named, or of all tracks together") {
  world w;
  std::vector<made_book> parts =
      w.add_all({{.title = "Parts", .format = "mp3", .extension = ".mp3", .bytes = "1", .duration = 600'000},
                 {.title = "Parts", .format = "mp3", .extension = ".mp3", .bytes = "2", .duration = 400'000}});
  const made_book& b = parts[0];
  w.change([&](db::tx& tx) {
    tx.run({"test.one_book", "update book_files set book_id = $2 where id = $1"}, parts[1].file, b.id);
    library::write_edition(tx, b.id, {.files = {b.file, parts[1].file}, .missing = {}});
  });
  auto http = w.as(w.owner);
  std::string second = w.base() + "/opds/audio/" + parts[1].file.text() + "/1";
  instant at = now();
  auto put = [&](int when, const std::string& inside) {
    return http->put(locator_at(b), locator(at + std::chrono::seconds(when), inside), locator_type).status;
  };
  CHECK(put(0, R"({"href": ")" + second + R"(", "type": "audio/mpeg", "locations": {"fragments": ["t=100"]}})") == 204);
  json::object told = parsed_json(http->get(progression_at(b)));
  CHECK(number_in(told, "progression") == Approx(0.7));
  CHECK(*told.find("references")->as_array()->front().as_text() == "#t=700");
  json::object place = object_in(parsed_json(http->get(locator_at(b))), "locator");
  CHECK(text_in(place, "href") == second);
  CHECK(number_in(object_in(place, "locations"), "progression") == Approx(0.25));
  CHECK(put(1, R"({"href": ")" + second + R"(", "type": "audio/mpeg", "locations": {"progression": 0.5}})") == 204);
  CHECK(number_in(parsed_json(http->get(progression_at(b))), "progression") == Approx(0.8));
  // A track that is none, or a time that it does not have.
  CHECK(put(2, R"({"href": "x", "type": "audio/mpeg", "locations": {"fragments": ["t=100"]}})") == 400);
  CHECK(put(2, R"({"href": ")" + second + R"(", "type": "audio/mpeg", "locations": {"fragments": ["t=500"]}})") == 400);
  CHECK(put(2, R"({"href": "x", "type": "audio/mpeg", "locations": {"totalProgression": 0.5}})") == 204);
  place = object_in(parsed_json(http->get(locator_at(b))), "locator");
  CHECK(text_in(place, "href") == w.base() + "/opds/audio/" + b.file.text() + "/1");
  CHECK(*object_in(place, "locations").find("fragments")->as_array()->front().as_text() == "t=500");
}

TEST_CASE("entries lead to the place: lists to one form, complete entries to both, books without a file to none") {
  world w;
  made_book b = w.add({.title = "Linked", .bytes = two_chapters()}),
            text = w.add({.title = "Text", .format = "txt", .extension = ".txt"});
  auto http = w.as(w.owner);
  auto links = [&](const std::string& path, const std::string& type) {
    pugi::xml_document doc = parsed(http->get(path).body);
    pugi::xml_node entry = doc.child("feed") ? doc.child("feed").child("entry") : doc.child("entry");
    int n = 0;
    for (pugi::xml_node l : entry.children("link")) n += l.attribute("type").value() == type ? 1 : 0;
    return n;
  };
  CHECK(links("/opds/new", progression_type) == 1);
  CHECK(links("/opds/new", locator_type) == 0);
  CHECK(links("/opds/books/" + b.id.text(), progression_type) == 1);
  CHECK(links("/opds/books/" + b.id.text(), locator_type) == 1);
  CHECK(http->put(progression_at(text), progression(now(), "0.4", "a"), progression_type).status == 201);
  CHECK(number_in(parsed_json(http->get(progression_at(text))), "progression") == 0.4);
  CHECK(http->get(locator_at(text)).status == 200);
}

TEST_CASE("the policy that the furthest place counts does not contradict what an app was told") {
  world w;
  made_book b = w.add({.title = "Furthest", .bytes = two_chapters()});
  w.other().write_now([&](db::tx& tx) { library::set_position_policy(tx, w.owner.user, "furthest", std::nullopt); });
  auto http = w.as(w.owner);
  instant at = now();
  CHECK(http->put(progression_at(b), progression(at, "0.8", "a"), progression_type).status == 201);
  CHECK(http->put(progression_at(b), progression(at + std::chrono::seconds(1), "0.3", "b"), progression_type).status == 200);
  CHECK(number_in(parsed_json(http->get(progression_at(b))), "progression") == 0.3);
}
