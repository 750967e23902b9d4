#pragma once
// The metadata element of a package document while it is changed: elements, and the metas that refine them. For the files of this
// folder only.

#include <pugixml.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace carrel::publication {

// Every id in the document is there once: who makes it has seen to that.
class opf_tree {
 public:
  opf_tree(pugi::xml_node package, pugi::xml_node metadata);

  bool epub3() const { return epub3_; }
  bool changed() const { return changed_; }
  pugi::xml_node package() const { return package_; }

  std::vector<pugi::xml_node> dublin_core(std::string_view name) const;
  pugi::xml_node named_meta(std::string_view name) const;  // of EPUB 2: name and content
  // Of EPUB 3: property and text, refining nothing. Its property may have a prefix.
  std::vector<pugi::xml_node> properties(std::string_view property) const;
  pugi::xml_node refinement(const pugi::xml_node&, std::string_view property) const;
  std::string refined(const pugi::xml_node&, std::string_view property) const;  // its text, else the attribute of that name

  // Behind `after`; behind everything when that is null. Indented as its neighbours are.
  pugi::xml_node add_dublin_core(const std::string& name, const std::string& text, pugi::xml_node after);
  pugi::xml_node add_dublin_core_before(const std::string& name, const std::string& text, pugi::xml_node before);
  void set_named_meta(const std::string& name, const std::string& content);
  pugi::xml_node add_property(const std::string& property, const std::string& text);
  void set_text(pugi::xml_node, const std::string&);
  // As EPUB 3 or EPUB 2 say it: by a meta, or by an attribute of the package's namespace.
  void refine(pugi::xml_node, const std::string& property, const std::string& text, const std::string& scheme = {});
  void unrefine(const pugi::xml_node&, std::string_view property);
  void move_behind(pugi::xml_node, pugi::xml_node after);
  void remove(pugi::xml_node);  // with what refines it

 private:
  pugi::xml_node refining(const std::string& id, std::string_view property) const;  // "": any
  pugi::xml_node add(const std::string& name, pugi::xml_node after);
  pugi::xml_node last() const;
  void indent(const pugi::xml_node&);
  std::string id_of(pugi::xml_node);
  std::string bound_prefix(std::string_view space, const std::string& usual);  // with its colon; declared when it is not yet

  pugi::xml_node package_, metadata_;
  bool epub3_ = false, changed_ = false;
  std::string gap_;   // in front of an element
  std::string meta_;  // the name of metas
  std::set<std::string> ids_;
};

}  // namespace carrel::publication
