#pragma once
// What the location of a Kobo means in a book, and the other way (kobo.md 10.2, 10.3). A map belongs to one converted file: spans
// of another say nothing here.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "publication/kepub/spans.hpp"

namespace carrel::publication::kepub {

// A document of the spine.
struct mapped_document {
  std::string path;              // in the archive
  std::uint64_t characters = 0;  // of its text, in code points
  std::uint64_t nw = 0;          // how many of them count for a place (kosync.md 11.4)
  std::vector<span_start> spans{};
  bool operator==(const mapped_document&) const = default;
};

struct place {
  std::size_t document = 0;  // in the spine of the converted file
  std::uint64_t offset = 0;  // in its text, in code points
  bool exact = false;        // named by a span, not by a percentage
};

// As a Kobo says it. `in_document` and `in_book` are whole percents.
struct location {
  std::string source, value;
  int in_document = 0, in_book = 0;
};

class span_map {
 public:
  explicit span_map(std::vector<mapped_document> documents);

  const std::vector<mapped_document>& documents() const { return documents_; }
  std::uint64_t characters() const { return total_; }

  // The document that `Source` means: with a fragment, percent-encoded, with a leading slash or without its folder (10.1).
  std::optional<std::size_t> document_named(std::string_view source) const;
  // A span of a document by its name; null when it has none of that name.
  const span_start* span_named(std::size_t document, std::string_view value) const;
  // The last span that begins at or in front of so many counted characters, or the first when all begin behind; null when the
  // document has none. A picture's span has no text: where one follows it, that one is given.
  const span_start* span_at(std::size_t document, std::uint64_t nw) const;
  // Of a span that the document has.
  std::optional<place> at_span(std::size_t document, std::string_view value) const;
  place at_fraction_of(std::size_t document, double fraction) const;  // 0 to 1, else the nearer end
  place at_fraction(double of_book) const;
  // Whatever of a location there is, the best first: span, percent of the document, percent of the book. Nothing when there is
  // none.
  std::optional<place> of(std::string_view source, std::string_view value, std::optional<double> percent_of_document,
                          std::optional<double> percent_of_book) const;

  double fraction_of_book(const place&) const;
  double fraction_of_document(const place&) const;
  // 100 only of a book that was finished: a Kobo takes it for that.
  location location_of(const place&, bool finished = false) const;

  // A stored form; a map that is damaged, or of another version, is none.
  std::string pack() const;
  // The same of documents that were packed one by one, each as it was converted.
  static std::string pack(const std::vector<std::string>& documents);
  static std::string packed(const mapped_document&);
  static std::optional<span_map> unpack(std::string_view);

 private:
  std::vector<mapped_document> documents_;
  std::vector<std::uint64_t> before_;  // characters in front of each document
  std::uint64_t total_ = 0;
};

}  // namespace carrel::publication::kepub
