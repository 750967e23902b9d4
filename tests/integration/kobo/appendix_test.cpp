// Whole visits of all kinds of Kobo, from the first word to the last file (kobo.md, Appendix C), with what goes wrong on the way.
#include <algorithm>

#include "library/cover_lookup.hpp"
#include "tests/harness/peer.hpp"
#include "tests/integration/kobo/fake_kobo.hpp"
#include "tests/integration/kobo/storefront.hpp"

using namespace carrel;
using namespace carrel::kobo::tests;

namespace {

constexpr db::statement sql_file{"test.set_file", R"sql(
  update book_files set file_size = $2, storage_path = $3, checksum = $4, is_kepub = $5 where book_id = $1)sql"};
constexpr db::statement sql_renew{"test.renew_file", R"sql(
  update books set version = version + 1, file_version = version + 1 where id = $1)sql"};
constexpr db::statement sql_shelved{"test.shelved", R"sql(
  select b.entitlement, b.title, f.file_size
    from shelf_books sb join books b on b.id = sb.book_id join book_files f on f.book_id = b.id where sb.shelf_id = $1)sql"};
constexpr db::statement sql_failures{"test.failures", "select count(*) from kobo_events where what = 'failed'"};
constexpr db::statement sql_entitlement{"test.entitlement_of", "select entitlement from books where id = $1"};

struct library_of_seven : storefront {
  std::vector<uuid> books;
  int sizes = 1000, seconds = 0, kobos_met = 0;
  std::string other;  // the address of another reader of the same person

  explicit library_of_seven(const headers& more = {}, const kobo::store_addresses& store_at = {}) : storefront(more, store_at) {
    for (int i = 0; i < 7; ++i) add("Book " + std::to_string(i));
    other = token;
  }

  void give_file(const uuid& book) {
    const std::string bytes(static_cast<std::size_t>(++sizes), 'b'), path = "library/" + std::to_string(sizes);
    write_file(path, bytes);
    db.pool().write_now([&](db::tx& tx) {
      tx.run(sql_file, book, std::int64_t{sizes}, path, sha256_hex(book.text() + bytes), sizes % 2 == 0);
      tx.run(sql_renew, book);
      library::bump_revision(tx);
    });
  }
  void give_cover(const uuid& book) {
    const std::string path = "covers/" + book.text();
    write_file(path, ask("GET", "/covers/" + entitlement(book) + "/60/90/false/image.jpg").body);  // plain paper is a picture too
    library::new_cover c{.sha256 = sha256_hex(path), .mime = "image/jpeg", .storage_path = path, .source = "file"};
    c.width = 96, c.height = 144;
    db.pool().write_now([&](db::tx& tx) { library::set_cover(tx, book, c); });
  }
  void add(const std::string& title) {
    uuid book = db.add({.title = title, .series = books.size() % 2 == 0 ? "Sea & Salt" : "", .index = 2.5});
    give_file(book);
    if (books.size() % 3 != 2) give_cover(book);
    db.pool().write_now([&](db::tx& tx) { library::add_to_shelf(tx, db.reader(), shelf, {book}); });
    books.push_back(book);
  }
  void drop() {
    db.pool().write_now([&](db::tx& tx) { library::remove_from_shelf(tx, db.reader(), shelf, {books.front()}); });
    books.erase(books.begin());
  }
  void retitle(const uuid& book, const std::string& title) {
    db.pool().write_now([&](db::tx& tx) {
      REQUIRE(library::edit_book(tx, book, {{"title", title}}, {}));
      library::bump_revision(tx);
    });
  }
  std::string entitlement(const uuid& book) {
    return db.pool().read_now([&](db::tx& tx) { return tx.run(sql_entitlement, book)[0].id(0).text(); });
  }
  std::string id(std::size_t at) { return entitlement(books[at]); }
  std::map<std::string, shown_book> shelved() {
    std::map<std::string, shown_book> out;
    db.pool().read_now([&](db::tx& tx) {
      for (const db::row& r : tx.run(sql_shelved, shelf)) out[r.id(0).text()] = {r.text(1), r.integer(2)};
    });
    return out;
  }
  std::size_t with_cover() {
    std::vector<library::cover_question> all;
    for (const uuid& book : books) all.push_back({.viewer = std::nullopt, .book = book});
    auto found = db.pool().read_now([&](db::tx& tx) { return library::find_covers(tx, all); });
    return static_cast<std::size_t>(std::count_if(found.begin(), found.end(), [](const auto& c) { return c.has_value(); }));
  }
  // Failed syncs that Kobos have reported.
  int failures() {
    return db.pool().read_now([](db::tx& tx) { return static_cast<int>(tx.run(sql_failures)[0].integer(0)); });
  }
  std::string moment() { return rfc3339(now() + std::chrono::seconds(++seconds)); }
  void read_elsewhere(const std::string& book, int percent) {
    const std::string at = R"("LastModified":")" + moment() + '"';
    token = other;
    reply a = ask("PUT", "/v1/library/" + book + "/state", {},
                  R"({"ReadingStates":[{)" + at + R"(,"StatusInfo":{)" + at + R"(,"Status":"Reading"},"CurrentBookmark":{)" + at +
                      R"(,"ProgressPercent":)" + std::to_string(percent) + "}}]}");
    CHECK(a.body.find(R"("CurrentBookmarkResult":{"Result":"Success"})") != std::string::npos);
  }
  // Another Kobo for the same shelf.
  fake_kobo add_kobo(const traits& how, const std::string& site) {
    std::string made = db.pool().write_now([&](db::tx& tx) {
      library::new_device added = library::add_device(tx, db.reader(), how.name, "kobo").value();
      library::feed_device(tx, added.made.id, shelf, true);
      return added.token;
    });
    return {how, port(), site + "/kobo/" + made};
  }
};

