#pragma once
// Changing a package document without touching what is not meant (kepub.md 4). For the files of this folder only.

#include <optional>
#include <string>
#include <string_view>

namespace carrel::publication::kepub {

struct package_changes {
  std::string cover_href;       // of the item, as it is written, that gets the token `cover-image`; "": none
  std::string title_page_href;  // a document that becomes the first of the spine; "": none
  std::string title_page_id;
  bool any() const { return !cover_href.empty() || !title_page_href.empty(); }
};

// The same text in UTF-8, with these changes spliced in. Nothing when the document is too broken to find their places.
std::optional<std::string> changed_package(std::string_view bytes, const package_changes&);

}  // namespace carrel::publication::kepub
