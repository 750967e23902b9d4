#pragma once
// Places in books as apps tell them over OPDS (opds.md 11), where they meet those of the reader's other devices.

#include <optional>
#include <string>
#include <string_view>

#include "library/position.hpp"
#include "publication/locator/book.hpp"
#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// The document of a reader for what apps say of a book.
inline std::string app_document(const uuid& book) { return "opds:" + book.text(); }
inline bool is_app_document(std::string_view document) { return document.starts_with("opds:"); }

struct app_word {
  uuid user, book;
  std::optional<uuid> file;  // that the place is in
  instant modified{};        // the app's own time, in whole milliseconds
  std::string device_id, device_name;
  double progression = 0;                      // of the book
  std::string progress;                        // the same for people, and of a book with pages the number of the page
  publication::locator::readium_locator at{};  // as far as it was said
  std::string received;                        // as it came
  std::string title;                           // of the book
};

// Where the reader is in the book, whoever said so last (schema/0016: place_in_book).
struct told_place {
  std::string document;
  double fraction = 0;
  instant at{};  // in whole milliseconds
  std::string device;
  std::optional<std::string> device_id;
  bool by_app = false;
  std::string received;  // of an app
  // What it was found to be in the text; "" not known, or not yet.
  std::string href;
  double in_document = 0;
  std::string before, after;
};
std::optional<told_place> place_in_book(db::tx&, const uuid& user, const uuid& book);

// Whether the word is newer than what is known: then it is the reader's place, with a row of history like any other push's. An
// older one is remembered as not accepted; the same once more changes nothing (opds.md 11.4).
enum class app_end { first, stored, repeated, older };
struct heard_app {
  app_end how = app_end::older;
  std::string document;
};
heard_app hear_app(db::tx&, const app_word&, const put_policy&);

// What hear_app stored of the place in the text.
std::optional<publication::locator::readium_locator> app_locator_from(const std::string& payload);

}  // namespace carrel::library
