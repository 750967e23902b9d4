#pragma once
// The Kobos that a shelf feeds, as its page shows them (product.md 4.6): a strip for each, and a mark on each book.

#include <vector>

#include "library/kobo_ledger.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {

struct fed_kobo {
  library::device device;
  std::vector<library::ledger_row> rows;  // of the books that are shown
  library::next_sync next;
  std::vector<library::unsuitable_book> unsuitable;
  bool paused = false;
};
// `shown`: the books of the page.
std::vector<fed_kobo> load_fed_kobos(db::tx&, const std::vector<library::device>& fed, const std::vector<uuid>& shown);

// {device, name, words, synced, light, paused, came}: for the part "shelf_kobo".
std::vector<view> kobo_strip(const visit&, const std::vector<fed_kobo>&);
// A mark for each Kobo: the word, what shows it, and whether it may be announced again.
std::vector<view> marks_of(const visit&, const std::vector<fed_kobo>&, const uuid& book);

}  // namespace carrel::web
