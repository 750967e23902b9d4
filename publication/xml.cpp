#include "publication/xml.hpp"

#include <unicode/ucnv.h>

#include <algorithm>
#include <array>

#include "publication/charset.hpp"
#include "publication/entities.hpp"
#include "publication/unicode.hpp"
#include "publication/unicode_tools.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::string_view dc_namespaces[] = {"http://purl.org/dc/elements/1.1/", "http://purl.org/dc/elements/1.0/"};
constexpr std::string_view opf_namespaces[] = {"", "http://www.idpf.org/2007/opf",
                                               "http://openebook.org/namespaces/oeb-package/1.0/"};

std::size_t count_replacements(std::string_view s) {
  std::size_t n = 0;
  for (std::size_t at = s.find("\xef\xbf\xbd"); at != std::string_view::npos; at = s.find("\xef\xbf\xbd", at + 3)) ++n;
  return n;
}

// Encodings whose declaration says nothing new: the bytes decide by themselves.
bool is_utf8_name(std::string_view name) { return equal_ascii_case(name, "utf-8") || equal_ascii_case(name, "utf8"); }

void remove_controls(decoded& d) {
  auto bad = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r'; };
  d.controls = std::erase_if(d.text, bad);
}

constexpr int most_attributes = 1000;  // of one element: looking a prefix up is linear in them

}  // namespace

void warn(std::vector<warning>& list, std::string_view code, std::string_view detail) {
  warning w{std::string(code), clean_text(detail, 200)};
  auto same_code = std::count_if(list.begin(), list.end(), [&](const warning& other) { return other.code == w.code; });
  if (same_code >= 20 || std::find(list.begin(), list.end(), w) != list.end()) return;
  list.push_back(std::move(w));
}

std::string clean_field(std::string_view raw, std::size_t max_bytes, std::string_view field, std::vector<warning>& warnings) {
  std::string full = clean_text(raw, std::string_view::npos);
  if (full.size() <= max_bytes) return full;
  warn(warnings, "metadata_truncated", field);
  full.resize(cut_at_grapheme(full, max_bytes).size());
  return full;
}

bool convert_to_utf8(std::string_view bytes, const std::string& encoding, std::string& out) {
  UErrorCode status = U_ZERO_ERROR;
  std::unique_ptr<UConverter, decltype(&ucnv_close)> converter(ucnv_open(encoding.c_str(), &status), &ucnv_close);
  if (U_FAILURE(status)) return false;
  // In pieces: a book as a whole would be held three times. Half a surrogate pair waits for its other half.
  std::array<char16_t, 8192> piece;
  std::size_t waiting = 0;
  const char *at = bytes.data(), *end = at + bytes.size();
  out.clear();
  out.reserve(bytes.size());
  do {
    status = U_ZERO_ERROR;
    char16_t* to = piece.data() + waiting;
    ucnv_toUnicode(converter.get(), &to, piece.data() + piece.size(), &at, end, nullptr, true, &status);
    if (U_FAILURE(status) && status != U_BUFFER_OVERFLOW_ERROR) return false;
    auto size = static_cast<std::size_t>(to - piece.data());
    waiting = status == U_BUFFER_OVERFLOW_ERROR && size > 0 && U16_IS_LEAD(piece[size - 1]) ? 1 : 0;
    out += to_utf8(icu::UnicodeString(false, piece.data(), static_cast<int32_t>(size - waiting)));
    if (waiting > 0) piece[0] = piece[size - 1];
  } while (status == U_BUFFER_OVERFLOW_ERROR);
  return true;
}

std::string declared_encoding(std::string_view bytes) {
  std::string_view head = bytes.substr(0, 256);
  if (!head.starts_with("<?xml")) return {};
  head = head.substr(0, head.find("?>"));
  std::size_t at = head.find("encoding");
  if (at == std::string_view::npos) return {};
  std::size_t quote = head.find_first_of("\"'", at);
  if (quote == std::string_view::npos) return {};
  std::size_t end = head.find(head[quote], quote + 1);
  if (end == std::string_view::npos || end - quote > 41) return {};
  return std::string(head.substr(quote + 1, end - quote - 1));
}

byte_order_mark find_byte_order_mark(std::string_view bytes) {
  using namespace std::string_view_literals;
  // The longer ones first: a mark of UTF-16 is the beginning of one of UTF-32.
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> marks{{{"\xff\xfe\0\0"sv, "UTF-32LE"},
                                                                                       {"\0\0\xfe\xff"sv, "UTF-32BE"},
                                                                                       {"\xef\xbb\xbf"sv, "UTF-8"},
                                                                                       {"\xff\xfe"sv, "UTF-16LE"},
                                                                                       {"\xfe\xff"sv, "UTF-16BE"}}};
  for (const auto& [mark, encoding] : marks) {
    if (bytes.starts_with(mark)) return {encoding, mark.size()};
  }
  return {};
}

