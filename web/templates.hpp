#pragma once
// Page templates: layout.html with a page inside, partials put in place and texts filled in, parsed once per language.

#include <kainjow/mustache.hpp>
#include <map>
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
// A text expanded and parsed, with our own escaping. Throws std::logic_error for text that is no template.
class page_template {
 public:
  page_template(std::string_view text, const messages&);
  std::string render(const view&) const;

 private:
  friend class templates;
  explicit page_template(std::string expanded);
  // Holds neither partials nor lambdas, so rendering, which is not const, does not change it and needs no lock.
  mutable kainjow::mustache::mustache parsed_;
};

class templates {
 public:
  explicit templates(const languages&);  // parses every page in English, so a broken template stops the start
  std::string render(std::string_view page, const messages&, const view&) const;

 private:
  using pages = std::map<std::string, page_template, std::less<>>;
  static pages parse_all(const messages&);
  const pages& in(const messages&) const;

  mutable std::mutex lock_;
  mutable std::map<std::string, pages, std::less<>> by_language_;
};

}  // namespace carrel::web
