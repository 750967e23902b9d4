#include <catch2/catch.hpp>
#include <pugixml.hpp>

#include "server/core/clock.hpp"
#include "server/core/text.hpp"
#include "tests/integration/opds/world.hpp"

using namespace carrel;
using namespace carrel::opds::tests;

namespace {

constexpr db::statement sql_downloads{"test.downloads", "select count(*) from downloads where file_id = $1 and device_id = $2"};
constexpr db::statement sql_missing{"test.missing",
                                    "select count(*) from book_files where id = $1 and missing_since is not null"};

// What is counted once everything behind the answers has happened.
std::int64_t afterwards(world& w, const std::function<std::int64_t(db::tx&)>& ask) {
  w.finish_background();
  return w.other().read_now([&](db::tx& tx) { return ask(tx); });
}

std::string cover_address(client& http, std::string_view rel) {
  pugi::xml_document doc = parsed(http.get("/opds/new").body);
  for (pugi::xml_node l : doc.child("feed").child("entry").children("link")) {
    if (l.attribute("rel").value() == rel) return path_of_url(l.attribute("href").value());
  }
  return "";
}

std::string download_address(client& http) { return cover_address(http, "http://opds-spec.org/acquisition"); }

}  // namespace

TEST_CASE("downloads answer ranges as the client asks") {
  world w;
  w.add({.title = "Ranged", .bytes = "0123456789"});
  auto http = w.as(w.owner);
  std::string at = download_address(*http);
  reply whole = http->get(at);
  REQUIRE(whole.status == 200);
  CHECK(whole.body == "0123456789");
  CHECK(whole.header("Accept-Ranges") == "bytes");
  CHECK(whole.header("Content-Type") == "application/epub+zip");
  CHECK(whole.header("Cache-Control") == "private, no-cache");
  CHECK_FALSE(http->get(at, {{"Accept-Encoding", "gzip"}}).has("Content-Encoding"));
  std::string tag = whole.header("ETag"), date = whole.header("Last-Modified");
  CHECK(tag.size() == 34);
  CHECK_FALSE(date.empty());

  auto range = [&](const std::string& r, const headers& more = {}) {
    headers h = more;
    h.emplace_back("Range", r);
    return http->get(at, h);
  };
  CHECK(range("bytes=0-0").body == "0");
  CHECK(range("bytes=0-0").header("Content-Range") == "bytes 0-0/10");
  CHECK(range("bytes=9-9").body == "9");
  CHECK(range("bytes=4-").body == "456789");
  CHECK(range("bytes=-3").body == "789");
  CHECK(range("bytes=8-100").header("Content-Range") == "bytes 8-9/10");
  CHECK(range("bytes=10-").status == 416);
  CHECK(range("bytes=10-").header("Content-Range") == "bytes */10");
  CHECK(range("bytes=0-1,4-5").status == 200);
  CHECK(range("bytes=2-3", {{"If-Range", tag}}).body == "23");
  CHECK(range("bytes=2-3", {{"If-Range", "\"other\""}}).body == "0123456789");
  CHECK(range("bytes=2-3", {{"If-Range", date}}).status == 206);
  CHECK(range("bytes=2-3", {{"If-Range", "Mon, 04 May 2009 09:12:33 GMT"}}).status == 200);
  CHECK(http->get(at, {{"If-None-Match", tag}}).status == 304);

  reply head = http->head(at, {{"Range", "bytes=0-0"}});
  CHECK(head.status == 200);
  CHECK(head.header("Content-Length") == "10");
  CHECK(head.header("Content-Disposition") == whole.header("Content-Disposition"));
}

TEST_CASE("the name in the address is decoration") {
  world w;
  made_book b = w.add({.title = "Named"});
  auto http = w.as(w.owner);
  std::string file = "/opds/dl/" + b.file.text();
  for (const char* name : {"/other.pdf", "/~2/Named.epub", "/a%2Fb.epub", "", "/"}) CHECK(http->get(file + name).status == 200);
}

