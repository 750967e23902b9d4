#include "publication/kepub/markup.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "publication/html.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::kepub {
namespace {

enum class sign : unsigned char { plain, forbidden, reference, only_in_attributes, lead };

// The first byte of what may have to be written in another form.
constexpr std::array<sign, 256> signs = [] {
  std::array<sign, 256> out{};
  for (unsigned char c = 0; c < 0x20; ++c) out[c] = sign::forbidden;
  out['\t'] = out['\n'] = out['"'] = sign::only_in_attributes;
  out['\r'] = out['&'] = out['<'] = out['>'] = sign::reference;
  out[0xc2] = out[0xef] = sign::lead;  // of U+00A0, and of U+FFFE and U+FFFF
  return out;
}();

constexpr std::size_t block = 32;
// Where the first block begins that has a byte of which `signs` is not plain, from `i` on: compared without a branch for each
// byte.
std::size_t skip_plain_blocks(std::string_view s, std::size_t i, bool attribute) {
  for (; i + block <= s.size(); i += block) {
    unsigned found = 0;
    for (std::size_t at = i; at < i + block; ++at) {
      auto c = static_cast<unsigned char>(s[at]);
      unsigned only_in_attributes =
          static_cast<unsigned>(c == '\t') | static_cast<unsigned>(c == '\n') | static_cast<unsigned>(c == '"');
      unsigned always = static_cast<unsigned>(c < 0x20) | static_cast<unsigned>(c == '&') | static_cast<unsigned>(c == '<') |
                        static_cast<unsigned>(c == '>') | static_cast<unsigned>(c == 0xc2) | static_cast<unsigned>(c == 0xef);
      found |= attribute ? always | only_in_attributes : always & ~only_in_attributes;
    }
    if (found != 0) break;
  }
  return i;
}

std::string_view reference_for(char c) {
  switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\t': return "&#9;";
    case '\n': return "&#10;";
    default: return "&#13;";
  }
}

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_name_part(char c) { return is_name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '.'; }

// Code as an HTML parser read it, without the section that hid it from XML: it gets another one.
std::string without_section(std::string_view s) {
  std::string out;
  bool opened = false;
  for (std::size_t i = 0; i < s.size();) {
    std::string_view rest = s.substr(i);
    if (rest.starts_with("<![CDATA[")) {
      opened = true;
      i += 9;
    } else if (rest.starts_with("]]>")) {
      if (!opened) out += "]] >";  // in code the blank means nothing
      opened = false;
      i += 3;
    } else {
      out += s[i++];
    }
  }
  return out;
}

// Of one element; nearly always a few.
class names_met {
 public:
  bool is_new(std::string_view name) {
    if (count_ == few_.size()) return many_.insert(name).second && std::find(few_.begin(), few_.end(), name) == few_.end();
    auto end = few_.begin() + static_cast<std::ptrdiff_t>(count_);
    if (std::find(few_.begin(), end, name) != end) return false;
    few_[count_++] = name;
    return true;
  }

 private:
  std::array<std::string_view, 16> few_;
  std::size_t count_ = 0;
  std::unordered_set<std::string_view> many_;
};

}  // namespace

bool is_closed_at_once(const pugi::xml_node& n) { return !n.first_child() && is_void_element(lower_ascii(local_name(n))); }

void markup::escaped(std::string_view s, bool attribute) {
  std::size_t from = 0;
  auto replace = [&](std::size_t at, std::size_t bytes, std::string_view with) {
    out_.append(s, from, at - from).append(with);
    from = at + bytes;
  };
  std::size_t looked = 0;  // so far block by block
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (i >= looked) {
      i = skip_plain_blocks(s, i, attribute);
      if (i >= s.size()) break;
      looked = i + block;
    }
    switch (signs[static_cast<unsigned char>(s[i])]) {
      case sign::plain: break;
      case sign::forbidden: replace(i, 1, ""); break;
      case sign::only_in_attributes:
        if (attribute) replace(i, 1, reference_for(s[i]));
        break;
      case sign::reference: replace(i, 1, reference_for(s[i])); break;
      case sign::lead:
        if (s.substr(i, 2) == "\u00a0") replace(i, 2, "&#160;");
        if (s.substr(i, 3) == "\xef\xbf\xbe" || s.substr(i, 3) == "\xef\xbf\xbf") replace(i, 3, "");
        break;
    }
  }
  out_.append(s, from);
}

// What is no name in XML becomes one: a wrong character an underline, and the second of two colons.
void markup::name(std::string_view s) {
  bool colon = false;
  for (std::size_t i = 0; i < s.size(); ++i) {
    bool start = i == 0 || s[i - 1] == ':';
    bool fits = start ? is_name_start(s[i]) : is_name_part(s[i]);
    if (s[i] == ':' && !colon && !start && i + 1 < s.size()) colon = fits = true;
    out_ += fits ? s[i] : '_';
  }
}

void markup::text(std::string_view s) { escaped(s, false); }

void markup::open(const pugi::xml_node& n) {
  out_ += '<';
  name(n.name());
  names_met met;
  for (pugi::xml_attribute a : n.attributes()) {
    if (!met.is_new(a.name())) continue;
    out_ += ' ';
    name(a.name());
    out_ += "=\"";
    escaped(a.value(), true);
    out_ += '"';
  }
  out_ += is_closed_at_once(n) ? "/>" : ">";
}

void markup::close(const pugi::xml_node& n) {
  if (is_closed_at_once(n)) return;
  out_ += "</";
  name(n.name());
  out_ += '>';
}

void markup::declaration(const pugi::xml_node& n) {
  std::string_view version = n.attribute("version").value(), standalone = n.attribute("standalone").value();
  out_.append("<?xml version=\"").append(version == "1.1" ? version : "1.0").append("\" encoding=\"utf-8\"");
  if (standalone == "yes" || standalone == "no") out_.append(" standalone=\"").append(standalone).append("\"");
  out_ += "?>\n";
}

void markup::doctype(const pugi::xml_node& n) { out_.append("<!DOCTYPE ").append(trim(n.value())).append(">\n"); }

void markup::comment(const pugi::xml_node& n) {
  out_ += "<!--";
  std::string_view s = n.value();
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (signs[static_cast<unsigned char>(s[i])] == sign::forbidden) continue;
    if ((s[i] == '-' || s[i] == '>') && out_.back() == '-') out_ += ' ';
    out_ += s[i];
  }
  out_ += out_.back() == '-' && !s.empty() ? " -->" : "-->";
}

void markup::instruction(const pugi::xml_node& n) {
  if (from_html_) return;
  out_ += "<?";
  name(n.name());
  if (*n.value() != '\0') out_.append(" ").append(n.value());
  out_ += "?>";
}

void markup::code(std::string_view s, bool cdata) {
  if (cdata) {
    out_.append("<![CDATA[").append(s).append("]]>");
  } else if (from_html_) {
    std::string plain = without_section(s);
    bool special = plain.find_first_of("&<") != plain.npos;
    raw(special ? "/*<![CDATA[*/" + plain + "/*]]>*/" : plain);
  } else {
    // HTML reads it as it stands here; of XML only these have to be others.
    for (std::size_t i = 0; i < s.size(); ++i) {
      bool reference = s[i] == '&' || s[i] == '<' || (s[i] == '>' && s.substr(0, i).ends_with("]]"));
      reference ? out_.append(reference_for(s[i])) : out_ += s[i];
    }
  }
}

}  // namespace carrel::publication::kepub
