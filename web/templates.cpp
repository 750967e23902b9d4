#include "web/templates.hpp"

#include <stdexcept>

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

}  // namespace

std::string expand_template(std::string_view text, const messages& words) { return whole_page(text, {}, words); }

std::unique_ptr<kainjow::mustache::mustache> parse_template(std::string_view text, const messages& words) {
  auto parsed = std::make_unique<kainjow::mustache::mustache>(expand_template(text, words));
  if (!parsed->is_valid()) throw std::logic_error(parsed->error_message());
  parsed->set_custom_escape([](const std::string& s) { return html_escape(s); });
  return parsed;
}

templates::templates(const languages& all) { by_language_.emplace(all.english().language(), parse_all(all.english())); }

templates::pages templates::parse_all(const messages& words) {
  pages out;
  for (const embedded& e : template_texts()) {
    if (e.name.starts_with("parts/")) continue;
    std::string name(e.name.substr(0, e.name.rfind('.')));
    auto parsed = parse_template(whole_page(layout_of(name), e.text, words), words);
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
  std::string out;
  out.reserve(16 * 1024);
  // Templates hold neither partials nor lambdas any more, so rendering does not change them and needs no lock.
  found->second->render(filled.data(), [&](const std::string& piece) { out += piece; });
  return out;
}

}  // namespace carrel::web
