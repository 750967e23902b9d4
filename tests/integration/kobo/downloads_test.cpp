// Files and covers over real sockets (kobo.md 12, 13).
#include "library/book.hpp"
#include "tests/harness/eventually.hpp"
#include "tests/integration/kobo/storefront.hpp"

using namespace carrel;
using namespace carrel::kobo::tests;

namespace {

constexpr db::statement sql_starts{"test.starts", "select coalesce(max(starts), 0) from kobo_signals"};
// What was made of the book's file before, and is not what its devices get any more.
constexpr db::statement sql_former{"test.former_artifact", R"sql(
  insert into kobo_artifacts (id, file_id, source, version, options, file_size, checksum)
  select gen_random_uuid(), id, checksum, 0, '', file_size + $2, $1 from book_files)sql"};
constexpr db::statement sql_fetched_by{"test.fetched_by", R"sql(
  select (select count(*) from kobo_ledger l where l.kobo_id = s.kobo_id and l.id = s.id)
    from kobo_signals s where s.download_done_at is not null)sql"};
constexpr db::statement sql_book{"test.only_book", "select id from books"};

struct one_book : storefront {
  reader r;
  std::string id, path;

  explicit one_book(const headers& more = {}) : storefront(more) {
    shelve("One");
    sync(r);
    id = r.library.begin()->first;
    path = file_path(id);
  }
  std::string hash() const { return path.substr(path.find(id) + id.size() + 1, 12); }
  std::string former_path(std::int64_t longer) {
    const std::string checksum = sha256_hex("what was made of it before");
    db.pool().write_now([&](db::tx& tx) { tx.run(sql_former, checksum, longer); });
    return "/download/" + id + "/" + checksum.substr(0, 12) + "/one.epub";
  }
};

struct covered_book : one_book {
  covered_book() {
    write_file("covers/one", ask("GET", "/covers/none/60/90/false/image.jpg").body);  // plain paper is a picture too
    give_cover("covers/one");
  }
  void give_cover(const std::string& version) {
    library::new_cover c{.sha256 = sha256_hex(version), .mime = "image/jpeg", .storage_path = "covers/one", .source = "file"};
    c.width = 96, c.height = 144;
    db.pool().write_now([&](db::tx& tx) { library::set_cover(tx, tx.run(sql_book)[0].id(0), c); });
  }
  std::string image() {
    std::string about = ask("GET", "/v1/library/" + id + "/metadata").body;
    std::size_t at = about.find("\"CoverImageId\":\"");
    REQUIRE(at != std::string::npos);
    at += 16;
    return about.substr(at, about.find('"', at) - at);
  }
};

// Of a baseline JPEG; nothing for any other.
std::pair<int, int> size_of(const std::string& jpeg) {
  auto word = [&](std::size_t at) {
    return static_cast<unsigned char>(jpeg[at]) * 256 + static_cast<unsigned char>(jpeg[at + 1]);
  };
  for (std::size_t at = 2; at + 9 < jpeg.size() && jpeg[at] == '\xff'; at += 2 + static_cast<std::size_t>(word(at + 2))) {
    if (jpeg[at + 1] == '\xc0') return {word(at + 7), word(at + 5)};
  }
  return {};
}

}  // namespace

TEST_CASE("a file comes whole or in parts, and not at all when the device has it") {
  one_book s;
  reply whole = s.ask("GET", s.path, {{"Accept-Encoding", "gzip"}});
  CHECK(whole.status == 200);
  CHECK(whole.header("content-length") == "1000");
  CHECK(whole.header("accept-ranges") == "bytes");
  CHECK(whole.header("content-encoding").empty());
  CHECK(whole.header("transfer-encoding").empty());
  const std::string tag = whole.header("etag");
  CHECK(tag.starts_with("\"" + s.hash()));
  CHECK(tag.size() == 66);

  reply part = s.ask("GET", s.path, {{"Range", "bytes=990-"}, {"Accept-Encoding", "gzip"}});
  CHECK(part.status == 206);
  CHECK(part.header("content-range") == "bytes 990-999/1000");
  CHECK(part.header("content-encoding").empty());
  CHECK(part.body == std::string(10, 'b'));
  reply beyond = s.ask("GET", s.path, {{"Range", "bytes=1000-"}});
  CHECK(beyond.status == 416);
  CHECK(beyond.header("content-range") == "bytes */1000");
  CHECK(s.ask("GET", s.path, {{"Range", "bytes=990-"}, {"If-Range", "\"other\""}}).body.size() == 1000);
  CHECK(s.ask("GET", s.path, {{"Range", "bytes=990-"}, {"If-Range", tag}}).status == 206);
  CHECK(s.ask("GET", s.path, {{"Range", "pages=1-2"}}).status == 200);

  reply same = s.ask("GET", s.path, {{"If-None-Match", tag}});
  CHECK(same.status == 304);
  CHECK(same.body.empty());
  CHECK(same.header("etag") == tag);
  CHECK(s.ask("GET", s.path, {{"If-None-Match", "\"other\""}}).status == 200);
}