TEST_CASE("file names survive in both forms, and HEAD has them") {
  world w;
  struct expected {
    std::string title, ascii_part, encoded_part;
  };
  std::vector<expected> all{
      {"Quotes \" and ; and 50%", "Quotes", "Quotes"},
      {"Größe und Éclat", "Grosse und Eclat", "Gr%C3%B6%C3%9Fe"},
      {"Слово и дело", "Slovo i delo", "%D0%A1%D0%BB%D0%BE%D0%B2%D0%BE"},
      {"漢字", "", "%E6%BC%A2%E5%AD%97"},
      {"Slash / back \\ colon :", "Slash", "Slash"},
      {std::string(300, 'n'), std::string(40, 'n'), std::string(40, 'n')},
  };
  for (const expected& e : all) {
    INFO(e.title);
    w.add({.title = e.title});
    auto http = w.as(w.owner);
    std::string at = download_address(*http);
    std::string header = http->head(at).header("Content-Disposition");
    INFO(header);
    std::size_t utf8 = header.find("; filename*=UTF-8''");
    REQUIRE(header.starts_with("attachment; filename=\""));
    REQUIRE(utf8 != std::string::npos);
    std::string ascii = header.substr(22, utf8 - 23);
    CHECK(ascii.find_first_of("\"\\;%") == std::string::npos);
    CHECK(ascii.ends_with(".epub"));
    for (char c : ascii) CHECK((c >= 0x20 && c < 0x7f));
    CHECK(ascii.find(e.ascii_part) != std::string::npos);
    std::string encoded = header.substr(utf8 + 19);
    CHECK(encoded.find(e.encoded_part) != std::string::npos);
    CHECK(encoded.ends_with(".epub"));
    std::string decoded = percent_decode(encoded).value();
    CHECK(at.ends_with("/" + percent_encode(decoded)));
    CHECK(decoded.size() <= 125);
    CHECK(header.find("=?") == std::string::npos);
    CHECK(http->get(at).status == 200);
  }
}

TEST_CASE("the address of a download stays whatever becomes of its book") {
  world w;
  made_book b = w.add({.title = "Before", .bytes = "old bytes"});
  auto http = w.as(w.owner);
  std::string at = download_address(*http), tag = http->get(at).header("ETag");
  w.change([&](db::tx& tx) {
    json::object changes{{"title", "After"}, {"authors", json::array{"Mo Castell"}}};
    REQUIRE(library::edit_book(tx, b.id, changes, {}));
  });
  CHECK(titles_of(http->get("/opds/new").body) == std::vector<std::string>{"After"});
  CHECK(download_address(*http) == at);
  CHECK(http->get(at, {{"If-None-Match", tag}}).status == 304);
  w.change([&](db::tx& tx) {
    library::new_file file;
    file.format = "epub";
    file.size = 9;
    file.checksum = std::string(64, 'e');
    file.storage_path = w.store().path_for(file.checksum, ".epub");
    REQUIRE_FALSE(w.store().write(file.storage_path, "new bytes"));
    library::replace_file(tx, b.file, file);
  });
  CHECK(download_address(*http) == at);
  reply replaced = http->get(at, {{"If-None-Match", tag}});
  CHECK(replaced.status == 200);
  CHECK(replaced.body == "new bytes");
}

TEST_CASE("a complete download is remembered; HEAD, a first part and 304 are not") {
  world w;
  made_book b = w.add({.title = "Fetched", .bytes = "0123456789"});
  auto http = w.as(w.owner);
  std::string at = download_address(*http);
  auto downloads = [&](db::tx& tx) { return tx.run(sql_downloads, b.file, w.owner.device)[0].integer(0); };
  std::string tag = http->head(at).header("ETag");
  CHECK(http->get(at, {{"Range", "bytes=0-4"}}).status == 206);
  CHECK(http->get(at, {{"If-None-Match", tag}}).status == 304);
  // An answer ends before the next one on its connection begins.
  CHECK(http->head(at).status == 200);
  CHECK(afterwards(w, downloads) == 0);
  CHECK(http->get(at, {{"Range", "bytes=5-"}}).status == 206);
  CHECK(http->head(at).status == 200);
  CHECK(afterwards(w, downloads) == 1);
  CHECK(http->get(at).status == 200);
  CHECK(http->head(at).status == 200);
  CHECK(afterwards(w, downloads) == 2);
}

