#pragma once
// What a place in a book is in the words of apps, for each kind of book (opds.md 11.3, 11.4). Internal to opds.

#include <memory>
#include <optional>
#include <string>

#include "library/app_place.hpp"
#include "library/book.hpp"
#include "library/recording.hpp"
#include "opds/manifest_parts.hpp"
#include "opds/progression_document.hpp"
#include "opds/publication_links.hpp"
#include "publication/locator/position.hpp"

namespace carrel::opds {

// A book as far as places in it are concerned. The outline is null for sound, for books that are only downloaded, and when the
// file cannot be read just now.
struct placed_book {
  library::book book;
  std::optional<library::book_file> file{};  // the best one that can be read here; none: only fractions are known
  std::shared_ptr<const publication::outline> inside{};
  std::optional<publication::locator::measure> lengths{};  // of an EPUB, when they are known
  library::recording sound{};

  std::optional<reading_as> how() const { return file ? reading_of(*file) : std::nullopt; }
  int pages() const { return inside ? inside->pages : 0; }
};

// Into the words that hear_app takes. Without a document, a page or a time that exists, and without a fraction: an error.
struct understood_place {
  double progression = 0;
  std::string progress;
  publication::locator::readium_locator at{};
};
understood_place understand(const placed_book&, const progression_document&);
result<understood_place> understand(const placed_book&, const locator_document&);
// Which document of an EPUB a locator means, whether its href is a path of the archive or an address of the manifest.
std::optional<std::size_t> document_meant(const placed_book&, const std::string& href);

// And back. What an app said comes back as it was said.
progression_document as_progression(const placed_book&, const library::told_place&);
locator_document as_locator(const visit&, const placed_book&, const library::told_place&);

}  // namespace carrel::opds
