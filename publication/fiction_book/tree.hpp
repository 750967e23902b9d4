#pragma once
// The XML of a FictionBook (ingest.md 9.2, 13). Namespaces are ignored. For the files of this folder only.

#include <memory>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "publication/open.hpp"

namespace carrel::publication::fiction_book {

struct book_tree {
  std::string text;  // what the strings of the tree point into
  pugi::xml_document tree;
  pugi::xml_node root;
  bool complete = false;  // false: the XML breaks off, and the tree is what was before
};

// Refusals: xml_entities_not_allowed, xml_too_large, xml_too_deep, and unsupported_type when it breaks off before the end of
// title-info, or is something else.
result<std::unique_ptr<book_tree>, refusal> parse(std::string bytes, const limits&, std::vector<warning>&);

bool is_element(const pugi::xml_node&, std::string_view name);

}  // namespace carrel::publication::fiction_book