std::string guessed_wide_encoding(std::string_view b) {
  if (b.size() < 4) return {};
  auto zero = [&b](std::size_t i) { return b[i] == '\0'; };
  if (zero(0) && zero(1) && zero(2) && !zero(3)) return "UTF-32BE";
  if (!zero(0) && zero(1) && zero(2) && zero(3)) return "UTF-32LE";
  if (zero(0) && !zero(1)) return "UTF-16BE";
  if (!zero(0) && zero(1)) return "UTF-16LE";
  return {};
}

decoded decode_xml(std::string_view bytes) {
  decoded d;
  std::string encoding;
  if (byte_order_mark mark = find_byte_order_mark(bytes); mark.size > 0) {
    if (!is_utf8_name(mark.encoding)) encoding = mark.encoding;
    bytes.remove_prefix(mark.size);
    d.declared = true;
  } else if (std::string wide = guessed_wide_encoding(bytes); !wide.empty()) {
    encoding = wide;
  } else if (std::string name = declared_encoding(bytes); !name.empty()) {
    d.declared = true;
    // A file that is read as bytes cannot be UTF-16 or UTF-32, whatever it says.
    std::string lower = lower_ascii(name);
    if (!is_utf8_name(name) && !lower.starts_with("utf-16") && !lower.starts_with("utf-32") && !lower.starts_with("ucs-"))
      encoding = name;
  }
  if (!encoding.empty()) d.declared = true;
  bool converted = !encoding.empty() && convert_to_utf8(bytes, encoding, d.text);

  if (converted) {
    d.invalid = count_replacements(d.text);
  } else if (valid_text(bytes)) {
    d.text = std::string(bytes);
    if (!encoding.empty()) d.invalid = count_replacements(d.text);
  } else {
    d.text = replace_invalid_utf8(bytes);
    d.invalid = count_replacements(d.text);
    if (encoding.empty() && d.invalid > 3) {
      std::string other, name = charset_of(bytes);
      if (!name.empty() && !is_utf8_name(name) && convert_to_utf8(bytes, name, other) && count_replacements(other) < d.invalid) {
        d.text = std::move(other);
      }
    }
  }
  remove_controls(d);
  return d;
}

bool declares_entities(std::string_view text) {
  // Only in front of the first element is there a DOCTYPE; comments there are skipped (9.2).
  for (std::size_t i = 0; i < text.size();) {
    i = text.find('<', i);
    if (i == std::string_view::npos) return false;
    std::string_view rest = text.substr(i);
    if (rest.starts_with("<!--")) {
      std::size_t end = text.find("-->", i + 4);
      if (end == std::string_view::npos) return false;
      i = end + 3;
    } else if (rest.starts_with("<?")) {
      std::size_t end = text.find("?>", i + 2);
      if (end == std::string_view::npos) return false;
      i = end + 2;
    } else if (rest.size() > 9 && equal_ascii_case(rest.substr(0, 9), "<!DOCTYPE")) {
      std::size_t open = rest.find_first_of("[>");
      if (open == std::string_view::npos || rest[open] == '>') return false;
      for (std::size_t at = open; at < rest.size();) {
        std::size_t mark = rest.find_first_of("<]", at);
        if (mark == std::string_view::npos || rest[mark] == ']') return false;
        if (rest.substr(mark).starts_with("<!--")) {
          std::size_t end = rest.find("-->", mark + 4);
          if (end == std::string_view::npos) return false;
          at = end + 3;
        } else {
          if (rest.size() - mark > 8 && equal_ascii_case(rest.substr(mark, 8), "<!ENTITY")) return true;
          at = mark + 1;
        }
      }
      return false;
    } else {
      return false;
    }
  }
  return false;
}

const char* shape_problem(const pugi::xml_node& root, int limit) {
  int depth = 0;
  pugi::xml_node at = root.first_child();
  while (at) {
    int attributes = 0;
    for (pugi::xml_attribute a = at.first_attribute(); a; a = a.next_attribute()) {
      if (++attributes > most_attributes) return "xml_too_large";
    }
    if (at.first_child()) {
      at = at.first_child();
      if (++depth >= limit) return "xml_too_deep";
      continue;
    }
    while (at && !at.next_sibling()) {
      at = at.parent();
      --depth;
      if (at == root) return nullptr;
    }
    if (at) at = at.next_sibling();
  }
  return nullptr;
}

result<std::string, refusal> mended_xml(decoded d, std::vector<warning>& warnings) {
  if (declares_entities(d.text)) return refusal{"xml_entities_not_allowed", ""};
  if (d.invalid > 0) warn(warnings, "text_invalid_utf8");
  if (d.controls > 0) warn(warnings, "text_control_characters");
  if (d.text.find('&') == std::string::npos) return std::move(d.text);
  // pugixml itself accepts a bare & and keeps unknown names as text, so this pass is what finds them (1.2).
  reference_counts references;
  std::string prepared = prepare_references(d.text, &references);
  if (references.names + references.escaped == 0) return std::move(d.text);
  warn(warnings, "xml_recovered");
  return prepared;
}

