// Covers of candidates: what is fetched, from where, and what is not taken for a cover (metadata-providers.md 10 and 13).
#include <catch2/catch.hpp>

#include "ingest/sources/picture.hpp"
#include "ingest/sweep.hpp"
#include "server/core/digest.hpp"
#include "tests/harness/folder.hpp"
#include "tests/integration/sources/pictures.hpp"
#include "tests/integration/sources/stage.hpp"

using namespace carrel;
using namespace carrel::ingest::sources;
using namespace carrel::ingest::sources::test;
using namespace std::chrono_literals;

namespace {

const char* noon = "2026-03-04T12:00:00Z";

// Open Library knows one book with one or more covers; whatever else it is asked for is one of them.
struct gallery : stage {
  std::map<std::string, std::string> pictures;  // path -> the whole answer
  explicit gallery(const settings_list& more = {}) : stage(more, "open_library") {}

  std::string note_of(const std::vector<std::string>& covers, bool with_cover = false) {
    std::vector<std::string> urls;
    for (const std::string& c : covers) urls.push_back(c.find("://") == std::string::npos ? library.url() + c : c);
    library.says([this, urls](const harness::heard& h) {
      if (h.target.starts_with("/find")) return said(200, one_record("k" + h.target, "T", 0.95, urls));
      auto found = pictures.find(h.target);
      return found == pictures.end() ? said(404, "") : found->second;
    });
    uuid book = add_book("Book" + std::to_string(++books_), with_cover);
    ask(book);
    run();
    return text(
        "select coalesce(max(case when cover_id is null then 'none:' else 'kept:' end || cover_note), 'nothing') "
        "from book_metadata_candidates where book_id = '" +
        book.text() + "'");
  }
  std::string note_of(const std::string& path, const std::string& answer, bool with_cover = true) {
    pictures[path] = answer;
    return note_of({path}, with_cover);
  }
  int books_ = 0;
};

std::string without_length(const std::string& body) { return "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n" + body; }

}  // namespace

TEST_CASE("a cover is fetched with its candidate and changes no book") {
  stopped_clock clock(at(noon));
  gallery g;
  std::string bytes = patterned_jpeg(400, 600);
  g.pictures["/b/1.jpg"] = said(200, bytes, "Content-Type: text/html\r\n");
  CHECK(g.note_of({"/b/1.jpg"}) == "kept:");
  CHECK(g.number("select count(*) from books where cover_id is not null") == 0);
  CHECK(g.text("select mime || ' ' || width || 'x' || height || ' ' || source from covers") == "image/jpeg 400x600 open_library");
  std::string path = g.text("select storage_path from covers");
  CHECK(harness::read_file(g.store.absolute(path)) == bytes);
  harness::heard asked = g.library.all().at(1);
  CHECK(asked.header("accept") == "image/jpeg,image/png,image/webp");
  CHECK(asked.header("user-agent").starts_with("Carrel/"));
  CHECK(asked.header("authorization").empty());
  CHECK(asked.header("cookie").empty());
  CHECK(g.library.moments()[1] - g.library.moments()[0] >= 990ms);
}

TEST_CASE("the sweep leaves the covers of candidates") {
  gallery g;
  std::optional<stopped_clock> clock(std::in_place, now());
  g.pictures["/b/1.png"] = said(200, patterned_png(400, 600));
  CHECK(g.note_of({"/b/1.png"}) == "kept:");
  g.pool.write_now([](db::tx& tx) { tx.script("update covers set created_at = created_at - interval '3 days'"); });
  clock.reset();
  struct nobody final : jobs::progress {
    void report(std::int64_t, std::optional<std::int64_t>) override {}
    bool stopping() const override { return false; }
  } p;
  sweep_store(g.with, p);
  CHECK(g.number("select count(*) from covers") == 1);
  CHECK(fs::exists(g.store.absolute(g.text("select storage_path from covers"))));
}

