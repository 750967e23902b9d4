#include "publication/entities.hpp"

#include <charconv>
#include <unordered_map>
#include <unordered_set>

#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

const std::unordered_map<std::string_view, char32_t>& names() {
  static const std::unordered_map<std::string_view, char32_t> table = [] {
    std::unordered_map<std::string_view, char32_t> out;
    out.reserve(2100);
    std::string_view rest = named_reference_table;
    while (!rest.empty()) {
      std::size_t gap = rest.find(' '), end = rest.find(' ', gap + 1);
      unsigned code = 0;
      std::from_chars(rest.data() + gap + 1, rest.data() + end, code, 16);
      out.emplace(rest.substr(0, gap), static_cast<char32_t>(code));
      rest.remove_prefix(end + 1);
    }
    return out;
  }();
  return table;
}

const std::unordered_set<std::string_view>& legacy_names() {
  static const std::unordered_set<std::string_view> table = [] {
    std::unordered_set<std::string_view> out;
    std::string_view rest = legacy_reference_names;
    while (!rest.empty()) {
      std::size_t gap = rest.find(' ');
      out.insert(rest.substr(0, gap));
      rest.remove_prefix(gap + 1);
    }
    return out;
  }();
  return table;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return is_letter(c) || c == '_' || c == ':' || static_cast<unsigned char>(c) >= 0x80; }
bool is_name(char c) { return is_name_start(c) || is_digit(c) || c == '-' || c == '.'; }

bool is_xml_name(std::string_view name) {
  return name == "amp" || name == "lt" || name == "gt" || name == "quot" || name == "apos";
}

// "#38" or "#x26"; 0 when broken.
char32_t numeric(std::string_view name) {
  if (name.size() < 2 || name[0] != '#') return 0;
  bool hex = name[1] == 'x' || name[1] == 'X';
  name.remove_prefix(hex ? 2 : 1);
  unsigned code = 0;
  auto [end, ec] = std::from_chars(name.data(), name.data() + name.size(), code, hex ? 16 : 10);
  if (ec != std::errc() || end != name.data() + name.size() || name.empty()) return 0;
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return 0xfffd;
  return code;
}

// The name after an '&' at `at`, without it and without the semicolon; empty when there is no name.
std::string_view name_at(std::string_view s, std::size_t at) {
  std::size_t i = at + 1;
  if (i < s.size() && s[i] == '#') {
    ++i;
    while (i < s.size() && (is_letter(s[i]) || is_digit(s[i])) && i - at < 12) ++i;
  } else {
    if (i >= s.size() || !is_name_start(s[i])) return {};
    while (i < s.size() && is_name(s[i]) && i - at < 64) ++i;
  }
  return s.substr(at + 1, i - at - 1);
}

// The longest legacy name that begins at `at` and is not followed by a letter, digit or '='.
std::string_view legacy_at(std::string_view s, std::size_t at) {
  std::size_t end = at + 1;
  while (end < s.size() && (is_letter(s[end]) || is_digit(s[end])) && end - at < 12) ++end;
  std::string_view name = s.substr(at + 1, end - at - 1);
  if (end < s.size() && s[end] == '=') return {};
  return is_legacy_reference(name) ? name : std::string_view();
}

using string_entities = std::unordered_map<std::string, std::string>;

// Entities of an internal subset whose value is a plain string (kepub.md 7.2).
string_entities entities_of(std::string_view subset) {
  string_entities out;
  constexpr std::string_view mark = "<!ENTITY";
  for (std::size_t at = subset.find(mark); at != std::string_view::npos && out.size() < 1000; at = subset.find(mark, at + 1)) {
    std::string_view rest = subset.substr(at + mark.size());
    std::size_t i = rest.find_first_not_of(" \t\r\n");
    if (i == 0 || i == std::string_view::npos) continue;
    std::size_t n = i;
    while (n < rest.size() && is_name(rest[n])) ++n;
    std::size_t quote = rest.find_first_not_of(" \t\r\n", n);
    if (n == i || quote == std::string_view::npos || (rest[quote] != '"' && rest[quote] != '\'')) continue;
    std::size_t end = rest.find(rest[quote], quote + 1);
    if (end == std::string_view::npos) continue;
    std::string_view value = rest.substr(quote + 1, end - quote - 1);
    if (value.size() > 1024 || value.find_first_of("&<%") != std::string_view::npos) continue;
    out.emplace(rest.substr(i, n - i), value);
  }
  return out;
}

// Copies a DOCTYPE that begins at `at` without its internal subset; returns where it ends.
std::size_t copy_doctype(std::string_view s, std::size_t at, std::string& out, string_entities& entities) {
  char quote = '\0';
  std::size_t subset = std::string_view::npos;
  for (std::size_t i = at; i < s.size(); ++i) {
    char c = s[i];
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (subset != std::string_view::npos && s.substr(i).starts_with("<!--")) {
      std::size_t end = s.find("-->", i + 4);
      if (end == std::string_view::npos) break;
      i = end + 2;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[' && subset == std::string_view::npos) {
      out.append(s.substr(at, i - at));
      subset = i + 1;
    } else if (c == ']' && subset != std::string_view::npos) {
      entities = entities_of(s.substr(subset, i - subset));
      std::size_t close = s.find('>', i);
      if (close == std::string_view::npos) break;
      out += '>';
      return close + 1;
    } else if (c == '>' && subset == std::string_view::npos) {
      out.append(s.substr(at, i + 1 - at));
      return i + 1;
    }
  }
  if (subset == std::string_view::npos) out.append(s.substr(at));
  return s.size();
}

// Markup characters stay escaped.
void append_character(std::string& out, char32_t c) {
  if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'') {
    out += "&#" + std::to_string(static_cast<unsigned>(c)) + ";";
  } else {
    append_utf8(out, c);
  }
}

