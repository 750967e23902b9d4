// Whatever is merged and taken apart again: each file, each pushed position and each place on a shelf is there for its reader.
#include <random>

#include "library/book.hpp"
#include "tests/integration/library/merge_world.hpp"

using namespace carrel;

namespace {

struct household : harness::merge_world {
  std::mt19937 dice;
  std::vector<uuid> books, readers, merges;
  std::map<uuid, std::vector<uuid>> shelves;                   // of a reader
  std::map<uuid, std::string> document, file;                  // of a book, as it came
  std::map<std::pair<uuid, std::string>, std::size_t> pushed;  // reader, document: how many
  std::set<std::pair<uuid, uuid>> placed;                      // shelf, book as it came
  int pushes = 0;

  explicit household(unsigned seed) : dice(seed) {
    for (int i = 0; i < 6; ++i) {
      books.push_back(add({.title = "Book " + std::to_string(i), .tags = {"Tag " + std::to_string(i % 3)}}));
      document[books.back()] = document_of(books.back());
      file[books.back()] = text("select id::text from book_files where book_id = " + quoted(books.back()));
    }
    for (int i = 0; i < 3; ++i) {
      readers.push_back(pool().write_now([&](db::tx& tx) {
        return library::add_user(tx, "person " + std::to_string(i), library::role::reader, std::nullopt).id;
      }));
      for (int n = 0; n < 2; ++n) shelves[readers.back()].push_back(shelf_of(readers.back(), "shelf " + std::to_string(n)));
    }
  }

  std::size_t any(std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(dice); }
  const uuid& one_of(const std::vector<uuid>& all) { return all[any(all.size())]; }

  // What a book is by now.
  uuid now_of(const uuid& book) {
    return pool().read_now([&](db::tx& tx) { return library::survivor_of(tx, owner(), book).value_or(book); });
  }

  void read() {
    const uuid &reader = one_of(readers), &book = one_of(books);
    push(reader, document[book], static_cast<double>(++pushes) / 1000, "Device " + std::to_string(any(2)));
    ++pushed[{reader, document[book]}];
  }
  void put_on_shelf() {
    const uuid &reader = one_of(readers), book = now_of(one_of(books));
    const uuid& shelf = one_of(shelves[reader]);
    std::vector<uuid> there = on(reader, shelf);
    if (std::find(there.begin(), there.end(), book) != there.end())
      return;  // it has its place, which is that of a merged one perhaps
    shelve(reader, shelf, book);
    placed.emplace(shelf, book);
  }
  void join() {
    std::set<uuid> others;
    for (std::size_t n = 1 + any(2); n > 0; --n) others.insert(now_of(one_of(books)));
    uuid kept = now_of(one_of(books));
    others.erase(kept);
    if (others.empty()) return;
    auto act = any(3) == 0 ? library::merge_act::format : library::merge_act::merge;
    result<library::merge_outcome> out = merge(kept, {others.begin(), others.end()}, act);
    REQUIRE(out);
    merges.push_back(out->merge);
  }
  void part() {
    if (merges.empty()) return;
    uuid which = one_of(merges);
    result<library::unmerge_outcome> out = undo(which);
    while (!out) {
      REQUIRE(out.error().field == "later");
      which = *uuid::parse(out.error().reason);
      out = undo(which);
    }
    std::erase(merges, which);
  }

  void check() {
    for (const uuid& book : books) {
      auto found = pool().read_now([&](db::tx& tx) { return library::find_file(tx, readers[0], *uuid::parse(file[book])); });
      REQUIRE(found);
      REQUIRE(found->file.book_id == now_of(book));
    }
    for (const auto& [key, count] : pushed) {
      const auto& [reader, doc] = key;
      auto of = std::find_if(document.begin(), document.end(), [&, d = &doc](const auto& one) { return one.second == *d; });
      std::size_t seen = 0;
      for (const library::position_row& p : positions(reader, now_of(of->first))) seen += p.document == doc ? 1 : 0;
      REQUIRE(seen == count);
    }
    for (const auto& [reader, mine] : shelves) {
      for (const uuid& shelf : mine) {
        std::vector<uuid> shown = on(reader, shelf);
        REQUIRE(std::set<uuid>(shown.begin(), shown.end()).size() == shown.size());
        for (const auto& [on_shelf, book] : placed) {
          if (on_shelf == shelf) REQUIRE(std::find(shown.begin(), shown.end(), now_of(book)) != shown.end());
        }
      }
    }
  }
};

}  // namespace

TEST_CASE("nothing that a reader has is lost by merging and taking apart") {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    INFO("seed " << seed);
    household h(seed);
    for (int step = 0; step < 40; ++step) {
      switch (h.any(6)) {
        case 0:
        case 1: h.read(); break;
        case 2: h.put_on_shelf(); break;
        case 3:
        case 4: h.join(); break;
        default: h.part();
      }
      h.check();
    }
  }
}

TEST_CASE("everything that was merged and is taken apart step by step is as it was") {
  for (unsigned seed = 1; seed <= 6; ++seed) {
    INFO("seed " << seed);
    household h(seed * 101);
    for (int i = 0; i < 15; ++i) h.read();
    for (int i = 0; i < 10; ++i) h.put_on_shelf();
    std::string before = h.everything();
    for (int i = 0; i < 8; ++i) h.join();
    while (!h.merges.empty()) h.part();
    CHECK(h.differences(before, h.everything()) == "");
  }
}
