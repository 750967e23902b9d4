#pragma once
// Locations of Kobos, by the span map of the KEPUB that the device has (kosync.md 11.8, kobo.md 10.3). Nothing is parsed.

#include <optional>
#include <string_view>

#include "publication/kepub/span_map.hpp"
#include "publication/locator/position.hpp"

namespace carrel::publication::locator {

// Of the KEPUB, as moved() takes it. It counts the documents that are there, so their indexes may be lower than in a book with
// missing files; hrefs are the same.
measure measure_of(const kepub::span_map&);

// The best of a location: its span (exact), the percentage of the document (item), that of the book (fraction). The first span,
// which devices also name when they have just opened a chapter, is quality item, and a percentage of the document above zero is
// better. A document alone is its beginning. Nothing when there is nothing.
std::optional<position> from_kobo(const kepub::span_map&, std::string_view source, std::string_view value,
                                  std::optional<double> percent_of_document, std::optional<double> percent_of_book);

// Of a position in the KEPUB (move others first): the last span that begins at or in front of it. A picture's span counts no
// characters, so where text follows a picture its place is told as the span of that text, and only a picture that ends the text
// is told as itself. Spans with counted text are told as themselves. 100 % only when finished. Nothing when the document is
// not there.
std::optional<kepub::location> to_kobo(const kepub::span_map&, const position&, bool finished = false);

}  // namespace carrel::publication::locator
