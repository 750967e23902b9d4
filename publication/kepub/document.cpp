#include "publication/kepub/document.hpp"

#include <algorithm>
#include <unordered_map>

#include "publication/content.hpp"
#include "publication/counted.hpp"
#include "publication/kepub/markup.hpp"
#include "publication/kepub/wellformed.hpp"
#include "publication/sentences.hpp"
#include "publication/smart_punctuation.hpp"
#include "publication/unicode_tools.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::kepub {
namespace {

constexpr std::size_t most_bytes = 32ULL << 20, most_growth = 20, growth_allowed = 1ULL << 20;
constexpr int most_open = 1000, most_spans = 500'000;
constexpr std::string_view xhtml = "http://www.w3.org/1999/xhtml";
constexpr std::string_view lost_character = "\ufffd";
constexpr std::string_view style =
    "/* kobostylehacks */ div#book-inner { margin-top: 0; margin-bottom: 0; }";  // the store's; removes a margin on top

// What an element is for the spans (6.1).
enum class role { inline_text, paragraph, block, image, picture, closed };

const std::unordered_map<std::string_view, role>& roles() {
  static const std::unordered_map<std::string_view, role> all = [] {
    std::unordered_map<std::string_view, role> out{{"p", role::paragraph}, {"img", role::image}, {"picture", role::picture}};
    for (std::string_view name : {"ol", "ul", "table", "h1", "h2", "h3", "h4", "h5", "h6"}) out.emplace(name, role::block);
    for (std::string_view name : {"script", "style", "pre", "audio", "video", "svg", "math", "textarea", "select", "datalist",
                                  "iframe", "template", "title"})
      out.emplace(name, role::closed);
    return out;
  }();
  return all;
}

role role_of(const pugi::xml_node& n) {
  if (pugi::xml_attribute space = n.attribute("xmlns"); space && space.value() != xhtml) return role::closed;
  std::string_view name = local_name(n);
  auto at = roles().find(name);
  if (at == roles().end()) at = roles().find(lower_ascii(name));
  return at == roles().end() ? role::inline_text : at->second;
}

bool is_element(const pugi::xml_node& n, std::string_view name) {
  return n.type() == pugi::node_element && equal_ascii_case(local_name(n), name);
}

bool is_typed(const pugi::xml_node& n) {
  return is_element(n, "code") || is_element(n, "kbd") || is_element(n, "samp") || is_element(n, "tt");
}

bool has_wrapper(const pugi::xml_node& body) {
  auto child_with = [](const pugi::xml_node& n, std::string_view id) {
    return n.find_child([&](const pugi::xml_node& c) { return c.attribute("id").value() == id; });
  };
  return static_cast<bool>(child_with(child_with(body, "book-columns"), "book-inner"));
}

// Office's marks without content, and a shop's account of who bought the book.
bool is_litter(const pugi::xml_node& n) {
  std::string_view name = n.name();
  // HTML's parser keeps no prefix that is not declared.
  bool office = name == "o:p" || name == "o-p" || name.starts_with("st1:") || name.starts_with("st1-");
  if (office) return !n.first_child();
  if (!is_element(n, "meta")) return false;
  std::string_view what = n.attribute("name").value();
  return what == "Adept.resource" || what == "Adept.expected.resource";
}

// 5.4
void complete_head(pugi::xml_node html, const document_options& options) {
  pugi::xml_node head = child(html, "head");
  if (!head) head = html.prepend_child((prefix_of(html) + "head").c_str());
  for (pugi::xml_node meta : head.children()) {
    if (!is_element(meta, "meta")) continue;
    pugi::xml_attribute charset = meta.attribute("charset"), content = meta.attribute("content");
    if (charset && !equal_ascii_case(charset.value(), "utf-8")) charset.set_value("utf-8");
    if (!equal_ascii_case(meta.attribute("http-equiv").value(), "Content-Type")) continue;
    std::string type = lower_ascii(content.value());
    std::size_t at = type.find("charset");
    std::size_t equals = at == std::string::npos ? at : type.find_first_not_of(" \t\n", at + 7);
    if (equals == std::string::npos || type[equals] != '=') continue;
    std::string_view named = std::string_view(type).substr(equals + 1);
    if (trim(named.substr(0, named.find(';'))) == "utf-8") continue;
    content.set_value((std::string(content.value()).substr(0, at) + "charset=utf-8").c_str());
  }
  pugi::xml_node hacks = head.append_child((prefix_of(head) + "style").c_str());
  hacks.append_attribute("type").set_value("text/css");
  hacks.append_child(pugi::node_pcdata).set_value((std::string(style) + options.css).c_str());
}

class converter {
 public:
  converter(content_document& in, std::size_t source, const document_options& options)
      : in_(in),
        body_(in.body()),
        most_(source * most_growth + growth_allowed),
        options_(options),
        out_(in.from_html, source + source / 2) {}

