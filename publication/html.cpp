#include "publication/html.hpp"

#include <libxml/HTMLparser.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "publication/entities.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::size_t most_open = 200, most_unclosed = 1000, most_attributes = 1000,
                      most_in_vain = 256 << 20;  // of the last its parser compares all with all

constexpr std::array<std::string_view, 18> void_elements{"area",  "base",  "br",     "col",     "embed",    "hr",
                                                         "img",   "input", "link",   "meta",    "param",    "source",
                                                         "track", "wbr",   "keygen", "command", "basefont", "frame"};

// kepub.md 7.4
constexpr std::string_view svg_names =
    "altGlyph altGlyphDef altGlyphItem animateColor animateMotion animateTransform clipPath feBlend feColorMatrix "
    "feComponentTransfer "
    "feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap feDistantLight feDropShadow feFlood feFuncA feFuncB "
    "feFuncG "
    "feFuncR feGaussianBlur feImage feMerge feMergeNode feMorphology feOffset fePointLight feSpecularLighting feSpotLight feTile "
    "feTurbulence foreignObject glyphRef linearGradient radialGradient textPath attributeName attributeType baseFrequency "
    "baseProfile "
    "calcMode clipPathUnits contentScriptType contentStyleType definitionURL diffuseConstant edgeMode externalResourcesRequired "
    "filterRes filterUnits gradientTransform gradientUnits kernelMatrix kernelUnitLength keyPoints keySplines keyTimes "
    "lengthAdjust "
    "limitingConeAngle markerHeight markerUnits markerWidth maskContentUnits maskUnits numOctaves pathLength patternContentUnits "
    "patternTransform patternUnits pointsAtX pointsAtY pointsAtZ preserveAlpha preserveAspectRatio primitiveUnits refX refY "
    "repeatCount repeatDur requiredExtensions requiredFeatures specularConstant specularExponent spreadMethod startOffset "
    "stdDeviation stitchTiles surfaceScale systemLanguage tableValues targetX targetY textLength viewBox viewTarget "
    "xChannelSelector "
    "yChannelSelector zoomAndPan";

