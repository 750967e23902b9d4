#include "web/templates.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "server/core/text.hpp"
#include "web/embedded.hpp"

namespace carrel::web {
namespace {

std::string_view part_text(std::string_view name) {
  for (const embedded& e : template_texts()) {
    if (e.name == "parts/" + std::string(name) + ".html") return e.text;
  }
  throw std::logic_error("no template part is called " + std::string(name));
}

// A text of the message file as template text: escaped, and its placeholders are variables of the view.
std::string as_template(const std::string& text) {
  std::string out;
  for (char c : html_escape(text)) {
    if (c == '{') {
      out += "{{";
    } else if (c == '}') {
      out += "}}";
    } else {
      out += c;
    }
  }
  return out;
}

void expand(std::string& out, std::string_view text, const messages& words, std::string_view body) {
  while (!text.empty()) {
    std::size_t open = text.find("{{");
    out.append(text.substr(0, open));
    if (open == std::string_view::npos) return;
    text.remove_prefix(open);
    std::size_t close = text.find("}}");
    if (close == std::string_view::npos) throw std::logic_error("a template tag is not closed");
    std::string_view inside = trim(text.substr(2, close - 2));
    if (inside.starts_with("t.")) {
      out.append(as_template(words.text(inside.substr(2))));
      text.remove_prefix(close + 2);
    } else if (inside.starts_with("icon.")) {
      out.append(R"(<svg class="icon" aria-hidden="true" focusable="false"><use href="{{base}}{{icons}}#)");
      out.append(inside.substr(5)).append(R"("></use></svg>)");
      text.remove_prefix(close + 2);
    } else if (inside.starts_with('>')) {
      std::string_view name = trim(inside.substr(1));
      expand(out, name == "page" ? body : part_text(name), words, body);
      text.remove_prefix(close + 2);
    } else {
      out.append(text.substr(0, close + 2));
      text.remove_prefix(close + 2);
    }
  }
}

std::string_view layout_of(std::string_view page) { return page.starts_with("bare_") ? part_text("bare") : part_text("layout"); }

std::string whole_page(std::string_view layout, std::string_view body, const messages& words) {
  std::string out;
  expand(out, layout, words, body);
  return out;
}

// The parser makes a node of every blank and every word, hundreds of bytes each: 18 MB for the pages of one language. So it is
// shown blanks as bytes that no UTF-8 text holds, and render() puts the blanks back.
constexpr char hidden_space = '\xfe', hidden_line = '\xff';

std::string without_blanks(std::string text) {
  for (std::size_t at = 0; at < text.size();) {
    std::size_t tag = std::min(text.find("{{", at), text.size());
    std::replace(text.begin() + static_cast<std::ptrdiff_t>(at), text.begin() + static_cast<std::ptrdiff_t>(tag), ' ',
                 hidden_space);
    std::replace(text.begin() + static_cast<std::ptrdiff_t>(at), text.begin() + static_cast<std::ptrdiff_t>(tag), '\n',
                 hidden_line);
    at = std::min(text.find("}}", tag), text.size());
  }
  return text;
}

}  // namespace

std::string expand_template(std::string_view text, const messages& words) { return whole_page(text, {}, words); }

page_template::page_template(std::string_view text, const messages& words) : page_template(expand_template(text, words)) {}

page_template::page_template(std::string expanded) : parsed_(without_blanks(std::move(expanded))) {
  if (!parsed_.is_valid()) throw std::logic_error(parsed_.error_message());
  parsed_.set_custom_escape([](const std::string& s) { return html_escape(s); });
}

std::string page_template::render(const view& filled) const {
  std::string out;
  out.reserve(16 << 10);
  parsed_.render(filled.data(), [&](const std::string& piece) { out += piece; });
  std::replace(out.begin(), out.end(), hidden_space, ' ');
  std::replace(out.begin(), out.end(), hidden_line, '\n');
  return out;
}

templates::templates(const languages& all) { by_language_.emplace(all.english().language(), parse_all(all.english())); }

templates::pages templates::parse_all(const messages& words) {
  pages out;
  for (const embedded& e : template_texts()) {
    if (e.name.starts_with("parts/")) continue;
    std::string name(e.name.substr(0, e.name.rfind('.')));
    page_template parsed(whole_page(layout_of(name), e.text, words));
    out.emplace(std::move(name), std::move(parsed));
  }
  return out;
}

const templates::pages& templates::in(const messages& words) const {
  std::scoped_lock lock(lock_);
  auto found = by_language_.find(words.language());
  if (found == by_language_.end()) found = by_language_.emplace(words.language(), parse_all(words)).first;
  return found->second;
}

std::string templates::render(std::string_view page, const messages& words, const view& filled) const {
  const pages& all = in(words);
  auto found = all.find(page);
  if (found == all.end()) throw std::logic_error("no template is called " + std::string(page));
  return found->second.render(filled);
}

}  // namespace carrel::web
