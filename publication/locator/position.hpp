#pragma once
// A reading position that every protocol's own form is turned into and made from (kosync.md 11.4, kobo.md 10.2), and how long the
// documents of a book are, without which it has no fractions.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel::publication::locator {

// How well a place is known, the best first: to the character; to an element or span near it; to the document, perhaps with a
// fraction of it; to a fraction of the book.
enum class quality { exact, element, item, fraction };
std::string_view to_string(quality);
std::optional<quality> quality_named(std::string_view);

struct position {
  std::size_t spine_index = 0;  // from 0, of all items of the spine that are in the manifest
  std::string href{};           // path of the document in the archive
  // Characters of its body's text in front of the position. White space, soft hyphens, joiners of no width and U+FFFD do not
  // count, so an EPUB and the KEPUB made of it agree, whatever a parser does with blanks.
  std::uint64_t nw_offset = 0;
  double item_fraction = 0, total_fraction = 0;  // 0 to 1, by the same count
  std::string before{}, after{};                 // about 32 characters each, blanks collapsed; "" when the text was not read
  quality how = quality::exact;
};

struct measured_document {
  std::string path;
  std::uint64_t nw = 0;  // counted characters; 0 of a document that cannot be read
  bool operator==(const measured_document&) const = default;
};

// The counts of a book's documents, one for each item of its spine. To be stored with the file: making it reads the whole book.
class measure {
 public:
  measure() = default;
  explicit measure(std::vector<measured_document>);

  const std::vector<measured_document>& documents() const { return documents_; }
  std::uint64_t total() const { return total_; }
  // With a fragment, percent-encoded, with a leading slash or without its folder (kobo.md 10.1).
  std::optional<std::size_t> document_named(std::string_view path) const;

  // Offsets behind the end of a document are its end. Of a document that is not there: nothing.
  std::optional<position> at(std::size_t document, std::uint64_t nw, quality) const;
  std::optional<position> at_fraction_of(std::size_t document, double fraction) const;  // quality item
  std::optional<position> at_fraction(double of_book) const;                            // keeps it; quality fraction

  // A stored form; one that is damaged is none.
  std::string pack() const;
  static std::optional<measure> unpack(std::string_view);

 private:
  std::vector<measured_document> documents_;
  std::vector<std::uint64_t> before_;
  std::uint64_t total_ = 0;
};

// As KOSync writes it: the total fraction floored to four decimals (kosync.md 11.5).
double percentage(const position&);

// Formats with pages, which count from 1 (kosync.md 11.5): the last page is the whole. Without pages there is no fraction.
int page_at(double fraction, int pages);
double fraction_at(int page, int pages);

}  // namespace carrel::publication::locator
