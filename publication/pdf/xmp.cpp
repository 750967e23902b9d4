#include <algorithm>
#include <array>
#include <map>

#include "publication/pdf/fields.hpp"
#include "publication/unicode.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::pdf {
namespace {

constexpr std::size_t most_properties = 10'000, most_values = 1000;

// The prefix by which this file calls a namespace; "" for one that says nothing here.
std::string_view known_prefix(std::string_view space) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> spaces{
      {{"http://purl.org/dc/elements/1.", "dc:"},
       {"http://ns.adobe.com/xap/1.0/", "xmp:"},
       {"http://ns.adobe.com/pdf/1.3/", "pdf:"},
       {"http://ns.adobe.com/pdfx/1.3/", "pdfx:"},
       {"http://prismstandard.org/namespaces/basic/", "prism:"},
       {"http://calibre-ebook.com/xmp-namespace", "calibre:"}}};
  for (const auto& [uri, prefix] : spaces) {
    bool any_version = prefix == "dc:" || prefix == "prism:";
    if (any_version ? space.starts_with(uri) : space == uri) return prefix;
  }
  return {};
}

// A property of the book: an element, or an attribute of rdf:Description.
struct property {
  pugi::xml_node element;
  std::string text{};
};

class packet {
 public:
  explicit packet(const pugi::xml_node& root) {
    std::size_t seen = 0;
    for (pugi::xml_node at = root.first_child(); at;) {
      bool described = at.type() == pugi::node_element && local_name(at) == "Description";
      if (described) collect(at, seen);
      at = next_node(at, root, described);
    }
  }

  // The items of every list under that name, and what stands in no list; of languages the default first.
  std::vector<std::string> texts(const std::string& key) const {
    std::vector<std::string> out;
    auto found = properties_.find(key);
    if (found == properties_.end()) return out;
    for (const property& p : found->second) {
      if (!p.element) out.push_back(p.text);
      for (const pugi::xml_node& item : items(p.element)) {
        if (out.size() >= most_values) return out;
        bool first = attribute(item, "lang") == "x-default";
        out.insert(first ? out.begin() : out.end(), text_of(item));
      }
    }
    return out;
  }
  // The first of them that says anything.
  std::string text(const std::string& key) const {
    for (std::string& t : texts(key)) {
      if (!clean_text(t, 100).empty()) return std::move(t);
    }
    return {};
  }
  std::vector<pugi::xml_node> nodes(const std::string& key) const {
    std::vector<pugi::xml_node> out;
    auto found = properties_.find(key);
    if (found == properties_.end()) return out;
    for (const property& p : found->second) {
      std::vector<pugi::xml_node> some = items(p.element);
      out.insert(out.end(), some.begin(), some.end());
    }
    return out;
  }

 private:
  void collect(const pugi::xml_node& description, std::size_t& seen) {
    for (pugi::xml_attribute a : description.attributes()) {
      std::string_view name = a.name();
      std::size_t colon = name.find(':');
      if (colon == std::string_view::npos || ++seen > most_properties) continue;
      std::string_view prefix = known_prefix(namespace_of_prefix(description, name.substr(0, colon)));
      if (!prefix.empty()) add(prefix, local_name(a), {{}, a.value()});
    }
    for (pugi::xml_node n : description.children()) {
      if (n.type() != pugi::node_element || ++seen > most_properties) continue;
      std::string_view prefix = is_dublin_core(n) ? "dc:" : known_prefix(namespace_of(n));
      if (!prefix.empty()) add(prefix, local_name(n), {n});
    }
  }
  void add(std::string_view prefix, std::string_view name, property p) {
    properties_[std::string(prefix) + lower_ascii(name)].push_back(std::move(p));
  }

  // The rdf:li inside an element, or the element itself when there are none.
  static std::vector<pugi::xml_node> items(const pugi::xml_node& element) {
    std::vector<pugi::xml_node> out;
    if (!element) return out;
    for (pugi::xml_node at = element.first_child(); at && out.size() < most_values;) {
      bool item = at.type() == pugi::node_element && local_name(at) == "li";
      if (item) out.push_back(at);
      at = next_node(at, element, item);
    }
    if (out.empty()) out.push_back(element);
    return out;
  }

  std::map<std::string, std::vector<property>> properties_;
};

// A part of a structure, which may be an element or an attribute, here or on an element in between.
std::string part(const pugi::xml_node& of, const char* name) {
  for (pugi::xml_node at = of; at; at = next_node(at, of)) {
    if (at.type() != pugi::node_element) continue;
    if (at != of && equal_ascii_case(local_name(at), name)) return text_of(at);
    if (std::string a = attribute(at, name); !a.empty()) return a;
  }
  return {};
}

void add_identifiers(fields& out, const packet& in) {
  for (const pugi::xml_node& n : in.nodes("xmp:identifier")) {
    std::string scheme = part(n, "Scheme"), value = part(n, "value");
    out.identifier(value.empty() && scheme.empty() ? text_of(n) : value, scheme);
  }
  for (const char* key : {"prism:isbn", "pdfx:isbn"}) {
    for (const std::string& t : in.texts(key)) out.identifier(t, "isbn");
  }
  for (const std::string& t : in.texts("prism:doi")) out.identifier(t, "doi");
  for (const std::string& raw : in.texts("dc:identifier")) {
    std::string text = clean_text(raw, 300);
    bool bare_doi = text.starts_with("10.") && text.find('/') != std::string::npos;
    bool doi = bare_doi || text.starts_with("doi:") || text.starts_with("https://doi.org/");
    if (parse_isbn(text)) out.identifier(text, "isbn");
    if (doi) out.identifier(text, bare_doi ? "doi" : "");
  }
}

bool is_of_broken_producer(const pugi::xml_node& root) {
  for (pugi::xml_node at = root.first_child(); at; at = next_node(at, root)) {
    if (trim(at.value()).starts_with("\\376\\377")) return true;
  }
  return false;
}

std::vector<std::string> joined(std::vector<std::string> first, std::initializer_list<std::vector<std::string>> more) {
  for (const std::vector<std::string>& m : more) first.insert(first.end(), m.begin(), m.end());
  return first;
}

}  // namespace

void fill_from_xmp(fields& out, std::string_view bytes, const limits& limit, std::vector<warning>& warnings) {
  std::size_t end = bytes.find_last_not_of('\0');
  bytes = bytes.substr(0, end == std::string_view::npos ? 0 : end + 1);
  if (trim(bytes).empty()) return;
  result<xml_tree, refusal> tree = parse_package_xml(bytes, limit.xml_depth, warnings);
  if (!tree) return warn(warnings, tree.error().code);
  if (is_of_broken_producer(**tree)) return;
  packet in(**tree);
  out.languages(in.texts("dc:language"));
  for (const std::string& t : in.texts("dc:title")) out.title(t);
  out.authors(in.texts("dc:creator"));
  out.description(in.text("dc:description"));
  out.subjects(in.texts("dc:subject"));
  out.subjects(keywords(in.text("pdf:keywords")));
  out.publisher(in.text("dc:publisher"));
  out.published_on(joined(in.texts("dc:date"), {in.texts("prism:publicationdate"), in.texts("prism:coverdate")}));
  add_identifiers(out, in);
  for (const pugi::xml_node& n : in.nodes("calibre:series")) {
    std::string name = part(n, "value"), index = part(n, "series_index");
    out.series(name.empty() && index.empty() ? text_of(n) : name, index);
  }
  out.rating(in.text("calibre:rating"));
}

}  // namespace carrel::publication::pdf
