#pragma once
// A tree whose files Carrel names, and the library that takes what comes in.

#include <catch2/catch.hpp>
#include <string>

#include "ingest/organise_plan.hpp"
#include "library/book.hpp"
#include "server/core/digest.hpp"
#include "tests/integration/ingest/workbench.hpp"

namespace carrel::ingest::test {

inline const library::actor ada{.user = {}, .name = "ada"};

struct managed {
  explicit managed(const fs::path& where = {}) : root(where.empty() ? fs::canonical(b.folder) / "tree" : where), names(root) {
    fs::create_directories(root);
    b.with.how.workers = 1;
    id = b.pool.write_now([&](db::tx& tx) {
      uuid made = library::add_library(tx, "Tree", "managed", root.native(), std::string(default_pattern), ada);
      library::set_takes_new(tx, made, ada);
      return made;
    });
    REQUIRE_FALSE(link_trees(b.with));
  }

  library::book_library is() {
    return *b.pool.read_now([&](db::tx& tx) { return library::find_library(tx, id); });
  }
  bool due() {
    library::book_library l = is();
    return b.pool.read_now([&](db::tx& tx) { return has_to_organise(tx, l); });
  }
  uuid take(const std::string& name, const book& what = {}) {
    write(b.inbox / name, epub(what));
    outcome o = b.take({b.inbox / name});
    REQUIRE(o.added.size() == 1);
    return o.added[0].book;
  }
  // Everything that is due; what could not be moved, by its code.
  std::string organise() {
    std::string out;
    library::book_library l = is();
    for (const uuid& book : b.pool.read_now([&](db::tx& tx) { return books_to_place(tx, l, {}, 100); })) {
      result<move_plan> p = organise_book(b.with, l, book, names);
      if (!p) out += p.error().field + " ";
    }
    return out;
  }
  std::string tree() const {
    std::vector<std::string> all;
    for (const fs::directory_entry& e : fs::recursive_directory_iterator(root)) {
      if (!e.is_directory()) all.push_back(e.path().lexically_relative(root).native());
    }
    std::sort(all.begin(), all.end());
    std::string out;
    for (const std::string& one : all) out += one + "\n";
    return out;
  }
  void set(const uuid& book, const std::string& field, const std::string& value) {
    json::object change;
    change.set(field, value);
    REQUIRE(b.pool.write_now([&](db::tx& tx) { return library::edit_book(tx, book, change, ada); }));
  }
  void set_pattern(const std::string& p) {
    b.pool.write_now([&](db::tx& tx) { library::set_pattern(tx, id, p, ada); });
  }
  // Every file of the database is there with its bytes, once; no move is left.
  void check_whole(std::size_t files) {
    CHECK(b.number("select count(*) from file_moves") == 0);
    CHECK(b.number("select count(*) from book_files") == static_cast<std::int64_t>(files));
    CHECK(b.number("select count(*) from book_files where missing_since is not null") == 0);
    std::size_t there = b.files("library").size();
    for (const fs::directory_entry& e : fs::recursive_directory_iterator(root)) there += e.is_regular_file() ? 1 : 0;
    CHECK(there == files);
    db::rows rows = b.pool.read_now([](db::tx& tx) {
      static constexpr db::statement all{"test.all_files", "select storage_path, checksum from book_files"};
      return tx.run(all);
    });
    for (const db::row& r : rows) CHECK(sha256_hex(read(b.store.absolute(r.text(0)))) == r.text(1));
  }

  workbench b;
  fs::path root;
  tree_listing names;  // one for all runs, as one job has one for all books
  uuid id;
};

}  // namespace carrel::ingest::test
