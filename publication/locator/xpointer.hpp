#pragma once
// The XPointers of crengine, in which KOReader and Readest say where they are (kosync.md 11.1). locator::book resolves them on a
// book.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "publication/locator/document.hpp"
#include "publication/locator/position.hpp"

namespace carrel::publication::locator {

struct xpointer_step {
  enum class kind { element, text, child };  // p[3], text()[2], and the plain number of a child
  kind what = kind::element;
  std::string name;         // lower case, without prefix
  std::uint64_t index = 1;  // from 1, among siblings of the name, text nodes, or all children
};

struct xpointer {
  // A document of an EPUB by its path; the anchor form of one; a path in a FictionBook, or in a book of a single HTML; a page.
  enum class kind { fragment, anchor, fiction_book, html, page };
  kind what = kind::fragment;
  std::uint64_t document = 0;             // from 0 in every form, or the page, from 1
  std::string id{};                       // of an anchor; "" for the document itself
  std::vector<xpointer_step> steps{};     // below DocFragment, or from the root
  std::optional<std::uint64_t> offset{};  // code points in a text, children of an element
  bool boxed = false;                     // steps of layout wrappers were dropped: the indexes behind them count otherwise
};

// All forms of 11.1; nothing for anything else.
std::optional<xpointer> parse_xpointer(std::string_view);

struct resolved {
  std::uint64_t nw = 0;
  quality how = quality::exact;  // or element, or item: the last step that could be taken
  bool whole = true;             // every step could be taken
};

// Of an anchor or a path of one document (11.3).
resolved resolve(const document&, const xpointer&);

// `text`: names the text node and the character, as KOReader writes it. `block`: the nearest block that begins at or in front of
// the place. `start`: that of the document.
enum class pointer_form { text, block, start };

struct written_pointer {
  std::string text;
  pointer_form form = pointer_form::start;
  std::uint64_t nw = 0;  // where it leads
};

// 11.5. The best of `wanted` and the forms behind it that leads back to where it should when it is read again. The text form is
// only given when it does not depend on rules of crengine that are uncertain. Nothing when the document has no body.
std::optional<written_pointer> write_xpointer(const document&, std::uint64_t spine_index, std::uint64_t nw, pointer_form wanted);

}  // namespace carrel::publication::locator
