#pragma once
// Content documents: decoding and parsing (kepub.md 7.1 to 7.4) and the normal text of a book (ingest.md 7.2). For the files
// of this folder only.

#include <cstdint>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/digest.hpp"

namespace carrel::publication {

struct content_document {
  std::string text;  // what the strings of the tree point into
  pugi::xml_document tree;
  bool from_html = false;       // went through the HTML parser
  bool complete = false;        // false: neither parser could read it; the tree is what was built before the error
  std::size_t replaced = 0;     // invalid sequences that became U+FFFD
  pugi::xml_node body() const;  // null when there is none
};

std::string decode_content(std::string_view bytes, std::size_t* replaced = nullptr);

// With `keep_all`, comments, processing instructions, declaration and DOCTYPE are in the tree, too.
void parse_content(std::string_view bytes, content_document& out, bool keep_all = false);
// The second try at once; `out` stays what it is when that fails, too.
void parse_content_as_html(std::string_view bytes, content_document& out);

// As parse_content; what has two roots or bodies is read by HTML's parser, which knows where the text of the second belongs. A
// conversion to KEPUB reads it so, too.
void parse_whole_content(std::string_view bytes, content_document& out);
bool has_second_body(const pugi::xml_node& body);  // or a second root

// Character data below `body`, without script and style, appended to `out`.
void append_text(const pugi::xml_node& body, std::string& out);
// Hrefs of pictures below `body` in document order: img, svg image, object.
void append_pictures(const pugi::xml_node& body, std::vector<std::string>& out);
bool is_kobo_span(const pugi::xml_node&);
bool has_kobo_spans(const pugi::xml_node& body);
bool is_hidden(const pugi::xml_node&);  // script and style, whose text is none of the book's

// The normal text, hashed while it streams by.
class normal_text {
 public:
  normal_text();
  void add(std::string_view utf8);
  std::string hash();  // once, at the end
  std::uint64_t narrow() const { return narrow_; }
  std::uint64_t wide() const { return wide_; }  // the characters that 9.8 counts as such
  std::uint64_t characters() const { return narrow_ + wide_; }
  int pages() const;  // the estimate of 9.8

 private:
  void emit(std::string_view utf8);
  digest digest_{digest_kind::sha256};
  std::string waiting_;  // from the last place where normalisation may be cut
  std::uint64_t narrow_ = 0, wide_ = 0;
};

}  // namespace carrel::publication
