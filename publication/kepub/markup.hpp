#pragma once
// Writing XHTML that means the same to an XML and to an HTML parser, because it is not certain which one a firmware uses
// (kepub.md 7.5). For the files of this folder only.

#include <pugixml.hpp>
#include <string>
#include <string_view>

namespace carrel::publication::kepub {

class markup {
 public:
  // `expected`: bytes for which room is made at once.
  markup(bool from_html, std::size_t expected) : from_html_(from_html) { out_.reserve(expected); }

  void declaration(const pugi::xml_node&);  // with the encoding that is written here
  void doctype(const pugi::xml_node&);
  void comment(const pugi::xml_node&);
  void instruction(const pugi::xml_node&);  // nothing for a document that came through the HTML parser

  // With its attributes, one of a name; void elements without content are closed at once.
  void open(const pugi::xml_node&);
  void close(const pugi::xml_node&);
  void raw(std::string_view text) { out_ += text; }
  void text(std::string_view);
  // Of script and style. `cdata`: it was such a section.
  void code(std::string_view, bool cdata);

  std::size_t size() const { return out_.size(); }
  std::string take() && { return std::move(out_); }

 private:
  void name(std::string_view);
  void escaped(std::string_view, bool attribute);

  std::string out_;
  bool from_html_;
};

// Without content, and so written as `<br/>`.
bool is_closed_at_once(const pugi::xml_node&);

}  // namespace carrel::publication::kepub