// Behind script or style, whose start tag is at `at`, and what is inside; 0 when there is no such tag.
std::size_t skip_code(std::string_view s, std::size_t at) {
  for (std::string_view name : {"script", "style"}) {
    std::size_t behind = at + 1 + name.size();
    bool is = equal_ascii_case(s.substr(at + 1, name.size()), name) && behind < s.size();
    if (!is || std::string_view(" \t\n/>").find(s[behind]) == std::string_view::npos) continue;
    std::size_t end = s.find('>', behind);
    if (end == std::string_view::npos) return s.size();
    return s[end - 1] == '/' ? end + 1 : end_of_code(s, end, name);
  }
  return 0;
}

struct copied_as_is {
  std::string_view open, close;
};
constexpr copied_as_is as_is[] = {{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}};

}  // namespace

char32_t named_reference(std::string_view name) {
  auto found = names().find(name);
  return found == names().end() ? 0 : found->second;
}

bool is_legacy_reference(std::string_view name) { return legacy_names().contains(name); }

std::string decode_references(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (std::size_t i = 0; i < s.size();) {
    std::size_t at = s.find('&', i);
    out.append(s.substr(i, at == std::string_view::npos ? at : at - i));
    if (at == std::string_view::npos) break;
    std::string_view name = name_at(s, at);
    bool closed = at + 1 + name.size() < s.size() && s[at + 1 + name.size()] == ';';
    char32_t c = 0;
    if (!name.empty() && closed) c = name[0] == '#' ? numeric(name) : named_reference(name);
    if (c == 0) {
      out += '&';
      i = at + 1;
    } else {
      append_utf8(out, c);
      i = at + name.size() + 2;
    }
  }
  return out;
}

std::size_t end_of_code(std::string_view s, std::size_t from, std::string_view name) {
  for (std::size_t end = s.find("</", from); end != std::string_view::npos; end = s.find("</", end + 2)) {
    if (equal_ascii_case(s.substr(end + 2, name.size()), name)) return end;
  }
  return s.size();
}

std::string prepare_references(std::string_view s, reference_counts* counts, bool html) {
  constexpr std::size_t most_added = 1 << 20;
  reference_counts local;
  reference_counts& n = counts != nullptr ? *counts : local;
  string_entities entities;
  std::size_t added = 0;
  std::string out;
  out.reserve(s.size() + s.size() / 16);
  for (std::size_t i = 0; i < s.size();) {
    std::size_t at = i;
    auto is_special = [&](char next) { return next == '!' || next == '?' || (html && (next == 's' || next == 'S')); };
    while (at < s.size() && s[at] != '&' && !(s[at] == '<' && at + 1 < s.size() && is_special(s[at + 1]))) ++at;
    out.append(s.substr(i, at - i));
    if (at == s.size()) break;
    std::string_view rest = s.substr(at);
    if (rest[0] == '<') {
      i = at + 1;
      if (rest.size() > 9 && equal_ascii_case(rest.substr(0, 9), "<!DOCTYPE")) {
        i = copy_doctype(s, at, out, entities);
        continue;
      }
      if (std::size_t end = html ? skip_code(s, at) : 0; end != 0) i = end;
      for (const copied_as_is& c : as_is) {
        if (!rest.starts_with(c.open)) continue;
        std::size_t end = s.find(c.close, at + c.open.size());
        i = end == std::string_view::npos ? s.size() : end + c.close.size();
        break;
      }
      out.append(s.substr(at, i - at));
      continue;
    }
    std::string_view name = name_at(s, at);
    bool closed = !name.empty() && at + 1 + name.size() < s.size() && s[at + 1 + name.size()] == ';';
    i = at + 1 + (closed ? name.size() + 1 : 0);
    if (closed && (is_xml_name(name) || (name[0] == '#' && numeric(name) != 0))) {
      out.append(s.substr(at, i - at));
    } else if (auto own = closed ? entities.find(std::string(name)) : entities.end();
               own != entities.end() && added + own->second.size() <= most_added) {
      out += own->second;
      added += own->second.size();
    } else if (char32_t c = closed ? named_reference(name) : 0; c != 0) {
      append_character(out, c);
      ++n.names;
    } else if (std::string_view old = closed ? std::string_view() : legacy_at(s, at); !old.empty()) {
      append_character(out, named_reference(old));
      i = at + 1 + old.size();
      ++n.names;
    } else {
      out += "&amp;";
      i = at + 1;
      ++n.escaped;
    }
  }
  return out;
}

}  // namespace carrel::publication
