#include "publication/opf_tree.hpp"

#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::string_view dc_space = "http://purl.org/dc/elements/1.1/", opf_space = "http://www.idpf.org/2007/opf";

bool is_blank_text(const pugi::xml_node& n) { return n.type() == pugi::node_pcdata && trim(n.value()).empty(); }

std::string_view without_prefix(std::string_view property) {
  property = trim(property);
  std::size_t colon = property.find(':');
  return colon == std::string_view::npos ? property : property.substr(colon + 1);
}

std::string target_of(const pugi::xml_node& meta) {
  std::string refines(trim(attribute(meta, "refines")));
  return refines.starts_with('#') ? refines.substr(1) : refines;
}

bool is_meta(const pugi::xml_node& n) { return n.type() == pugi::node_element && equal_ascii_case(local_name(n), "meta"); }
bool is_link(const pugi::xml_node& n) { return n.type() == pugi::node_element && equal_ascii_case(local_name(n), "link"); }

// An attribute by local name, whatever its prefix.
pugi::xml_attribute attribute_of(const pugi::xml_node& n, std::string_view name) {
  if (pugi::xml_attribute a = n.attribute(std::string(name).c_str())) return a;
  for (pugi::xml_attribute a : n.attributes()) {
    if (local_name(a) == name && !std::string_view(a.name()).starts_with("xmlns")) return a;
  }
  return {};
}

}  // namespace

opf_tree::opf_tree(pugi::xml_node package, pugi::xml_node metadata)
    : package_(package),
      metadata_(metadata),
      epub3_(trim(attribute(package, "version")).starts_with('3')),
      meta_(prefix_of(metadata) + "meta") {
  if (is_blank_text(metadata.first_child())) gap_ = metadata.first_child().value();
  for (pugi::xml_node at = package; at; at = next_node(at, package)) {
    if (pugi::xml_attribute id = at.attribute("id")) ids_.insert(id.value());
  }
}

std::vector<pugi::xml_node> opf_tree::dublin_core(std::string_view name) const {
  std::vector<pugi::xml_node> out;
  for (pugi::xml_node n : metadata_.children()) {
    if (n.type() == pugi::node_element && is_dublin_core(n) && equal_ascii_case(local_name(n), name)) out.push_back(n);
  }
  return out;
}

pugi::xml_node opf_tree::named_meta(std::string_view name) const {
  for (pugi::xml_node n : metadata_.children()) {
    if (is_meta(n) && equal_ascii_case(attribute(n, "name"), name)) return n;
  }
  return {};
}

std::vector<pugi::xml_node> opf_tree::properties(std::string_view property) const {
  std::vector<pugi::xml_node> out;
  for (pugi::xml_node n : metadata_.children()) {
    std::string said = is_meta(n) ? attribute(n, "property") : std::string();
    if (!said.empty() && target_of(n).empty() && (trim(said) == property || without_prefix(said) == property)) out.push_back(n);
  }
  return out;
}

pugi::xml_node opf_tree::refining(const std::string& id, std::string_view property) const {
  if (id.empty()) return {};
  for (pugi::xml_node n : metadata_.children()) {
    if (!(is_meta(n) || is_link(n)) || target_of(n) != id) continue;
    if (property.empty() || (is_meta(n) && without_prefix(attribute(n, "property")) == property)) return n;
  }
  return {};
}

pugi::xml_node opf_tree::refinement(const pugi::xml_node& of, std::string_view property) const {
  return refining(of.attribute("id").value(), property);
}

std::string opf_tree::refined(const pugi::xml_node& of, std::string_view property) const {
  if (pugi::xml_node n = refinement(of, property)) return std::string(trim(text_of(n)));
  return std::string(trim(attribute(of, property)));
}

pugi::xml_node opf_tree::last() const {
  pugi::xml_node at = metadata_.last_child();
  while (at && at.type() != pugi::node_element) at = at.previous_sibling();
  return at;
}

void opf_tree::indent(const pugi::xml_node& n) {
  if (!gap_.empty()) metadata_.insert_child_before(pugi::node_pcdata, n).set_value(gap_.c_str());
}

pugi::xml_node opf_tree::add(const std::string& name, pugi::xml_node after) {
  if (!after) after = last();
  pugi::xml_node made = after ? metadata_.insert_child_after(name.c_str(), after) : metadata_.append_child(name.c_str());
  indent(made);
  changed_ = true;
  return made;
}

pugi::xml_node opf_tree::add_dublin_core(const std::string& name, const std::string& text, pugi::xml_node after) {
  pugi::xml_node made = add(bound_prefix(dc_space, "dc") + name, after);
  set_text(made, text);
  return made;
}