TEST_CASE("asking for the head of a file is no download of it") {
  one_book s;
  reply head = s.ask("HEAD", s.path);
  CHECK(head.status == 200);
  CHECK(head.header("content-length") == "1000");
  CHECK(head.header("content-type") == "application/epub+zip");
  CHECK(head.body.empty());
  CHECK(s.ask("GET", s.path, {{"Range", "bytes=0-9"}}).status == 206);
  auto starts = [&] { return s.db.pool().read_now([](db::tx& tx) { return tx.run(sql_starts)[0].integer(0); }); };
  CHECK(harness::eventually([&] { return starts() > 0; }));
  CHECK(starts() == 1);
}

TEST_CASE("of two readers with one token the one that was told of a book is the one that fetches it") {
  storefront s;
  const headers clara{{"x-kobo-deviceid", std::string(64, 'a')}}, libra{{"x-kobo-deviceid", std::string(64, 'b')}};
  s.shelve("One");
  json::array told = items_of(s.ask("GET", "/v1/library/sync", clara).body);
  REQUIRE_FALSE(told.empty());
  s.db.pool().write_now([&](db::tx& tx) {
    for (const uuid& book : library::shelf_books(tx, s.db.reader(), s.shelf))
      library::remove_from_shelf(tx, s.db.reader(), s.shelf, {book});
  });
  CHECK(s.ask("GET", "/v1/library/sync", libra).status == 200);  // the last that was seen
  s.db.pool().write_now([&](db::tx& tx) { library::add_to_shelf(tx, s.db.reader(), s.shelf, {tx.run(sql_book)[0].id(0)}); });
  CHECK(s.ask("GET", s.file_path(id_of(told[0]))).status == 200);  // no header tells who asks
  auto fetched = [&] {
    return s.db.pool().read_now([](db::tx& tx) {
      db::rows rows = tx.run(sql_fetched_by);
      return rows.size() == 1 ? rows[0].integer(0) : -1;
    });
  };
  CHECK(harness::eventually([&] { return fetched() == 1; }));
}

TEST_CASE("a file is named as its address names it, for readers that know UTF-8 and for those that do not") {
  one_book s;
  const std::string before = "/download/" + s.id + "/" + s.hash() + "/";
  auto named = [&](const std::string& name) { return s.ask("GET", before + name).header("content-disposition"); };
  CHECK(named("tide-of-brass.kepub.epub") ==
        R"(attachment; filename="tide-of-brass.kepub.epub"; filename*=UTF-8''tide-of-brass.kepub.epub)");
  const std::string foreign = named("%C3%9Cber%22d%C3%A4s%22.kepub.epub");
  CHECK(foreign.ends_with("filename*=UTF-8''%C3%9Cber%22d%C3%A4s%22.kepub.epub"));
  CHECK(foreign.find(".kepub.epub\";") != std::string::npos);
  CHECK(std::all_of(foreign.begin(), foreign.end(), [](unsigned char c) { return c >= ' ' && c < 0x7f; }));
  for (const char* hostile : {"a%0D%0AX-Evil:%20b.epub", "%FF%FE.epub", "..%2F..%2Fx.epub"}) {
    INFO(hostile);
    reply r = s.ask("GET", before + hostile);
    CHECK(r.header("x-evil").empty());
    CHECK(r.header("content-disposition").find("../") == std::string::npos);
  }
  std::string title;
  for (int i = 0; i < 500; ++i) title += "%E2%82%AC";
  CHECK(named(title + ".epub").size() < 1200);
}