  result<document, kept> run() {
    if (!body_) return kept::no_body;
    if (!in_.from_html && has_second_body(body_)) return kept::not_readable;  // HTML's parser knows where its text belongs
    if (std::optional<kept> why = survey()) return *why;
    if (body_.parent().type() == pugi::node_element) complete_head(body_.parent(), options_);
    span_open_ = "<" + prefix_of(body_) + "span class=\"koboSpan\" id=\"";
    span_close_ = "</" + prefix_of(body_) + "span>";
    if (std::optional<kept> why = write()) return *why;
    made_.bytes = std::move(out_).take();
    if (!is_well_formed(made_.bytes)) return kept::not_readable;
    return std::move(made_);
  }

 private:
  // What is to be known before the first byte is written; litter goes.
  std::optional<kept> survey() {
    std::vector<pugi::xml_node> litter;
    int depth = 0;
    for (pugi::xml_node at = in_.tree.first_child(); at;) {
      if (at.type() == pugi::node_element) {
        if (is_litter(at)) litter.push_back(at);
        if (std::optional<span_id> taken = parse_span(at.attribute("id").value())) numbers_.keep_clear_of(*taken);
      }
      if (at.first_child()) {
        if (++depth > most_open) return kept::too_deep;
        at = at.first_child();
        continue;
      }
      while (at && !at.next_sibling()) {
        at = at.parent();
        --depth;
      }
      if (at) at = at.next_sibling();
    }
    if (has_kobo_spans(body_)) return kept::has_spans;
    for (pugi::xml_node n : litter) n.parent().remove_child(n);
    return std::nullopt;
  }

  std::optional<kept> write() {
    pugi::xml_node root = body_;
    while (root.parent().type() == pugi::node_element) root = root.parent();
    for (pugi::xml_node n : in_.tree.children()) {
      if (n == root)
        write_tree(root);
      else if (n.type() != pugi::node_element)
        write_leaf(n);
    }
    if (numbers_.count() > most_spans) return kept::too_many_spans;
    if (out_.size() > most_) return kept::grown;
    return std::nullopt;
  }

  bool past_limits() const { return out_.size() > most_ || numbers_.count() > most_spans; }

  void write_tree(const pugi::xml_node& root) {
    pugi::xml_node at = root;
    while (!past_limits()) {
      if (at.type() == pugi::node_element) {
        enter(at);
        if (at.first_child()) {
          at = at.first_child();
          continue;
        }
        leave(at);
      } else {
        write_leaf(at);
      }
      while (at != root && !at.next_sibling()) {
        at = at.parent();
        leave(at);
      }
      if (at == root) return;
      at = at.next_sibling();
    }
  }

  void enter(const pugi::xml_node& n) {
    if (in_body_ && !closed_) {
      switch (role_of(n)) {
        case role::inline_text: break;
        case role::paragraph:
        case role::block:
          numbers_.paragraph();
          quotes_.begin();
          break;
        case role::image:
        case role::picture:
          open_span(numbers_.next_picture());
          closed_ = in_span_ = n;
          break;
        case role::closed: closed_ = n; break;
      }
    }
    if (is_element(n, "script") || is_element(n, "style")) code_ = n;
    if (!typed_ && is_typed(n)) typed_ = n;
    out_.open(n);
    if (n != body_) return;
    in_body_ = true;
    wrapped_ = has_wrapper(n);
    std::string div = "<" + prefix_of(n) + "div id=\"";
    if (!wrapped_) out_.raw(div + "book-columns\">" + div + "book-inner\">");
  }

