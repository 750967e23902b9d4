#pragma once
// A storefront whose books are real files, converted when a test says so.

#include <fcntl.h>

#include <algorithm>
#include <string>

#include "library/book.hpp"
#include "publication/fingerprint.hpp"
#include "publication/kepub/convert.hpp"
#include "server/core/file.hpp"
#include "tests/harness/folder.hpp"
#include "tests/integration/ingest/small_epub.hpp"
#include "tests/integration/kobo/storefront.hpp"

namespace carrel::kobo::tests {

struct no_report : jobs::progress {
  void report(std::int64_t d, std::optional<std::int64_t> t) override { done = d, total = t; }
  bool stopping() const override { return false; }
  std::int64_t done = 0;
  std::optional<std::int64_t> total;
};

// What KOReader calls a file (kosync.md 8.1).
inline std::string document_of(const std::string& bytes) {
  harness::scratch_folder folder;
  ingest::test::write(folder.path / "x", bytes);
  carrel::file in(::open((folder.path / "x").c_str(), O_RDONLY));
  return publication::fingerprint(in.get()).value().koreader_md5;
}

struct bookshop : storefront {
  reader kobo;
  explicit bookshop(const headers& more = {}) : storefront(more) {}

  uuid give(const std::string& title, const std::string& bytes, const std::string& name = "book.epub", bool kepub = false) {
    uuid book = db.add({.title = title});
    put(book, bytes, name, kepub);
    db.pool().write_now([&](db::tx& tx) { library::add_to_shelf(tx, db.reader(), shelf, {book}); });
    return book;
  }
  void put(const uuid& book, const std::string& bytes, const std::string& name, bool kepub) {
    std::string path = store().path_for(sha256_hex(bytes), ".epub");
    REQUIRE_FALSE(store().write(path, bytes));
    db.pool().write_now([&](db::tx& tx) {
      tx.run(give_file, book, path, sha256_hex(bytes), static_cast<std::int64_t>(bytes.size()), name, kepub);
      library::remember_hash(tx, book, tx.run(file_of_book, book)[0].id(0), "partial", document_of(bytes), "original");
    });
  }
  no_report settle() {
    no_report p;
    conversions->settle_wanted(p);
    return p;
  }
  std::string kept(const uuid& book) {
    return db.pool().read_now([&](db::tx& tx) { return tx.run(kept_of_book, book)[0].text(0); });
  }
  std::int64_t jobs() {
    return db.pool().read_now([](db::tx& tx) { return tx.run(open_jobs)[0].integer(0); });
  }
  std::string entitlement_of(const uuid& book) {
    return db.pool().read_now([&](db::tx& tx) { return tx.run(entitlement_of_book, book)[0].id(0).text(); });
  }
  std::string address_of(const uuid& book) { return file_path(entitlement_of(book)); }

 private:
  static constexpr db::statement give_file{"test.give_file", R"sql(
  with f as (update book_files set storage_path = $2, checksum = $3, file_size = $4, original_name = $5, is_kepub = $6, kobo_as = null,
                                   kobo_how = '', missing_since = null
              where book_id = $1)
  update books set kobo_ready = false where id = $1)sql"};
  static constexpr db::statement kept_of_book{"test.kept", "select kobo_kept from book_files where book_id = $1"};
  static constexpr db::statement open_jobs{"test.jobs",
                                           "select count(*) from jobs where kind = 'kobo.kepub' and done_at is null"};
  static constexpr db::statement file_of_book{"test.artifact_file", "select id from book_files where book_id = $1"};
  static constexpr db::statement entitlement_of_book{"test.artifact_entitlement", "select entitlement from books where id = $1"};
};

inline std::string converted(const std::string& bytes, const publication::kepub::options& how = {}) {
  harness::scratch_folder folder;
  ingest::test::write(folder.path / "in.epub", bytes);
  carrel::file in(::open((folder.path / "in.epub").c_str(), O_RDONLY));
  REQUIRE(publication::kepub::convert(in.get(), "in.epub", folder.path / "out.kepub.epub", how));
  return harness::read_file(folder.path / "out.kepub.epub");
}

}  // namespace carrel::kobo::tests
