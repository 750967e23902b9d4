#pragma once
// Pieces of Atom documents. Internal to the writer.

#include <string>
#include <string_view>

#include "opds/feed_model.hpp"

namespace carrel::opds::parts {

// Prefixes that occur in a document; exactly these are declared (opds.md 5.1).
struct prefixes {
  bool opds = false, dc = false, thr = false, opensearch = false, calibre = false, schema = false, pse = false;
  void count(const book_entry&, bool complete);
};
void begin(std::string& out, std::string_view element, std::string_view language, const prefixes&);

// Escaped once; characters XML forbids are dropped.
void text(std::string& out, std::string_view);
// <name>value</name>; nothing for empty text.
void element(std::string& out, std::string_view name, std::string_view value);
// As element(), with runs of white space as one blank and none at the ends.
void line(std::string& out, std::string_view name, std::string_view value);
// Required even when nothing readable is left of it.
void title(std::string& out, std::string_view value);
void attribute(std::string& out, std::string_view name, std::string_view value);
void person(std::string& out, std::string_view name, const credit&);
void write(std::string& out, const link&);
// Everything inside an entry element up to and including its links; `from` stands in for a missing author.
void inside_entry(std::string& out, const book_entry&, std::string_view tag_scheme, const source* from);

}  // namespace carrel::opds::parts
