#pragma once
// Page templates: layout.html with a page inside, partials put in place and texts filled in, parsed once per language.

#include <kainjow/mustache.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "web/messages.hpp"
#include "web/view.hpp"

namespace carrel::web {

// Replaces {{> name}} by the file parts/name.html, {{icon.name}} by a picture of icons.svg, and {{t.key}} by the escaped text of
// that key, whose placeholders {x} become
// {{x}}. Throws std::logic_error for what does not exist.
std::string expand_template(std::string_view text, const messages&);
// Expanded and parsed, with our own escaping. Throws std::logic_error for text that is no template.
std::unique_ptr<kainjow::mustache::mustache> parse_template(std::string_view text, const messages&);

class templates {
 public:
  explicit templates(const languages&);  // parses every page in English, so a broken template stops the start
  std::string render(std::string_view page, const messages&, const view&) const;

 private:
  using pages = std::map<std::string, std::unique_ptr<kainjow::mustache::mustache>, std::less<>>;
  static pages parse_all(const messages&);
  const pages& in(const messages&) const;

  mutable std::mutex lock_;
  mutable std::map<std::string, pages, std::less<>> by_language_;
};

}  // namespace carrel::web