pugi::xml_node opf_tree::add_dublin_core_before(const std::string& name, const std::string& text, pugi::xml_node before) {
  std::string full = bound_prefix(dc_space, "dc") + name;
  pugi::xml_node made = metadata_.insert_child_before(full.c_str(), before);
  indent(before);
  changed_ = true;
  set_text(made, text);
  return made;
}

void opf_tree::set_named_meta(const std::string& name, const std::string& content) {
  pugi::xml_node n = named_meta(name);
  if (n && attribute(n, "content") == content) return;
  if (!n) {
    n = add(meta_, {});
    n.append_attribute("name").set_value(name.c_str());
  }
  pugi::xml_attribute a = attribute_of(n, "content");
  if (!a) a = n.append_attribute("content");
  a.set_value(content.c_str());
  changed_ = true;
}

pugi::xml_node opf_tree::add_property(const std::string& property, const std::string& text) {
  pugi::xml_node n = add(meta_, {});
  n.append_attribute("property").set_value(property.c_str());
  set_text(n, text);
  return n;
}

void opf_tree::set_text(pugi::xml_node n, const std::string& text) {
  if (n.first_child() && text_of(n) == text) return;
  while (n.first_child()) n.remove_child(n.first_child());
  n.append_child(pugi::node_pcdata).set_value(text.c_str());
  changed_ = true;
}

void opf_tree::refine(pugi::xml_node of, const std::string& property, const std::string& text, const std::string& scheme) {
  pugi::xml_node there = refinement(of, property);
  pugi::xml_attribute a = attribute_of(of, property);
  if (!epub3_ && !there) {  // a program that mixes the forms is answered in the one it used
    if (a && trim(a.value()) == text) return;
    if (!a) a = of.append_attribute((bound_prefix(opf_space, "opf") + property).c_str());
    a.set_value(text.c_str());
    changed_ = true;
    return;
  }
  if (a) {  // no attribute of EPUB 3, and two words for one thing
    of.remove_attribute(a);
    changed_ = true;
  }
  if (there) {
    set_text(there, text);
    return;
  }
  std::string id = id_of(of);
  pugi::xml_node n = add(meta_, of);
  n.append_attribute("refines").set_value(("#" + id).c_str());
  n.append_attribute("property").set_value(property.c_str());
  if (!scheme.empty()) n.append_attribute("scheme").set_value(scheme.c_str());
  set_text(n, text);
}

void opf_tree::unrefine(const pugi::xml_node& of, std::string_view property) {
  while (pugi::xml_node n = refinement(of, property)) remove(n);
}

void opf_tree::move_behind(pugi::xml_node n, pugi::xml_node after) {
  if (is_blank_text(n.previous_sibling())) metadata_.remove_child(n.previous_sibling());
  indent(metadata_.insert_move_after(n, after));
  changed_ = true;
}

void opf_tree::remove(pugi::xml_node n) {
  std::string id = n.attribute("id").value();
  if (is_blank_text(n.previous_sibling())) metadata_.remove_child(n.previous_sibling());
  metadata_.remove_child(n);  // before them: two may refine each other
  while (pugi::xml_node next = refining(id, "")) remove(next);
  changed_ = true;
}

std::string opf_tree::id_of(pugi::xml_node n) {
  pugi::xml_attribute a = n.attribute("id");
  if (a && *a.value() != '\0') return a.value();
  std::string id;
  for (int i = 1; id.empty() || !ids_.insert(id).second; ++i) id = "carrel-" + std::to_string(i);
  if (!a) a = n.append_attribute("id");
  a.set_value(id.c_str());
  changed_ = true;
  return id;
}

std::string opf_tree::bound_prefix(std::string_view space, const std::string& usual) {
  for (pugi::xml_node at = metadata_; at; at = at.parent()) {
    for (pugi::xml_attribute a : at.attributes()) {
      std::string_view name = a.name();
      if (a.value() != space || !name.starts_with("xmlns:")) continue;
      std::string prefix(name.substr(6));
      if (namespace_of_prefix(metadata_, prefix) == space) return prefix + ":";
    }
  }
  std::string prefix = usual;
  for (int i = 2; !namespace_of_prefix(metadata_, prefix).empty(); ++i) prefix = usual + std::to_string(i);
  metadata_.append_attribute(("xmlns:" + prefix).c_str()).set_value(std::string(space).c_str());
  return prefix + ":";
}

}  // namespace carrel::publication
