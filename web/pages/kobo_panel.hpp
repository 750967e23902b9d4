#pragma once
// What the pages say of a Kobo: how far it has come, what it holds, what may be done (product.md 3.3, 4.7).

#include "library/kobo_acts.hpp"
#include "library/kobo_events.hpp"
#include "library/kobo_ledger.hpp"
#include "library/kobo_options.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {

struct kobo_data {
  std::vector<library::ledger_row> rows;
  std::vector<library::device_event> events;  // of the reader seen last
  std::vector<library::unsuitable_book> unsuitable;
  library::kobo_options options;
  library::kobo_arrival arrival;
  std::vector<library::hidden_collection> hidden;
};
kobo_data load_kobo(db::tx&, const uuid& device);

void fill_kobo(const visit&, const kobo_data&, view& out);
void fill_arrival(const visit&, const uuid& device, const library::kobo_arrival&, view& out);

// The word and the colour of a book on a device (on device, offered, waiting, missing?, removed on device), what shows it, and
// when it was last seen.
view book_line(const visit&, const library::ledger_book&);

}  // namespace carrel::web