const std::unordered_map<std::string, std::string>& svg_name_table() {
  static const std::unordered_map<std::string, std::string> table = [] {
    std::unordered_map<std::string, std::string> out;
    for (const std::string& name : split(svg_names, ' ')) out.emplace(lower_ascii(name), name);
    return out;
  }();
  return table;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

struct tag {
  std::string_view name;
  std::size_t end = 0;         // behind '>'
  std::size_t attributes = 0;  // at most so many
  bool closing = false, empty = false;
  bool endless = false;  // begins, and has no end
};

// The tag at `at`, where there is a '<'; end = 0 when there is none. Quotes are known.
tag tag_at(std::string_view s, std::size_t at) {
  tag t;
  std::size_t i = at + 1;
  if (i < s.size() && s[i] == '/') {
    t.closing = true;
    ++i;
  }
  std::size_t from = i;
  if (i >= s.size() || !is_letter(s[i])) return {};
  while (i < s.size() && s[i] != '>' && s[i] != '/' && s[i] != ' ' && s[i] != '\t' && s[i] != '\n') ++i;
  t.name = s.substr(from, i - from);
  char quote = '\0';
  bool value = false;  // a quote opens only behind '='
  for (; i < s.size(); ++i) {
    char c = s[i];
    bool blank = c == ' ' || c == '\t' || c == '\n';
    if (quote == '\0' && !blank && (s[i - 1] == ' ' || s[i - 1] == '\t' || s[i - 1] == '\n')) ++t.attributes;
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if ((c == '"' || c == '\'') && value) {
      quote = c;
      value = false;
    } else if (c == '>') {
      t.empty = s[i - 1] == '/';
      t.end = i + 1;
      return t;
    } else if (c == '=') {
      value = true;
    } else if (c != ' ' && c != '\t' && c != '\n') {
      value = false;
    }
  }
  t.endless = true;
  return t;
}

// The end tags that HTML lets one leave out, as far as they matter for measuring the nesting.
bool ends_paragraph(std::string_view name) {
  static constexpr std::array<std::string_view, 22> blocks{"p",     "div",        "ul",      "ol", "li", "dl", "dt", "dd",
                                                           "table", "blockquote", "pre",     "h1", "h2", "h3", "h4", "h5",
                                                           "h6",    "section",    "article", "tr", "td", "th"};
  return std::find(blocks.begin(), blocks.end(), name) != blocks.end();
}

// The end tags of these may be left out: another of its group is not inside.
bool ends_open(std::string_view name, std::string_view open) {
  auto one_of = [](std::string_view n, std::initializer_list<std::string_view> all) {
    return std::find(all.begin(), all.end(), n) != all.end();
  };
  if (one_of(name, {"td", "th"})) return one_of(open, {"td", "th"});
  if (name == "tr") return one_of(open, {"td", "th", "tr"});
  if (one_of(name, {"dt", "dd"})) return one_of(open, {"dt", "dd"});
  return one_of(name, {"li", "option"}) && name == open;
}

// libxml2's HTML parser drops the prefix of an element. It gets the name with another mark in place of the colon; a prefix that
// means XHTML goes.
constexpr std::string_view colon_mark = "_colon_";

std::string xhtml_prefix(std::string_view s) {
  std::size_t space = std::min(s.find("=\"http://www.w3.org/1999/xhtml\""), s.find("='http://www.w3.org/1999/xhtml'"));
  if (space == std::string_view::npos) return {};
  std::size_t from = s.rfind("xmlns:", space);
  if (from == std::string_view::npos || s.substr(from, space - from).find_first_of(" =>\n\t") != std::string_view::npos)
    return {};
  return lower_ascii(s.substr(from + 6, space - from - 6)) + ":";
}

std::string named_for_html(std::string_view name, std::string_view xhtml) {
  if (!xhtml.empty() && lower_ascii(name.substr(0, xhtml.size())) == xhtml) return std::string(name.substr(xhtml.size()));
  std::size_t colon = name.find(':');
  if (colon == std::string_view::npos) return std::string(name);
  return std::string(name.substr(0, colon)).append(colon_mark).append(name.substr(colon + 1));
}

// Expands <x/> to <x></x> and measures the nesting; false when it is too deep for the parser.
bool expand_empty_elements(std::string_view s, std::string& out) {
  out.reserve(s.size() + s.size() / 32);
  std::vector<std::string> open;
  std::size_t opened = 0, closed = 0, in_vain = 0;
  const std::string xhtml = xhtml_prefix(s);
  for (std::size_t i = 0; i < s.size();) {
    std::size_t at = s.find('<', i);
    out.append(s.substr(i, at == std::string_view::npos ? at : at - i));
    if (at == std::string_view::npos) break;
    std::string_view rest = s.substr(at);
    std::size_t end = 0;
    if (rest.starts_with("<!--")) {
      std::size_t close = s.find("-->", at + 4);
      end = close == std::string_view::npos ? s.size() : close + 3;
    } else if (rest.starts_with("<![CDATA[")) {
      std::size_t close = std::min(s.find("]]>", at + 9), s.size());
      append_xml_text(out, s.substr(at + 9, close - at - 9));
      i = std::min(close + 3, s.size());
      continue;
    } else if (rest.starts_with("<?") || rest.starts_with("<!")) {
      std::size_t close = s.find('>', at);
      end = close == std::string_view::npos ? s.size() : close + 1;
    }
    if (end != 0) {
      out.append(s.substr(at, end - at));
      i = end;
      continue;
    }
    tag t = tag_at(s, at);
    if (t.end == 0) {
      // One that has no end is looked for to the end, and there may be millions of them.
      if (t.endless && (in_vain += s.size() - at) > most_in_vain) return false;
      out += '<';
      i = at + 1;
      continue;
    }
    if (t.attributes > most_attributes) return false;
    i = t.end;
    std::string written = named_for_html(t.name, xhtml), name = lower_ascii(written);
    bool is_void = is_void_element(name);
    std::size_t behind_name = static_cast<std::size_t>(t.name.data() - s.data()) + t.name.size();
    out.append(t.closing ? "</" : "<").append(written);
    if (t.empty && !is_void) {
      std::size_t slash = s.rfind('/', t.end - 1);
      out.append(s.substr(behind_name, slash - behind_name)).append("></").append(written).append(">");
      continue;
    }
    out.append(s.substr(behind_name, t.end - behind_name));
    if (is_void) continue;
    if (t.closing) {
      // Closes the nearest of that name; what was open inside ends with it.
      auto found = std::find(open.rbegin(), open.rend(), name);
      if (found != open.rend()) {
        open.erase(found.base() - 1, open.end());
        ++closed;
      }
      continue;
    }
    ++opened;
    if (ends_paragraph(name) && !open.empty() && open.back() == "p") open.pop_back(), ++closed;
    while (!open.empty() && ends_open(name, open.back())) open.pop_back(), ++closed;
    open.push_back(name);
    if (open.size() > most_open || opened - closed > most_unclosed + open.size()) return false;
    if (name == "script" || name == "style") {
      std::size_t to = end_of_code(s, i, name);
      out.append(s.substr(i, to - i));
      i = to;
    }
  }
  return true;
}

// Names that XML does not know get '_' and foreign prefixes lose their colon.
std::string safe_name(std::string_view name, bool keep_prefix) {
  std::string out(name);
  for (std::size_t i = 0; i < out.size(); ++i) {
    char c = out[i];
    bool ok = is_letter(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80 ||
              (i > 0 && ((c >= '0' && c <= '9') || c == '-' || c == '.'));
    if (c == ':' && i > 0 && i + 1 < out.size()) {
      if (!keep_prefix) out[i] = '-';
    } else if (!ok) {
      out[i] = '_';
    }
  }
  return out;
}

bool known_prefix(std::string_view name) {
  for (std::string_view prefix : {"xml:", "xlink:", "epub:", "xmlns:"}) {
    if (name.starts_with(prefix)) return true;
  }
  return false;
}

std::string_view view(const xmlChar* s) {
  return s == nullptr ? std::string_view() : std::string_view(reinterpret_cast<const char*>(s));
}

struct copier {
  bool xlink = false, epub = false;
  std::set<std::string> declared;  // prefixes, with their colon

  std::string name_of(std::string_view raw, bool foreign) const {
    if (foreign) {
      auto found = svg_name_table().find(std::string(raw));
      if (found != svg_name_table().end()) return found->second;
    }
    return safe_name(raw, known_prefix(raw) || declared.contains(std::string(raw.substr(0, raw.find(':') + 1))));
  }

  pugi::xml_node element(const xmlNode& from, pugi::xml_node into, bool foreign) {
    for (const xmlAttr* a = from.properties; a != nullptr; a = a->next) {
      if (view(a->name).starts_with("xmlns:")) declared.insert(std::string(view(a->name).substr(6)) + ":");
    }
    std::string read(view(from.name));
    if (std::size_t at = read.find(colon_mark); at != read.npos) read.replace(at, colon_mark.size(), ":");
    pugi::xml_node to = into.append_child(name_of(read, foreign).c_str());
    epub = epub || std::string_view(to.name()).starts_with("epub:");
    for (const xmlAttr* a = from.properties; a != nullptr; a = a->next) {
      std::string name = name_of(view(a->name), foreign);
      if (to.attribute(name.c_str())) continue;
      xlink = xlink || name.starts_with("xlink:");
      epub = epub || name.starts_with("epub:");
      // One text child is the rule; references the parser did not know are nodes of their own.
      std::string value;
      for (const xmlNode* part = a->children; part != nullptr; part = part->next) value += view(part->content);
      to.append_attribute(name.c_str()).set_value(value.c_str());
    }
    return to;
  }
};

// What stands in <!DOCTYPE ...>. A literal cannot hold both kinds of quotes.
std::string doctype_of(const xmlDtd& from) {
  auto literal = [](std::string_view text) {
    char quote = text.find('"') == text.npos ? '"' : '\'';
    return quote + std::string(text) + quote;
  };
  std::string out(view(from.name));
  if (from.ExternalID != nullptr) out += " PUBLIC " + literal(view(from.ExternalID));
  if (from.SystemID != nullptr) out += (from.ExternalID == nullptr ? " SYSTEM " : " ") + literal(view(from.SystemID));
  if (from.ExternalID != nullptr && from.SystemID == nullptr) out += " \"\"";
  return out;
}

void copy_tree(const xmlDoc& doc, pugi::xml_document& out) {
  struct level {
    const xmlNode* next;
    pugi::xml_node into;
    bool foreign;  // inside svg or math
  };
  copier c;
  std::vector<level> stack{{doc.children, out, false}};
  while (!stack.empty()) {
    const xmlNode* n = stack.back().next;
    if (n == nullptr) {
      stack.pop_back();
      continue;
    }
    stack.back().next = n->next;
    pugi::xml_node into = stack.back().into;
    bool foreign = stack.back().foreign;
    if (n->type == XML_ELEMENT_NODE) {
      std::string_view name = view(n->name);
      bool inside = foreign || name == "svg" || name == "math";
      pugi::xml_node to = c.element(*n, into, inside);
      if (name == "html" && !to.attribute("xmlns")) to.append_attribute("xmlns").set_value("http://www.w3.org/1999/xhtml");
      if (name == "svg" && !to.attribute("xmlns")) to.append_attribute("xmlns").set_value("http://www.w3.org/2000/svg");
      if (name == "math" && !to.attribute("xmlns")) to.append_attribute("xmlns").set_value("http://www.w3.org/1998/Math/MathML");
      if (n->children != nullptr) stack.push_back({n->children, to, inside});
    } else if (n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE) {
      if (into.type() == pugi::node_element)
        into.append_child(pugi::node_pcdata).set_value(std::string(view(n->content)).c_str());
    } else if (n->type == XML_DTD_NODE) {
      out.append_child(pugi::node_doctype).set_value(doctype_of(*reinterpret_cast<const xmlDtd*>(n)).c_str());
    } else if (n->type == XML_COMMENT_NODE) {
      into.append_child(pugi::node_comment).set_value(std::string(view(n->content)).c_str());
    } else if (n->type == XML_ENTITY_REF_NODE && into.type() == pugi::node_element) {
      into.append_child(pugi::node_pcdata).set_value(("&" + std::string(view(n->name)) + ";").c_str());
    }
  }
  pugi::xml_node html = out.document_element();
  auto declare = [&html](const char* name, const char* value) {
    if (!html.attribute(name)) html.append_attribute(name).set_value(value);
  };
  if (c.xlink) declare("xmlns:xlink", "http://www.w3.org/1999/xlink");
  if (c.epub) declare("xmlns:epub", "http://www.idpf.org/2007/ops");
}

// What stood behind the end of the document is in another body, or in another html, after the first body.
void gather_bodies(pugi::xml_node html) {
  pugi::xml_node body = html.child("body");
  if (!body) return;
  for (pugi::xml_node n = body.next_sibling(); n;) {
    pugi::xml_node next = n.next_sibling();
    std::string_view name = n.name();
    if (name == "body" || name == "html") {
      while (n.first_child()) body.append_move(n.first_child());
      html.remove_child(n);
    }
    n = next;
  }
}

void no_output(void*, const char*, ...) {}

}  // namespace

bool is_void_element(std::string_view name) {
  return name == "bgsound" || std::find(void_elements.begin(), void_elements.end(), name) != void_elements.end();
}

bool parse_html(std::string_view text, pugi::xml_document& out) {
  out.reset();
  std::string expanded;
  if (!expand_empty_elements(text, expanded)) return false;
  xmlInitParser();
  std::unique_ptr<htmlParserCtxt, decltype(&htmlFreeParserCtxt)> context(htmlNewParserCtxt(), &htmlFreeParserCtxt);
  if (context == nullptr) return false;
  if (context->sax != nullptr) context->sax->error = context->sax->warning = context->sax->fatalError = &no_output;
  constexpr int options = HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET | HTML_PARSE_NODEFDTD;
  std::unique_ptr<xmlDoc, decltype(&xmlFreeDoc)> doc(
      htmlCtxtReadMemory(context.get(), expanded.data(), static_cast<int>(expanded.size()), nullptr, "UTF-8", options),
      &xmlFreeDoc);
  // It stops in silence below 255 elements and leaves only these traces (1.3 trap 2).
  if (doc == nullptr || context->disableSAX != 0 || context->lastError.level == XML_ERR_FATAL) return false;
  copy_tree(*doc, out);
  gather_bodies(out.document_element());
  return true;
}

}  // namespace carrel::publication
