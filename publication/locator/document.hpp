#pragma once
// The text of one content document and where it stands: elements by their paths, text nodes in their order. Every form of a
// position is resolved on this, and made from it (kosync.md 11.3 to 11.5). For the files of this folder and tests.

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel::publication::locator {

using number = std::uint32_t;  // of an element or a text node, in document order
constexpr number none = std::numeric_limits<number>::max();

struct element {
  number parent = none;         // none: the root
  number end = 0;               // behind its last descendant
  number name = 0;              // see document::name
  number index = 1, twins = 1;  // among its siblings of this name, from 1; how many these are
  number position = 1;          // among all elements that are its siblings, from 1
  number texts = 0;             // how many text nodes begin in front of it
  std::uint64_t nw = 0;         // counted characters in front of it
};

// Its path is the one of its parent. A comment, an instruction or the edge of a CDATA section divides text into two nodes.
struct text_node {
  number parent = none;
  number after = 0;  // elements among its siblings in front of it
  std::size_t begin = 0, size = 0;
  std::uint64_t nw = 0, characters = 0;  // counted characters and code points in front of it
};

// A place in a text node; `byte` counts in its raw text.
struct spot {
  number text = none;
  std::size_t byte = 0;
};

class document {
 public:
  // Reads what parse_whole_content can read. Nothing of what it cannot, of an empty one, and of one with more than a million
  // nodes.
  static std::optional<document> read(std::string_view bytes);

  const std::vector<element>& elements() const { return elements_; }  // the first is the root
  const std::vector<text_node>& texts() const { return texts_; }      // of `body`, without script and style; none is empty
  number body() const { return body_; }                               // none: it has none, and no text
  std::uint64_t nw() const { return nw_; }                            // counted characters
  std::uint64_t characters() const { return characters_; }            // code points
  std::size_t weight() const;                                         // about the bytes it takes

  std::string_view name(number element) const { return names_[elements_[element].name]; }  // lower case, without prefix
  std::string_view raw(number text) const;
  std::string_view raw() const { return text_; }  // of all texts, one behind the other
  std::optional<number> with_id(std::string_view id) const;
  const std::map<std::string, number, std::less<>>& ids() const { return ids_; }

  number first_child(number element) const;  // none when there is none
  number next_sibling(number element) const;
  std::optional<number> child(number parent, std::string_view name, std::uint64_t index) const;  // index from 1
  std::optional<number> child(number parent, std::uint64_t position) const;                      // from 1
  std::vector<number> texts_of(number parent) const;  // its own, not those of its descendants
  bool is_preformatted(number element) const;
  int depth(number element) const;  // 0: the root

  // In front of the counted character of this number, from 0; behind the last one when there are no more. Nothing in a document
  // without any.
  std::optional<spot> at(std::uint64_t nw) const;
  std::uint64_t nw_at(const spot&) const;

 private:
  friend class document_reader;
  std::vector<element> elements_;
  std::vector<text_node> texts_;
  std::vector<std::string> names_;
  std::map<std::string, number, std::less<>> ids_;
  std::string text_;
  number body_ = none;
  std::uint64_t nw_ = 0, characters_ = 0;
};

}  // namespace carrel::publication::locator
