#pragma once
// Reading XML of packages (ingest.md 8.3, 9.2) with pugixml. For the files of this folder only.

#include <memory>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "publication/metadata.hpp"
#include "server/core/error.hpp"

namespace carrel::publication {

// Adds a warning once; foreign text in `detail` is cleaned and cut, and one code comes at most 20 times.
void warn(std::vector<warning>&, std::string_view code, std::string_view detail = {});

// clean_text() of one field of a book, with metadata_truncated when it is shortened.
std::string clean_field(std::string_view raw, std::size_t max_bytes, std::string_view field, std::vector<warning>&);

struct decoded {
  std::string text;          // valid UTF-8 without BOM and NUL
  std::size_t invalid = 0;   // sequences replaced by U+FFFD
  std::size_t controls = 0;  // NUL and other control characters, left out
  bool declared = false;     // BOM or declaration named the encoding
};
// Bytes that should be UTF-8 and are not are read in the encoding that they look like, when that fits better (8.3).
decoded decode_xml(std::string_view bytes);

// What the first bytes say about all of them; size 0 when they say nothing.
struct byte_order_mark {
  std::string_view encoding;
  std::size_t size = 0;
};
byte_order_mark find_byte_order_mark(std::string_view bytes);

// UTF-16 and UTF-32 without a mark, by the zero bytes around the first character (8.3); "" for others.
std::string guessed_wide_encoding(std::string_view bytes);

// Bytes of a named encoding to UTF-8; false when ICU does not know the name.
bool convert_to_utf8(std::string_view bytes, const std::string& encoding, std::string& out);

// "encoding" of an XML declaration within the first 256 bytes; "" when there is none.
std::string declared_encoding(std::string_view bytes);

using xml_tree = std::unique_ptr<pugi::xml_document>;

// Strict first, then with references put right, then whatever part of the tree was built (xml_recovered). Refuses entity
// declarations and trees deeper than `depth`. With `required`, a partial tree counts only when every named element is in it.
result<xml_tree, refusal> parse_package_xml(std::string_view bytes, int depth, std::vector<warning>&,
                                            std::initializer_list<const char*> required = {});

// The same up to the parser: text with its references put right. Refuses entity declarations.
result<std::string, refusal> mended_xml(decoded, std::vector<warning>&);

// The code of what makes a tree one that is not walked, deeper than `limit` or with elements of too many attributes; null when
// there is nothing.
const char* shape_problem(const pugi::xml_node& root, int limit);

bool declares_entities(std::string_view text);

std::string_view local_name(const pugi::xml_node&);
std::string_view local_name(const pugi::xml_attribute&);
std::string prefix_of(const pugi::xml_node&);          // with its colon; "" when there is none
std::string_view namespace_of(const pugi::xml_node&);  // "" when none or unbound
std::string_view namespace_of_prefix(pugi::xml_node at, std::string_view prefix);
bool is_dublin_core(const pugi::xml_node&);
bool is_package_element(const pugi::xml_node&, std::string_view name);  // OPF namespace or none, name without case

// An attribute by local name, whatever its prefix; an unprefixed one wins.
std::string attribute(const pugi::xml_node&, std::string_view name);
pugi::xml_node child(const pugi::xml_node&, std::string_view name);  // by local name, without case
pugi::xml_node first_descendant(const pugi::xml_node&, std::string_view name);
std::string text_of(const pugi::xml_node&, std::size_t max_bytes = 1 << 20);  // all character data below, not cleaned
bool has_token(std::string_view list, std::string_view token);                // in a list divided by blanks

// The next node in document order inside `root`; not into the children of `at` when `skip` is set.
pugi::xml_node next_node(pugi::xml_node at, const pugi::xml_node& root, bool skip = false);

}  // namespace carrel::publication