void check_agreement(library_of_seven& l, const fake_kobo& k) {
  const std::map<std::string, shown_book> wanted = l.shelved();
  CHECK(k.r.library == wanted);
  std::set<std::string> all;
  for (const auto& [id, book] : wanted) all.insert(id);
  REQUIRE(k.r.tags.size() == 1);
  CHECK(k.r.tags.begin()->second == std::pair<std::string, std::set<std::string>>("To read", all));
  for (const auto& [id, size] : k.r.files) CHECK(size == wanted.at(id).size);
}

// Everything is said again to one that shows no token, some of it more than once until the pages are large enough (17.6), and
// nothing to the others.
void check_quiet(library_of_seven& l, fake_kobo& k) {
  const std::string token = k.r.token;
  outcome again = k.visit();
  if (k.r.keeps == token_use::none) {
    CHECK(again.kinds.size() > l.books.size());
  } else {
    CHECK(again.kinds.empty());
    CHECK(again.pages == 1);
    CHECK(again.covers + again.downloads == 0);
    CHECK(k.r.token == token);
  }
  check_agreement(l, k);
}

void live_with(library_of_seven& l, const traits& how, const std::string& site) {
  INFO(how.name);
  fake_kobo k = l.add_kobo(how, site);
  // Setting up, with a bad connection.
  CHECK_FALSE(k.visit({.what = mishap::lost_request}).whole);
  CHECK_FALSE(k.visit({.what = mishap::lost_answer}).whole);
  CHECK(k.r.library.empty());
  CHECK_FALSE(k.visit({.what = mishap::cut_answer, .items = 1}).whole);
  CHECK(k.r.library.size() == 1);
  CHECK_FALSE(k.visit({.what = mishap::crash, .page = 2}).whole);
  outcome first = k.visit();
  CHECK(first.downloads == 5);
  check_agreement(l, k);
  CHECK(k.covers.size() == l.with_cover());
  check_quiet(l, k);

  // Life goes on, on both sides.
  const std::string read_here = l.id(3), read_there = l.id(4);
  const std::string marked = l.id(2);  // gets another file, and what was marked in it stays
  const int there = 30 + l.seconds;
  k.read(read_here, 40, l.moment());
  k.highlight(marked);
  const std::set<std::string> marks = k.notes.at(marked);
  l.drop();
  l.retitle(l.books[0], "Retitled for " + how.name);
  l.give_file(l.books[1]);
  l.add("New for " + how.name);
  l.read_elsewhere(read_there, there);
  std::set<std::string> heard;
  const int failures_before = l.failures();
  for (const accident& a : {accident{.what = mishap::cut_answer, .items = 1}, accident{.what = mishap::lost_answer, .page = 2},
                            accident{.what = mishap::crash}, accident{}}) {
    outcome o = k.visit(a);
    CHECK(o.whole == (a.what == mishap::none));
    heard.insert(o.kinds.begin(), o.kinds.end());
  }
  CHECK(l.failures() == failures_before);  // noted once an hour at most
  CHECK(failures_before == ++l.kobos_met);
  for (const char* kind : {"NewEntitlement", "ChangedEntitlement"}) CHECK(heard.contains(kind));
  if (how.keeps != token_use::none) {
    for (const char* kind : {"ChangedProductMetadata", "ChangedReadingState", "ChangedTag"}) CHECK(heard.contains(kind));
    // Only a book that is said anew loses its file, and only one with another file has to be.
    CHECK(k.r.lost_downloads == 0);
  }
  check_agreement(l, k);
  CHECK(k.percents.at(read_here) == 40);
  CHECK(k.percents.at(read_there) == there);
  CHECK(k.notes.at(marked) == marks);
  check_quiet(l, k);
}

}  // namespace

