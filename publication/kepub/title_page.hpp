#pragma once
// The empty page in front of a book that begins with its text (kepub.md 8): a Kobo shows the first document of the spine as a
// cover, without margins. For the files of this folder only.

#include <string>
#include <string_view>

#include "publication/epub.hpp"

namespace carrel::publication::kepub {

// The document that a reader sees first; null when the spine has no linear one, or begins with the navigation.
const manifest_item* first_shown(const epub_package&);

// Would that document look wrong as a cover? `bytes` are those of the document.
bool looks_like_text(const manifest_item&, std::string_view bytes);

std::string title_page(std::string_view book_title);

}  // namespace carrel::publication::kepub
