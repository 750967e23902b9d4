#pragma once
// EPUB canonical fragment identifiers (kosync.md 11.9, EPUB CFI 1.1). For the files of this folder and tests; locator::book
// resolves them on a book. Character offsets count UTF-16 code units of the text as it stands in the document, as the standard
// has it; the page names no unit.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "publication/locator/document.hpp"
#include "publication/locator/xpointer.hpp"

namespace carrel::publication::locator {

struct cfi_step {
  std::uint64_t number = 0;  // even: twice the position among elements; odd: the text between them
  std::string id{};          // in brackets behind it
};

struct cfi {
  std::vector<cfi_step> package;   // in the package document
  std::vector<cfi_step> document;  // behind the first '!'
  std::optional<std::uint64_t> offset{};
  bool deeper = false;  // there was another '!': into a document that is shown inside this one
};

// With or without epubcfi( ). Of a range its start. Assertions of texts, places in pictures and times are read over. Nothing for
// what is no CFI.
std::optional<cfi> parse_cfi(std::string_view);

// What a CFI says behind its '!'.
resolved resolve(const document&, const cfi&);

// The part behind '!'; "" for a document without root.
std::string write_cfi_steps(const document&, std::uint64_t nw);

}  // namespace carrel::publication::locator
