#pragma once
// What is known of a reader's place in a book, for the bridge. Internal to library/.

#include <optional>
#include <string>
#include <vector>

#include "library/book_measure.hpp"
#include "library/bridge_rules.hpp"
#include "publication/kepub/span_map.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// Rows that the bridge wrote itself have a device key of this kind: they are nobody's word.
constexpr std::string_view bridge_key = "b:";
inline bool is_bridged(std::string_view device_key) { return device_key.starts_with(bridge_key); }

// The documents of a reader that are linked to a book: those that KOSync clients name, and one for what Kobos say of it.
inline std::string kobo_document(const uuid& entitlement) { return "kobo:" + entitlement.text(); }
inline bool is_kobo_document(std::string_view document) { return document.starts_with("kobo:"); }

struct linked_document {
  std::string document, progress, payload, device, device_key, origin;
  std::optional<std::string> device_id;
  double percentage = 0;
  std::int64_t revision = 0, timestamp = 0;
  std::optional<uuid> history;
  instant at{};             // of the push that made it so
  bool said_twice = false;  // and once more, ten minutes later or more
  // Its file, as far as it is known which one the client has.
  std::optional<uuid> file;
  std::string format, storage_path, name, checksum;
  std::string variant;  // original, served, kepub, replaced; "" when only the name is known, or somebody linked it by hand
  std::optional<instant> before{};  // when a device had last said something of it
  // No client has named it yet: it is what the reader downloaded last.
  bool is_unread() const { return revision == 0; }
};

struct linked_book {
  uuid user, book, entitlement;
  std::vector<linked_document> documents;
  std::optional<known_place> place;
  std::int64_t revision = 0;                         // of the place
  std::optional<publication::kepub::span_map> kobo;  // of what Kobos get of the book
  int pages = 0;                                     // of a book that has some
  const linked_document* find(const std::string& document) const;
};
// A device said something of its own there since: that will be carried, and nothing older put in its place.
inline bool has_spoken_since(const linked_document& d, instant at) { return !is_bridged(d.device_key) && d.at > at; }
// What a bridge is about to write to: until the commit nobody else does. The book as it is now; nothing when it is none any more.
std::optional<linked_book> lock_linked(db::tx&, const uuid& user, const std::string& document,
                                       const std::vector<std::string>& targets);
// The book that the document is linked to; nothing when it is to none. With what its reader downloaded last, but not to a Kobo
// (kosync.md 11.7).
std::optional<linked_book> load_linked(db::tx&, const uuid& user, const std::string& document);
// The book of a file that is being downloaded, and what KOReader will call that file, or its copy of that SHA-256; nothing when
// clients named it already.
struct fetched_file {
  linked_book book;
  std::string document;
};
std::optional<fetched_file> load_fetched(db::tx&, const uuid& user, const uuid& file, const std::string& copy);

// The spans of a conversion; nothing when it is not known any more.
std::optional<publication::kepub::span_map> map_of_artifact(db::tx&, const uuid& artifact);

void store_place(db::tx&, const uuid& user, const uuid& book, const known_place&, const linked_document& heard);
// That this revision was looked at, and how well its place is known. `away`: a file that could not be read just now, its own or
// that of a document that was to be told.
void note_bridged(db::tx&, const uuid& user, const linked_document&, publication::locator::quality,
                  const std::optional<uuid>& away);
// Revisions that were not looked at: a process ended in between, or a document was linked later; then those of which a file was
// away and is there again.
struct unbridged {
  uuid user;
  std::string document;
};
std::vector<unbridged> unbridged_documents(db::tx&, int most);

}  // namespace carrel::library
