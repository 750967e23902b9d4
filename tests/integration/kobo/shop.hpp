#pragma once
// A library with a reader, a shelf and Kobos that are fed by it, as the sync sees them; no HTTP in between.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kobo/actions.hpp"
#include "kobo/sync.hpp"
#include "tests/integration/kobo/reader.hpp"
#include "tests/integration/library/shelf_of_books.hpp"

namespace carrel::kobo::tests {

class shop {
 public:
  shop();
  void start_over();  // as it was in the beginning; cheaper than another one

  harness::library_db db;
  sync_settings how;

  // A credential fed by the shelf.
  uuid add_kobo(const std::string& name);
  uuid add_book(const std::string& title);  // in the library only
  void shelve(const uuid& book, bool on);
  void retitle(const uuid& book, const std::string& title);
  void set_series(const uuid& book, const std::string& name);  // "": none
  void replace_file(const uuid& book);                         // other bytes, another size
  void lose_file(const uuid& book, bool lost);
  void begin_conversion(const uuid& book);  // another file, of which nobody knows yet what a Kobo gets
  void end_conversion(const uuid& book);
  void purge(const uuid& book);  // to the trash
  void restore(const uuid& book);
  void erase(const uuid& book);  // and its row

  sync_answer sync(const uuid& kobo, const std::string& token, const std::string& hash = "");
  sync_answer sync_in(db::tx&, const uuid& kobo, const std::string& token, const std::string& hash);
  template <class F>
  void with_row(const uuid& kobo, F act, const std::string& hash = "") {
    reader_facts facts{.device_hash = hash, .model = "Clara", .firmware = "4.45"};
    db.pool().write_now([&](db::tx& tx) { act(tx, lock_row(tx, kobo, db.reader(), facts)); });
  }

  // What a Kobo should show now, and what is wanted at all (pending books included).
  std::map<std::string, shown_book> target(const uuid& kobo, const std::string& hash = "");
  std::set<std::string> wanted(const uuid& kobo);
  std::set<std::string> pending(const uuid& kobo, const std::string& hash = "");
  std::string entitlement(const uuid& book);
  uuid shelf;

 private:
  void open();

  std::int64_t sizes_ = 1000;
  std::map<uuid, std::string> secrets_;  // hashes, by device
  std::optional<library::store> store_;
};

// One whole sync without faults; the number of requests it took. Ends the test when it does not end.
int complete_sync(shop&, const uuid& kobo, reader&);

}  // namespace carrel::kobo::tests