result<xml_tree, refusal> parse_package_xml(std::string_view bytes, int depth, std::vector<warning>& warnings,
                                            std::initializer_list<const char*> required) {
  result<std::string, refusal> text = mended_xml(decode_xml(bytes), warnings);
  if (!text) return text.error();
  constexpr unsigned options = pugi::parse_default | pugi::parse_ws_pcdata;
  auto tree = std::make_unique<pugi::xml_document>();
  pugi::xml_parse_result parsed = tree->load_buffer(text->data(), text->size(), options, pugi::encoding_utf8);
  if (const char* problem = shape_problem(*tree, depth)) return refusal{problem, ""};
  if (!parsed) {
    warn(warnings, "xml_recovered");
    for (const char* name : required) {
      if (!first_descendant(*tree, name)) return refusal{"", name};
    }
  }
  return tree;
}

std::string_view local_name(const pugi::xml_node& node) {
  std::string_view name = node.name();
  std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

std::string_view local_name(const pugi::xml_attribute& a) {
  std::string_view name = a.name();
  std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

std::string prefix_of(const pugi::xml_node& node) {
  std::string_view name = node.name();
  return std::string(name.substr(0, name.size() - local_name(node).size()));
}

std::string_view namespace_of_prefix(pugi::xml_node at, std::string_view prefix) {
  std::string wanted = prefix.empty() ? "xmlns" : "xmlns:" + std::string(prefix);
  for (; at; at = at.parent()) {
    if (pugi::xml_attribute a = at.attribute(wanted.c_str())) return a.value();
  }
  return {};
}

std::string_view namespace_of(const pugi::xml_node& node) {
  std::string_view name = node.name();
  std::size_t colon = name.find(':');
  return namespace_of_prefix(node, colon == std::string_view::npos ? std::string_view() : name.substr(0, colon));
}

bool is_dublin_core(const pugi::xml_node& node) {
  std::string_view space = namespace_of(node);
  if (space.empty()) return std::string_view(node.name()).starts_with("dc:");  // unbound prefix
  return std::find(std::begin(dc_namespaces), std::end(dc_namespaces), space) != std::end(dc_namespaces);
}

bool is_package_element(const pugi::xml_node& node, std::string_view name) {
  if (node.type() != pugi::node_element || !equal_ascii_case(local_name(node), name)) return false;
  std::string_view space = namespace_of(node);
  return std::find(std::begin(opf_namespaces), std::end(opf_namespaces), space) != std::end(opf_namespaces);
}

std::string attribute(const pugi::xml_node& node, std::string_view name) {
  std::string_view prefixed;
  bool found = false;
  for (pugi::xml_attribute a : node.attributes()) {
    if (a.name() == name) return a.value();
    if (!found && local_name(a) == name && !std::string_view(a.name()).starts_with("xmlns")) {
      prefixed = a.value();
      found = true;
    }
  }
  return std::string(prefixed);
}

pugi::xml_node child(const pugi::xml_node& node, std::string_view name) {
  for (pugi::xml_node c : node.children()) {
    if (c.type() == pugi::node_element && equal_ascii_case(local_name(c), name)) return c;
  }
  return {};
}

pugi::xml_node first_descendant(const pugi::xml_node& root, std::string_view name) {
  for (pugi::xml_node at = root.first_child(); at; at = next_node(at, root)) {
    if (at.type() == pugi::node_element && equal_ascii_case(local_name(at), name)) return at;
  }
  return {};
}

std::string text_of(const pugi::xml_node& root, std::size_t max_bytes) {
  std::string out;
  for (pugi::xml_node at = root.first_child(); at && out.size() < max_bytes; at = next_node(at, root)) {
    if (at.type() == pugi::node_pcdata || at.type() == pugi::node_cdata)
      out.append(std::string_view(at.value()).substr(0, max_bytes));
  }
  return out;
}

bool has_token(std::string_view list, std::string_view token) {
  for (std::size_t at = list.find_first_not_of(" \t\r\n"); at != std::string_view::npos;
       at = list.find_first_not_of(" \t\r\n", at)) {
    std::size_t end = std::min(list.find_first_of(" \t\r\n", at), list.size());
    if (list.substr(at, end - at) == token) return true;
    at = end;
  }
  return false;
}

pugi::xml_node next_node(pugi::xml_node at, const pugi::xml_node& root, bool skip) {
  if (!skip && at.first_child()) return at.first_child();
  while (at && at != root) {
    if (at.next_sibling()) return at.next_sibling();
    at = at.parent();
  }
  return {};
}

}  // namespace carrel::publication
