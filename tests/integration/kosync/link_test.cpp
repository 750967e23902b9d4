// Documents and their books (kosync.md 8.6).
#include <catch2/catch.hpp>

#include "library/document.hpp"
#include "library/position.hpp"
#include "server/core/digest.hpp"
#include "tests/integration/kosync/world.hpp"

using namespace carrel;
using namespace carrel::kosync::tests;

namespace {

struct shelf {
  world w;
  reader alice = w.shared("alice");
  uuid user = w.other().read_now([](db::tx& tx) { return library::find_user_named(tx, "alice")->id; });

  // The row that matters here, and what the search index would hold.
  uuid add_book(const std::string& title, const std::string& author, int age = 0) {
    static constexpr db::statement sql{"test.add_book", R"sql(
      insert into books (id, status, title, author, age_rating, search_vector)
      values ($1, 'organized', $2, $3, $4,
              setweight(to_tsvector('simple', lower($2)), 'A') || setweight(to_tsvector('simple', lower($3)), 'B')))sql"};
    uuid id = uuid::make();
    w.other().write_now([&](db::tx& tx) { tx.run(sql, id, title, author, age); });
    return id;
  }
  uuid add_hash(const uuid& book, const std::string& kind, const std::string& hash, const std::string& variant = "original") {
    static constexpr db::statement sql{"test.add_hash", R"sql(
      insert into book_file_hashes (hash, kind, file_id, book_id, variant) values ($1, $2, $3, $4, $5))sql"};
    uuid file = uuid::make();
    w.other().write_now([&](db::tx& tx) { tx.run(sql, hash, kind, file, book, variant); });
    return file;
  }
  std::optional<uuid> book_of(const std::string& document) {
    static constexpr db::statement sql{"test.book_of", "select book_id from documents where user_id = $1 and document = $2"};
    w.wait_for_background();
    db::rows rows = w.other().read_now([&](db::tx& tx) { return tx.run(sql, user, document); });
    return rows.empty() ? std::nullopt : rows[0].maybe_id(0);
  }
  template <class F>
  auto change(F f) {
    return w.other().write_now(f);
  }
};

}  // namespace

TEST_CASE("a first push finds its book by any fingerprint the book ever had") {
  shelf s;
  uuid book = s.add_book("Moby Dick", "Herman Melville");
  for (auto [kind, hash, variant] : {std::tuple("partial", "aaaa", "original"),
                                     {"partial", "bbbb", "served"},
                                     {"partial", "cccc", "kepub"},
                                     {"partial", "dddd", "replaced"},
                                     {"full", "eeee", "original"},
                                     {"filename", "ffff", "original"}}) {
    s.add_hash(book, kind, hash, variant);
    s.alice.push(hash, 0.5, "p");
    INFO(kind << " " << variant);
    CHECK(s.book_of(hash) == book);
  }
  s.alice.push("unknown", 0.5, "p");
  CHECK_FALSE(s.book_of("unknown"));
}

TEST_CASE("two books with one fingerprint are left to the reader, who decides for ever") {
  shelf s;
  uuid one = s.add_book("One", "A"), two = s.add_book("Two", "B");
  s.add_hash(one, "filename", "name");
  uuid file = s.add_hash(two, "filename", "name");
  s.alice.push("name", 0.5, "p");
  CHECK_FALSE(s.book_of("name"));
  CHECK(s.change([&](db::tx& tx) { return library::link_by_hand(tx, s.user, "name", two); }));
  CHECK(s.book_of("name") == two);
  s.change([&](db::tx& tx) { return library::link_documents_of_file(tx, file); });
  s.change([&](db::tx& tx) { return library::link_document(tx, s.user, "name"); });
  CHECK(s.book_of("name") == two);
  CHECK_FALSE(s.change([&](db::tx& tx) { return library::link_by_hand(tx, s.user, "never pushed", two); }));
  CHECK_FALSE(s.change([&](db::tx& tx) { return library::link_by_hand(tx, s.user, "name", uuid::make()); }));
  CHECK(s.change([&](db::tx& tx) { return library::unlink(tx, s.user, "name"); }));
  CHECK_FALSE(s.book_of("name"));
  CHECK(s.alice.get("name").text("progress") == "p");
}

TEST_CASE("a partial fingerprint decides before a name does") {
  shelf s;
  uuid named = s.add_book("Named", "A"), exact = s.add_book("Exact", "B");
  s.add_hash(named, "filename", "hash");
  s.add_hash(exact, "partial", "hash");
  s.alice.push("hash", 0.5, "p");
  CHECK(s.book_of("hash") == exact);
}