TEST_CASE("every kind of Kobo gets its shelf through bad connections, and then nothing more") {
  library_of_seven l;
  for (const traits& how : std::vector<traits>{
           {.name = "Clara BW"},
           {.name = "Aura", .keeps = token_use::at_end, .new_firmware = false, .states_first = false, .notes_first = true},
           {.name = "Libra", .keeps = token_use::pinned, .tells_device = false, .asks_metadata = false, .quality = true},
           {.name = "Nia", .keeps = token_use::none, .quality = true, .doubled_slash = true},
           {.name = "Glo", .new_firmware = false, .tells_device = false, .doubled_slash = true}}) {
    live_with(l, how, "https://books.example");
  }
}

TEST_CASE("where no address is configured a Kobo is led to the one it came by, also when it leaves the port out") {
  library_of_seven l(kosync::tests::headers{{"external_url", ""}});
  const std::string site = "http://127.0.0.1:" + std::to_string(l.port());
  live_with(l, {.name = "Elipsa", .quality = true}, site);
  live_with(l, {.name = "Sage", .keeps = token_use::at_end, .tells_device = false, .port_in_host = false}, site);
}

TEST_CASE("a configured address with a port is the one that every Kobo is given") {
  library_of_seven l(kosync::tests::headers{{"external_url", "https://books.example:8443"}});
  live_with(l, {.name = "Forma", .states_first = false, .asks_metadata = false, .port_in_host = false},
            "https://books.example:8443");
}

TEST_CASE("a Kobo that is let through to the store follows where it is sent, and gets its own books as before") {
  auto says = [](const std::string& body) {
    return harness::said(200, body, "Content-Type: application/json; charset=utf-8\r\nx-kobo-synctoken: of-the-store\r\n");
  };
  auto store = [&](const harness::heard& h) {
    if (h.target.starts_with("/v1/auth/"))
      return says(
          R"({"AccessToken":"a","RefreshToken":"r","TokenType":"Bearer","TrackingId":"0b1f4c1e-52d8-4c39-9d0f-6b1a3a7e5c55","UserKey":""})");
    if (h.target.starts_with("/v1/user/profile")) return says(R"({"UserId":"of the store"})");
    if (h.target.starts_with("/v1/user/loyalty")) return says(R"({"Benefits":{}})");
    if (h.target.starts_with("/v1/deals")) return says(R"({"Deals":[{}]})");
    if (h.target.starts_with("/v1/assets")) return says(R"({"AssetGroups":[]})");
    if (h.target.starts_with("/v1/analytics")) return says(R"({"Result":"Success","TestKey":"some-key"})");
    if (h.target.starts_with("/api/UserStorage")) return says(R"({"metadata":[]})");
    return says("[]");
  };
  harness::peer api(store), reading(store);
  library_of_seven l(headers{{"kobo.passthrough", "on"}}, {.api = api.url(), .reading = reading.url()});
  fake_kobo k = l.add_kobo({.name = "Libra", .new_firmware = false}, "https://books.example");
  CHECK_FALSE(k.visit({.what = mishap::cut_answer, .page = 2, .items = 1}).whole);
  outcome first = k.visit();
  CHECK(first.whole);
  check_agreement(l, k);
  CHECK(k.visit().kinds.empty());
  check_agreement(l, k);
  CHECK(k.visit({.what = mishap::lost_request}).pages == 1);
  std::set<std::string> asked;
  for (const harness::peer* p : {&api, &reading}) {
    for (const harness::heard& h : p->all()) asked.insert(h.method + " " + h.target.substr(0, h.target.find('?')));
  }
  for (const char* there : {"POST /v1/auth/device", "GET /v1/user/profile", "GET /v1/deals", "GET /v1/assets",
                            "POST /v1/analytics/gettests", "GET /v1/library/sync", "GET /api/UserStorage/Metadata"}) {
    INFO(there);
    CHECK(asked.contains(there));
  }
}
