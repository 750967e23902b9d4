// A picture that somebody chose for a cover (ingest.md 19.1), and what is cut ahead of it (19.4).
#include "ingest/own_cover.hpp"

#include <catch2/catch.hpp>

#include "../../unit/publication/zip_maker.hpp"
#include "ingest/covers.hpp"
#include "library/book.hpp"
#include "library/change.hpp"
#include "library/cover_cache.hpp"
#include "server/core/digest.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

const library::actor ada{.user = std::nullopt, .name = "ada"};

struct quiet final : jobs::progress {
  void report(std::int64_t, std::optional<std::int64_t>) override {}
  bool stopping() const override { return false; }
};

struct bench : workbench {
  bench() {
    write(inbox / "x.epub", epub({.cover = publication::test::make_png(700, 1000)}));
    book = take({inbox / "x.epub"}).added.at(0).book;
  }
  std::string set(const std::string& bytes, const std::optional<uuid>& to = {}) {
    fs::path file = data / "staging" / "sent";
    write(file, bytes);
    std::optional<error> bad = set_own_cover(with, to.value_or(book), file, ada);
    return bad ? bad->field : "";
  }
  std::string cover() {
    return text(
        "select c.width || ' ' || c.source || ' ' || (b.field_sources->>'cover') || ' ' || ('cover' = any (b.locked_fields))"
        " from books b join covers c on c.id = b.cover_id");
  }
  uuid book;
};

}  // namespace

TEST_CASE("a picture of one's own is the cover, is locked, and can be taken back") {
  bench b;
  CHECK(b.cover() == "700 embedded embedded false");
  std::string picture = publication::test::make_png(600, 900);
  CHECK(b.set(picture) == "");
  CHECK(b.cover() == "600 user user true");
  CHECK(read(b.store.absolute(b.text("select c.storage_path from books b join covers c on c.id = b.cover_id"))) == picture);
  CHECK(library::is_cached(b.store, sha256_hex(picture), 300));
  std::string changed = b.text("select updated_at::text from books");
  CHECK(b.set(picture) == "");
  CHECK(b.text("select updated_at::text from books") == changed);
  CHECK(b.pool.write_now([&](db::tx& tx) { return library::undo_edit(tx, b.book, ada); }));
  CHECK(b.cover() == "700 embedded embedded false");
}

TEST_CASE("what is no picture changes nothing") {
  bench b;
  CHECK(b.set("<html>cover</html>") == "cover_unreadable");
  CHECK(b.set("<svg xmlns='http://www.w3.org/2000/svg'/>") == "cover_unreadable");
  CHECK(b.set("") == "empty_file");
  CHECK(b.set(publication::test::make_png(25'000, 10, 1)) == "cover_too_large");
  CHECK(b.set(publication::test::make_png(60, 90) + std::string(33 << 20, 'x')) == "cover_too_large");
  CHECK(b.set(publication::test::make_png(60, 90), uuid::make()) == "book");
  CHECK(b.cover() == "700 embedded embedded false");
}

TEST_CASE("what a Kobo's lists show is cut ahead") {
  bench b;
  std::string sha = b.text("select sha256 from covers");
  int edge = library::edge_in_box(700, 1000, 355, 530);
  CHECK_FALSE(library::is_cached(b.store, sha, edge));
  quiet progress;
  CHECK(cut_renditions(b.with, progress) > 0);
  CHECK(library::is_cached(b.store, sha, edge));
}
