#pragma once
// One content document of an EPUB with the spans that a Kobo needs (kepub.md 5 to 7).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "publication/kepub/spans.hpp"
#include "server/core/error.hpp"

namespace carrel::publication::kepub {

struct document_options {
  std::string css{};  // added to the style element
  bool smart_punctuation = false;
};

struct document {
  std::string bytes;
  std::vector<span_start> spans;
  std::uint64_t characters = 0;  // length of that text
  std::uint64_t nw = 0;          // how many of them count for a place
  std::size_t removed = 0;       // U+FFFD, which is for text that was lost
};

// Why a document keeps its bytes. The first two are as they should be, the others are a warning (kepub_document_kept).
enum class kept { no_body, has_spans, too_large, too_deep, too_many_spans, grown, not_readable };

result<document, kept> convert_document(std::string_view bytes, const document_options& = {});

}  // namespace carrel::publication::kepub
