#pragma once
// An opened EPUB or KEPUB in which positions of every protocol are found and told (kosync.md 11, kobo.md 10, opds.md 11.3). It
// reads files of others: like open(), to be used in the isolated process only, except in tests. Not for several threads at once.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "publication/locator/position.hpp"
#include "publication/locator/xpointer.hpp"
#include "publication/open.hpp"
#include "server/core/error.hpp"

namespace carrel::publication::locator {

// Readium's locator as far as it says a place; its type is application/xhtml+xml.
struct readium_locator {
  std::string href;
  std::optional<double> progression{}, total_progression{};  // in the document, in the book
  std::string before{}, highlight{}, after{};
};

class book {
 public:
  // Of a file that outlives it. Refusals: unsupported_type for other formats, drm_protected, those of open(). Documents are read
  // when they are asked for, a few are kept, and all reading together stays within limits.unpacked.
  static result<std::unique_ptr<book>, refusal> open(int descriptor, const std::string& file_name, const limits& = {});
  ~book();
  book(const book&) = delete;
  book& operator=(const book&) = delete;

  // The spine as KOReader counts it (11.2): every item that is in the manifest, even when no file is there.
  std::size_t size() const;
  const std::string& path(std::size_t) const;  // in the archive, or where it would be
  // Null when the document is unknown: missing, no XHTML, unreadable. It stays while its owner holds it.
  std::shared_ptr<const document> document_at(std::size_t);

  // Takes over what was stored with the file; false when it is of another book, and nothing changes.
  bool use(measure stored);
  // Reads every document when none was given before.
  const measure& lengths();

  // With the words around it. Nothing when the document is unknown.
  std::optional<position> at(std::size_t document, std::uint64_t nw, quality = quality::exact);
  std::optional<position> at_fraction(double of_book);  // quality fraction

  // What cannot be resolved in this book is nothing; page numbers and paths of FictionBooks are nothing here (parse_xpointer
  // tells them). Both countings of documents are tried, that of today first.
  std::optional<position> from_xpointer(std::string_view);
  // Of a position in this file: by its href, or by its index when it has none. Nothing when the document is unknown.
  std::optional<written_pointer> to_xpointer(const position&, pointer_form wanted = pointer_form::text);

  std::optional<position> from_cfi(std::string_view);
  std::optional<std::string> to_cfi(const position&);  // epubcfi(...)

  // By its text, else its progression, else the fragment of its href, else its total progression.
  std::optional<position> from_readium(const readium_locator&);
  std::optional<readium_locator> to_readium(const position&);

  // A position of another variant of this book (11.4), whose measure is `from`.
  std::optional<position> from_variant(const position&, const measure& from);

 private:
  struct state;
  explicit book(std::unique_ptr<state>);
  std::optional<std::size_t> index_of(const position&) const;
  std::optional<std::size_t> index_of_href(std::string_view) const;
  std::unique_ptr<state> state_;
};

}  // namespace carrel::publication::locator
