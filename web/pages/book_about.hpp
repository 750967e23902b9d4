#pragma once
// What else the page of a book shows (product.md 4.5): where its files came from, its state on the viewer's devices, and its log.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "library/audit.hpp"
#include "library/device.hpp"
#include "library/kobo_ledger.hpp"
#include "web/visit.hpp"

namespace carrel::web {

struct book_on_device {
  library::device device;
  std::optional<library::ledger_book> ledger;  // of a Kobo that is to have it, or had it
  std::optional<instant> fetched_at;           // by another device
};

struct book_about {
  std::map<uuid, std::string> origins;  // by file: upload, watch, import, command
  std::vector<book_on_device> devices;
  std::vector<library::audit_entry> log;  // for those who look after books
};
book_about load_about(db::tx&, const uuid& viewer, const uuid& book, bool curates);

// "Uploaded", "From the drop folder", "Stays where it is"; "" when nobody knows.
std::string origin_words(const visit&, const book_about&, const uuid& file, bool external);
void fill_about(const visit&, const book_about&, view& out);

}  // namespace carrel::web