  void leave(const pugi::xml_node& n) {
    if (n == body_) {
      std::string div = "</" + prefix_of(n) + "div>";
      if (!wrapped_) out_.raw(div + div);
      in_body_ = false;
    }
    out_.close(n);
    if (n == in_span_) out_.raw(span_close_);
    if (n == in_span_) in_span_ = {};
    if (n == closed_) closed_ = {};
    if (n == code_) code_ = {};
    if (n == typed_) typed_ = {};
  }

  void write_leaf(const pugi::xml_node& n) {
    switch (n.type()) {
      case pugi::node_pcdata:
      case pugi::node_cdata: write_text(n); break;
      case pugi::node_comment: out_.comment(n); break;
      case pugi::node_pi: out_.instruction(n); break;
      case pugi::node_declaration: out_.declaration(n); break;
      case pugi::node_doctype: out_.doctype(n); break;
      default: break;
    }
  }

  void write_text(const pugi::xml_node& n) {
    std::string_view text = n.value();
    if (code_) return out_.code(text, n.type() == pugi::node_cdata);
    bool in_paragraph = role_of(n.parent()) == role::paragraph;
    while (!text.empty() && !past_limits()) {
      std::string_view piece = in_body_ && !closed_ ? text.substr(0, first_sentence(text)) : text;
      text.remove_prefix(piece.size());
      if (!in_body_ || closed_ || (!in_paragraph && is_blank(piece))) {
        write_piece(piece);
      } else {
        open_span(numbers_.next_text());
        write_piece(piece);
        out_.raw(span_close_);
      }
      if (!in_body_) continue;
      made_.characters += count_code_points(piece);
      made_.nw += count_counted(piece);
    }
  }

  // Its spans and their places are those of the text as it was written (8).
  void write_piece(std::string_view text) {
    if (!options_.smart_punctuation || !in_body_ || closed_) return write_characters(text);
    if (!typed_) return write_characters(quotes_.set(text));
    quotes_.skip(text);
    write_characters(text);
  }

  void write_characters(std::string_view text) {
    for (std::size_t at = text.find(lost_character); at != text.npos; at = text.find(lost_character)) {
      out_.text(text.substr(0, at));
      text.remove_prefix(at + lost_character.size());
      ++made_.removed;
    }
    out_.text(text);
  }

  void open_span(span_id id) {
    made_.spans.push_back({id, made_.characters, made_.nw});
    out_.raw(span_open_);
    out_.raw(id.text());
    out_.raw("\">");
  }

  static bool is_blank(std::string_view s) {
    for (std::size_t i = 0; i < s.size();) {
      if (!is_white_space(next_code_point(s, i))) return false;
    }
    return true;
  }

  content_document& in_;
  pugi::xml_node body_;
  std::size_t most_;
  const document_options& options_;
  markup out_;
  span_numbers numbers_;
  std::string span_open_, span_close_;
  bool in_body_ = false, wrapped_ = false;
  // The element in which nothing is wrapped, that is wrapped itself, that holds code, whose text is shown as it was typed.
  pugi::xml_node closed_, in_span_, code_, typed_;
  smart_punctuation quotes_;
  document made_;
};

}  // namespace

result<document, kept> convert_document(std::string_view bytes, const document_options& options) {
  if (bytes.size() > most_bytes) return kept::too_large;
  content_document in;
  parse_content(bytes, in, true);
  if (!in.complete) return kept::not_readable;
  result<document, kept> strict = converter(in, bytes.size(), options).run();
  if (strict || strict.error() != kept::not_readable || in.from_html) return strict;
  // What an XML parser does not take as it was written is read once more as HTML.
  content_document html;
  parse_content_as_html(bytes, html);
  return html.complete ? converter(html, bytes.size(), options).run() : result<document, kept>(kept::not_readable);
}

}  // namespace carrel::publication::kepub
