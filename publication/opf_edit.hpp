#pragma once
// A package document that says what the library says (setting deliver.metadata). For the files of this folder only.

#include <string>
#include <string_view>

#include "publication/corrected.hpp"
#include "publication/metadata.hpp"
#include "publication/open.hpp"
#include "server/core/error.hpp"

namespace carrel::publication {

struct edited_package {
  std::string text;      // UTF-8
  bool changed = false;  // false: it says all of it already, and `text` is empty
};

// Only the elements of fields that differ are touched; everything else stays, in its order. The unique identifier is never
// changed: fonts may be hidden with it (kepub.md 2). Refused, with what is wrong, where the document cannot be read for certain:
// not well-formed, declaring entities, more than one metadata element or that of OEBPS 1, an id that is there twice, too long.
result<edited_package, refusal> edit_package(std::string_view bytes, const corrected&, const limits& = {});

}  // namespace carrel::publication