TEST_CASE("an old address serves the new file only where it has the size that was told with it") {
  one_book s;
  SECTION("the same size") {
    reply file = s.ask("GET", s.former_path(0));
    CHECK(file.status == 200);
    CHECK(file.body == s.ask("GET", s.path).body);
    CHECK(file.header("etag").starts_with("\"" + s.hash()));
    const std::string token = s.r.token;
    s.sync(s.r);
    CHECK(s.r.token == token);  // nothing is doubtful
  }
  SECTION("the same size, but what came before may have been other bytes") {
    CHECK(s.ask("GET", s.former_path(0), {{"Range", "bytes=5-"}}).status == 404);
  }
  SECTION("another size: the book is said anew") {
    CHECK(s.ask("GET", s.former_path(1)).status == 404);
    reply next = s.ask("GET", "/v1/library/sync", {{"x-kobo-synctoken", s.r.token}});
    json::array items = items_of(next.body);
    REQUIRE_FALSE(items.empty());
    CHECK(kind_of(items[0]) == "NewEntitlement");
    CHECK(id_of(items[0]) == s.id);
  }
  SECTION("one that was never given out") {
    CHECK(s.ask("GET", "/download/" + s.id + "/abcdefabcdef/one.epub").status == 404);
    CHECK(s.ask("GET", "/download/" + s.id + "/%25/one.epub").status == 404);
    CHECK_FALSE(s.ask("GET", "/v1/library/sync", {{"x-kobo-synctoken", s.r.token}}).body == "[]");
  }
}

TEST_CASE("a cover is kept by the device and asked for once") {
  covered_book s;
  const std::string image = s.image(), path = "/covers/" + image + "/355/530/80/false/image.jpg";
  CHECK(image.size() == 36 + 1 + 8);
  CHECK(image.starts_with(s.id + "-"));
  reply cover = s.ask("GET", path);
  CHECK(cover.status == 200);
  CHECK(cover.header("content-type") == "image/jpeg");
  CHECK(cover.header("cache-control") == "private, max-age=86400");
  CHECK(size_of(cover.body) == std::pair(96, 144));  // no larger than it is
  const std::string tag = cover.header("etag");
  CHECK_FALSE(tag.empty());
  reply same = s.ask("GET", path, {{"If-None-Match", tag}});
  CHECK(same.status == 304);
  CHECK(same.body.empty());
  CHECK(same.header("etag") == tag);
  CHECK(same.header("cache-control") == "private, max-age=86400");
  CHECK(s.ask("GET", path, {{"If-None-Match", "\"other\""}}).status == 200);
  reply head = s.ask("HEAD", path);
  CHECK(head.status == 200);
  CHECK(head.header("content-length") == std::to_string(cover.body.size()));
  CHECK(head.body.empty());
  // Another size of it is another picture.
  reply small = s.ask("GET", "/covers/" + image + "/60/90/80/false/image.jpg");
  CHECK(size_of(small.body) == std::pair(60, 90));
  CHECK(small.header("etag") != tag);
}

TEST_CASE("under an older version of its name a cover is the one that the book has now") {
  covered_book s;
  const std::string before = s.image(), rest = "/355/530/80/false/image.jpg";
  const std::string tag = s.ask("GET", "/covers/" + before + rest).header("etag");
  s.give_cover("another one");
  const std::string after = s.image();
  CHECK(before != after);
  reply now_there = s.ask("GET", "/covers/" + after + rest);
  CHECK(now_there.header("etag") != tag);
  for (const std::string& image : {before, s.id, s.id + "-00000000", s.id + "-1772399999", s.id + "-x-y"}) {
    INFO(image);
    reply same = s.ask("GET", "/covers/" + image + rest);
    CHECK(same.body == now_there.body);
    CHECK(same.header("etag") == now_there.header("etag"));
  }
}

TEST_CASE("no size, quality or word for grey is refused") {
  covered_book s;
  const std::string cover = "/covers/" + s.image();
  for (const char* size :
       {"/0/0", "/-5/10", "/99999/1", "/x/y", "/355.5/530", "/18446744073709551616/530", "/%20/%20", "/4096/4096"}) {
    for (const char* rest : {"/80/true", "/0/false", "/101/True", "/-1/False", "/best/isGreyscale", "/80/maybe", "/False"}) {
      INFO(size << rest);
      reply r = s.ask("GET", cover + size + rest + "/image.jpg");
      CHECK(r.status == 200);
      CHECK(r.header("content-type") == "image/jpeg");
      CHECK(r.header("cache-control") == "private, max-age=86400");
      auto [width, height] = size_of(r.body);
      CHECK((width >= 1 && width <= 96 && height >= 1 && height <= 144));
    }
  }
  // What is not made of numbers gets the size that is used otherwise.
  CHECK(s.ask("GET", cover + "/x/y/80/false/image.jpg").body == s.ask("GET", cover + "/400/400/80/false/image.jpg").body);
}