TEST_CASE("a file that is gone from the disk is 404 and marked, until it is back") {
  world w;
  made_book b = w.add({.title = "Gone", .bytes = "soon gone"});
  auto http = w.as(w.owner);
  std::string at = download_address(*http);
  std::filesystem::path path = w.path_of(b.file), aside = path.string() + ".aside";
  std::filesystem::rename(path, aside);
  auto missing = [&](db::tx& tx) { return tx.run(sql_missing, b.file)[0].integer(0); };
  reply r = http->get(at);
  CHECK(r.status == 404);
  CHECK(afterwards(w, missing) == 1);
  std::filesystem::rename(aside, path);
  CHECK(http->get(at).status == 200);
  CHECK(afterwards(w, missing) == 0);
}

TEST_CASE("an account without the right to download gets 403 for the file") {
  world w;
  w.add({.title = "Look, do not take"});
  library::limits limits;
  limits.may_download = false;
  sign_in looker = w.add_reader("looker", "limited", &limits);
  auto http = w.as(looker);
  CHECK(http->get(download_address(*http)).status == 403);
}

TEST_CASE("covers open with a secret or a signature and are kept for ever when the link names their content") {
  world w;
  made_book b = w.add({.title = "Covered", .cover = true});
  auto http = w.as(w.owner), nobody = w.anonymous();
  std::string link = cover_address(*http, "http://opds-spec.org/image/thumbnail");
  REQUIRE(link.find("&s=") != std::string::npos);
  reply by_signature = nobody->get(link);
  CHECK(by_signature.status == 200);
  CHECK(by_signature.body == "picture");
  CHECK(by_signature.header("Content-Type") == "image/jpeg");
  CHECK(by_signature.header("Cache-Control") == "private, max-age=31536000, immutable");
  CHECK(by_signature.header("Cross-Origin-Resource-Policy") == "cross-origin");
  CHECK(nobody->get(link, {{"If-None-Match", by_signature.header("ETag")}}).status == 304);
  CHECK(nobody->head(link).header("Content-Length") == "7");

  std::string bare = link.substr(0, link.find('?')), version = link.substr(link.find("v="));
  CHECK(http->get(bare + "?" + version).status == 200);
  CHECK(http->get(bare).header("Cache-Control") == "private, no-cache");
  CHECK(http->get(bare + "?v=00000000").header("Cache-Control") == "private, no-cache");
  reply refused = nobody->get(bare + "?" + version);
  CHECK(refused.status == 401);
  CHECK(refused.header("WWW-Authenticate").starts_with("Basic "));

  std::string other_size = link;
  other_size.replace(other_size.find("/300?"), 5, "/600?");
  CHECK(nobody->get(other_size).status == 401);
  std::string forged = link;
  std::size_t s = forged.find("&s=") + 3;
  forged[s] = forged[s] == 'A' ? 'B' : 'A';
  CHECK(nobody->get(forged).status == 401);
  CHECK(http->get("/covers/" + b.id.text() + "/301").status == 404);
}

TEST_CASE("a signed link lives for its own period and the following one") {
  world w;
  w.add({.title = "Covered", .cover = true});
  std::string link = cover_address(*w.as(w.owner), "http://opds-spec.org/image");
  instant made = now();
  set_clock(made + std::chrono::hours{47});
  CHECK(w.anonymous()->get(link).status == 200);
  set_clock(made + std::chrono::hours{97});
  CHECK(w.anonymous()->get(link).status == 401);
  set_clock(std::nullopt);
}

TEST_CASE("with opds.signed_covers off links carry no signature and need a secret") {
  world w(settings{{"opds.signed_covers", "0"}});
  w.add({.title = "Covered", .cover = true});
  std::string link = cover_address(*w.as(w.owner), "http://opds-spec.org/image");
  CHECK(link.find("s=") == std::string::npos);
  CHECK(w.anonymous()->get(link).status == 401);
  CHECK(w.as(w.owner)->get(link).status == 200);
}