TEST_CASE("only what is a picture is a cover, whatever it is called") {
  stopped_clock clock(at(noon));
  gallery g(settings_list{{"covers.max_bytes", "1MiB"}});
  std::string jpeg = patterned_jpeg(400, 600);
  const std::string type = "Content-Type: image/jpeg\r\n";
  CHECK(g.note_of("/html", said(200, "<html><body>Sign in</body></html>", type)) == "none:no_picture");
  CHECK(g.note_of("/svg", said(200, "<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", type)) == "none:no_picture");
  CHECK(g.note_of("/empty", said(200, "", type)) == "none:no_picture");
  CHECK(g.note_of("/cut", said(200, jpeg.substr(0, jpeg.size() / 2), type)) == "none:damaged");
  CHECK(g.note_of("/noise", said(200, "\xff\xd8\xff\xe0" + std::string(5000, 'x') + "\xff\xd9", type)).starts_with("none:"));
  CHECK(g.note_of("/bomb", said(200, png_head(60'000, 60'000), type)) == "none:too_large");
  CHECK(g.note_of("/wide-bomb", said(200, png_head(12'001, 6'000), type)) == "none:too_large");
  CHECK(g.note_of("/many", said(200, png_head(9'000, 9'000), type)) == "none:too_large");
  CHECK(g.note_of("/strip", said(200, patterned_png(1'000, 300), type)) == "none:shape");
  CHECK(g.note_of("/tower", said(200, patterned_png(200, 900), type)) == "none:shape");
  CHECK(g.note_of("/pixel", said(200, std::string("GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;", 35),
                                 type)) == "none:placeholder");
  CHECK(g.note_of("/grey", said(200, blank_png(600, 900), type)) == "none:placeholder");
  CHECK(g.note_of("/small", said(200, patterned_png(20, 30), type)) == "none:too_small");
  CHECK(g.note_of("/huge", said(200, jpeg + std::string(2 << 20, 'x'), type)) == "none:too_large");
  CHECK(g.note_of("/endless", without_length(jpeg + std::string(12 << 20, 'x'))) == "none:too_large");
  CHECK(g.note_of("/gone", said(404, "")) == "none:none");
  CHECK(g.note_of("/error", said(500, "")) == "none:status_500");
  CHECK(g.note_of("/good", said(200, jpeg, "Content-Type: text/plain\r\n")) == "kept:");
  CHECK(g.note_of("/png", said(200, patterned_png(300, 450))) == "kept:");
}

TEST_CASE("a small cover is better than none") {
  stopped_clock clock(at(noon));
  gallery g;
  CHECK(g.note_of("/small", said(200, patterned_png(100, 150)), false) == "kept:low_resolution");
  CHECK(g.note_of("/other", said(200, patterned_png(101, 150)), true) == "none:too_small");
}

TEST_CASE("pictures that are known to say that there is none are none") {
  stopped_clock clock(at(noon));
  std::string known = patterned_png(400, 600);
  gallery g(settings_list{{"covers.placeholders", sha256_hex(known)}});
  CHECK(g.note_of("/known", said(200, known)) == "none:placeholder");
}

TEST_CASE("after a cover that is refused the next address of the candidate is tried") {
  stopped_clock clock(at(noon));
  gallery g;
  g.pictures["/1"] = said(200, blank_png(600, 900));
  g.pictures["/3"] = said(200, patterned_png(400, 600));
  CHECK(g.note_of({"/1", "/2", "/3"}) == "kept:");
  CHECK(g.library.count() == 4);
  CHECK(g.number("select cover_tried from book_metadata_candidates") == 2);
}

TEST_CASE("redirects are followed three times, and each is looked at anew") {
  stopped_clock clock(at(noon));
  gallery g;
  std::string picture = said(200, patterned_png(400, 600));
  auto to = [](const std::string& where) { return said(302, "", "Location: " + where + "\r\n"); };
  g.pictures = {
      {"/r3", to("/r2")}, {"/r2", to(g.library.url() + "/r1")}, {"/r1", to("/end")}, {"/end", picture}, {"/r4", to("/r3")}};
  CHECK(g.note_of({"/r3"}, true) == "kept:");
  CHECK(g.note_of({"/r4"}, true) == "none:redirects");
  g.pictures["/loop"] = to("/loop");
  CHECK(g.note_of({"/loop"}, true) == "none:redirects");
  for (const std::string& where :
       {std::string("http://169.254.169.254/latest/meta-data"), std::string("http://localhost:1/"),
        std::string("http://example.com/x"), std::string("file:///etc/passwd"), std::string("gopher://127.0.0.1/"),
        std::string("http://archive.org.evil.example/"), std::string("http://10.0.0.1/"),
        "http://user:pass@127.0.0.1:" + std::to_string(g.library.port()) + "/end", std::string("")}) {
    INFO(where);
    g.pictures["/away"] = to(where);
    std::size_t before = g.library.count();
    CHECK(g.note_of({"/away"}, true) == "none:address");
    CHECK(g.library.count() == before + 2);  // the book and the first address
  }
}

TEST_CASE("covers come from the open network by https, unless the owner has said otherwise") {
  stopped_clock clock(at(noon));
  gallery closed(settings_list{{"covers.allow_private_hosts", ""}});
  closed.pictures["/1"] = said(200, patterned_png(400, 600));
  CHECK(closed.note_of({"/1"}) == "none:address");
  CHECK(closed.library.count() == 1);
  gallery g;
  CHECK(g.note_of({"http://127.0.0.1:1/x"}) == "none:address");  // a port that nobody has set
  library::source other{.id = "google_books", .url = "https://books.example"};
  picture_rules rules;
  rules.own_hosts = {"127.0.0.1"};
  got_picture plain = fetch_picture(g.client, other, "Carrel", rules, g.library.url() + "/1");
  CHECK(plain.refused == "address");
}

TEST_CASE("a cover server that is busy pauses its source") {
  stopped_clock clock(at(noon));
  gallery g;
  int times = 0;
  g.library.says([&](const harness::heard& h) {
    if (h.target.starts_with("/find")) return said(200, one_record("k", "T", 0.95, {g.library.url() + "/1"}));
    return ++times == 1 ? said(429, "", "Retry-After: 90\r\n") : said(200, patterned_png(400, 600));
  });
  g.ask(g.add_book("Harbour"));
  g.run();
  CHECK(g.number("select count(*) from book_metadata_candidates where cover_id is not null") == 1);
  REQUIRE(g.library.count() == 3);
  CHECK(g.library.moments()[2] - g.library.moments()[1] >= 90s);
}

TEST_CASE("no cover is fetched for what is hardly the book, nor for a book whose own is good") {
  stopped_clock clock(at(noon));
  gallery g;
  g.library.says([&](const harness::heard&) { return said(200, one_record("k", "T", 0.5, {g.library.url() + "/1"})); });
  g.ask(g.add_book("Unlikely"));
  g.run();
  CHECK(g.library.count() == 1);
  g.library.says([&](const harness::heard&) { return said(200, one_record("k", "T", 0.9, {g.library.url() + "/1"})); });
  uuid good = g.add_book("Good", true);
  g.pool.write_now([](db::tx& tx) { tx.script("update covers set width = 800"); });
  g.ask(good, library::urgency::whole_library);
  g.run();
  CHECK(g.library.count() == 2);
}

TEST_CASE("sizes are read from the first bytes") {
  auto size = [](const std::string& bytes) {
    std::optional<publication::picture_facts> f = read_picture_head(bytes);
    return f ? f->mime + " " + std::to_string(f->width) + "x" + std::to_string(f->height) : "";
  };
  CHECK(size(patterned_png(40, 60)) == "image/png 40x60");
  CHECK(size(patterned_jpeg(40, 60)) == "image/jpeg 40x60");
  CHECK(size(std::string("GIF87a\x28\x00\x3c\x01", 10)) == "image/gif 40x316");
  std::string riff = "RIFF\x20\x00\x00\x00WEBP";
  riff = std::string("RIFF\x20\0\0\0WEBP", 12);
  CHECK(size(riff + std::string("VP8X\x0a\0\0\0\0\0\0\0\x27\0\0\x3b\0\0", 18)) == "image/webp 40x60");
  CHECK(size(riff + std::string("VP8 \x0a\0\0\0\x30\x01\x00\x9d\x01\x2a\x28\0\x3c\0", 18)) == "image/webp 40x60");
  CHECK(size(riff + std::string("VP8L\x0a\0\0\0\x2f\x27\xc0\x0e\0", 13)) == "image/webp 40x60");
  std::string jpeg = patterned_jpeg(40, 60);
  for (std::size_t n = 0; n < std::min<std::size_t>(jpeg.size(), 700); ++n) size(jpeg.substr(0, n));
  CHECK(size("\xff\xd8\xff\xe0\xff\xff") == "image/jpeg 0x0");
  CHECK(size("<svg>").empty());
}

TEST_CASE("addresses are kept without what signs them") {
  CHECK(without_signature("https://x.example/a.jpg") == "https://x.example/a.jpg");
  CHECK(without_signature("https://x.example/a?id=1&key=k&sig=s&zoom=1") == "https://x.example/a?id=1&zoom=1");
  CHECK(without_signature("https://x.example/a?X-Amz-Signature=1&Token=t") == "https://x.example/a");
}