TEST_CASE("books that the reader does not see are not linked") {
  shelf s;
  s.change([&](db::tx& tx) {
    library::limits l;
    l.highest_age = 12;
    library::set_limits(tx, s.user, l);
  });
  uuid grown_up = s.add_book("Grown-up", "A", 18);
  s.add_hash(grown_up, "partial", "hash");
  s.alice.push("hash", 0.5, "p");
  CHECK_FALSE(s.book_of("hash"));
  CHECK_FALSE(s.change([&](db::tx& tx) { return library::link_by_hand(tx, s.user, "hash", grown_up); }));
}

TEST_CASE("a book that comes later finds the documents that wait for it") {
  shelf s;
  s.alice.push("later", 0.5, "p");
  s.alice.put(R"({"document":"by-name","device":"a","percentage":0.5,"progress":"p","metadata":{"filename":"Moby Dick.epub"}})");
  CHECK_FALSE(s.book_of("later"));
  uuid book = s.add_book("Moby Dick", "Herman Melville");
  uuid file = s.add_hash(book, "partial", "later");
  static constexpr db::statement same_file{"test.same_file", R"sql(
    insert into book_file_hashes (hash, kind, file_id, book_id) values ($1, 'filename', $2, $3))sql"};
  s.change([&](db::tx& tx) { tx.run(same_file, md5_hex("Moby Dick.epub"), file, book); });
  CHECK(s.change([&](db::tx& tx) { return library::link_documents_of_file(tx, file); }) == 2);
  CHECK(s.book_of("later") == book);
  CHECK(s.book_of("by-name") == book);
  CHECK(s.change([&](db::tx& tx) { return library::link_documents_of_file(tx, file); }) == 0);
}

TEST_CASE("positions belong to the book once the document is linked, and go on when the book goes") {
  shelf s;
  uuid book = s.add_book("Moby Dick", "Herman Melville");
  s.alice.push("d", 0.4, "p4");
  s.alice.push("d", 0.5, "p5");
  auto of_book = [&] {
    return s.w.other().read_now([&](db::tx& tx) { return library::positions_of_book(tx, s.user, book, 10); });
  };
  auto reading = [&] { return s.w.other().read_now([&](db::tx& tx) { return library::continue_reading(tx, s.user, 10); }); };
  CHECK(of_book().empty());
  CHECK(reading().empty());
  s.w.wait_for_background();
  s.change([&](db::tx& tx) { return library::link_by_hand(tx, s.user, "d", book); });
  REQUIRE(of_book().size() == 2);
  CHECK(of_book()[0].current);
  CHECK(of_book()[0].book == book);
  REQUIRE(reading().size() == 1);
  CHECK(reading()[0].percentage == 0.5);
  s.alice.push("d", 0.995, "end");
  CHECK(reading().empty());

  static constexpr db::statement gone{"test.delete_book", "delete from books where id = $1"};
  s.change([&](db::tx& tx) { tx.run(gone, book); });
  CHECK(s.alice.get("d").text("progress") == "end");
  auto unknown = s.w.other().read_now([&](db::tx& tx) { return library::unknown_documents(tx, s.user, 10); });
  REQUIRE(unknown.size() == 1);
  CHECK(unknown[0].document == "d");
}

TEST_CASE("documents without a book come with suggestions that are never taken by themselves") {
  shelf s;
  uuid moby = s.add_book("Moby Dick", "Herman Melville"), other = s.add_book("Moby Dick for Children", "Somebody Else");
  s.add_book("Emma", "Jane Austen");
  s.alice.put(
      R"({"document":"d","device":"Kobo","percentage":0.25,"progress":"p","metadata":{"title":"Moby Dick: Or, The Whale","authors":"Herman Melville"}})");
  s.alice.put(
      R"({"document":"f","device":"Kobo","percentage":0.5,"progress":"p","metadata":{"filename":"Jane Austen - Emma.epub"}})");
  s.alice.push("nothing", 0.5, "p");
  auto unknown = s.w.other().read_now([&](db::tx& tx) { return library::unknown_documents(tx, s.user, 10); });
  REQUIRE(unknown.size() == 3);
  for (const library::unknown_document& u : unknown) {
    if (u.document == "d") {
      REQUIRE(u.suggestions.size() == 2);
      CHECK(u.suggestions[0].book == moby);
      CHECK(u.suggestions[0].score == Approx(1.0));
      CHECK(u.suggestions[1].book == other);
      CHECK(u.suggestions[1].score < 0.7);
      CHECK(u.percentage == 0.25);
      CHECK(u.device == "Kobo");
    } else if (u.document == "f") {
      REQUIRE(u.suggestions.size() == 1);
      CHECK(u.suggestions[0].title == "Emma");
      CHECK(u.suggestions[0].score == Approx(0.8));
    } else {
      CHECK(u.suggestions.empty());
    }
    CHECK_FALSE(s.book_of(u.document));
  }
}
