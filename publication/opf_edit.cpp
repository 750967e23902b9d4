#include "publication/opf_edit.hpp"

#include <algorithm>
#include <set>

#include "publication/identifiers.hpp"
#include "publication/kepub/wellformed.hpp"
#include "publication/opf.hpp"
#include "publication/opf_tree.hpp"
#include "publication/people.hpp"
#include "publication/unicode.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr int most_elements = 2000;  // each is looked for among all others

std::string shown_text(const pugi::xml_node& n) { return clean_text(text_of(n), 64 << 10); }

// Subjects have no order.
std::set<std::string> folded(const std::vector<std::string>& texts) {
  std::set<std::string> out;
  for (const std::string& t : texts) out.insert(case_fold(t));
  return out;
}

class editor {
 public:
  editor(opf_tree& tree, const corrected& want, metadata was) : tree_(tree), want_(want), was_(std::move(was)) {
    const std::vector<std::string>& languages = want.languages.empty() ? was_.languages : want.languages;
    if (!languages.empty()) language_ = languages.front();
  }

  void edit() {
    correct_title();
    correct_subtitle();
    correct_title_sort();
    correct_people();
    correct_series();
    correct_languages();
    correct_publisher();
    correct_date();
    correct_identifiers();
    correct_description();
    correct_subjects();
  }

 private:
  using node = pugi::xml_node;

  // Nothing is said of the field, or nothing else than in the file.
  bool stays(std::string_view field, const std::string& wanted, const std::string& said) const {
    return wanted == said || (wanted.empty() && !want_.clears(field));
  }

  static node first_with_text(const std::vector<node>& all) {
    auto at = std::find_if(all.begin(), all.end(), [](const node& n) { return !shown_text(n).empty(); });
    return at == all.end() ? node() : *at;
  }

  void remove_all(const std::vector<node>& all) {
    for (const node& n : all) tree_.remove(n);
  }

  // ---- titles ----

  bool is_title_of_type(const node& n, std::string_view type) const {
    std::string kind = lower_ascii(trim(text_of(tree_.refinement(n, "title-type"))));
    return type == "main" ? kind == type : kind.find(type) != std::string::npos;
  }

  // The one that package_metadata() takes.
  node main_title() const {
    std::vector<node> all = tree_.dublin_core("title");
    std::erase_if(all, [](const node& n) { return shown_text(n).empty(); });
    auto main = std::find_if(all.begin(), all.end(), [&](const node& n) { return is_title_of_type(n, "main"); });
    if (main != all.end()) return *main;
    return all.empty() ? node() : all.front();
  }

  void correct_title() {
    if (want_.title.empty() || want_.title == was_.title) return;
    if (node n = main_title())
      tree_.set_text(n, want_.title);
    else if (std::vector<node> blank = tree_.dublin_core("title"); !blank.empty())
      tree_.set_text(blank.front(), want_.title);
    else
      tree_.add_dublin_core("title", want_.title, {});
  }

  // EPUB 2 has no form for it.
  void correct_subtitle() {
    if (stays("subtitle", want_.subtitle, was_.subtitle)) return;
    std::vector<node> all = tree_.dublin_core("title");
    auto at = std::find_if(all.begin(), all.end(), [&](const node& n) { return is_title_of_type(n, "subtitle"); });
    if (at != all.end() && want_.subtitle.empty()) return tree_.remove(*at);
    if (at != all.end()) return tree_.set_text(*at, want_.subtitle);
    node main = main_title();
    if (!tree_.epub3() || !main || want_.subtitle.empty()) return;
    if (!tree_.refinement(main, "title-type")) tree_.refine(main, "title-type", "main");
    tree_.refine(tree_.add_dublin_core("title", want_.subtitle, main), "title-type", "subtitle");
  }

  void correct_title_sort() {
    node n = main_title();
    if (!n || want_.title_sort.empty() || want_.title_sort == was_.title_sort) return;
    std::string said = tree_.refined(n, "file-as");
    if (said.empty() && want_.title_sort == title_sort(want_.title, language_)) return;  // what everybody computes
    if (tree_.epub3() || !said.empty())
      tree_.refine(n, "file-as", want_.title_sort);
    else
      tree_.set_named_meta("calibre:title_sort", want_.title_sort);
  }

  // ---- people ----

  std::vector<person> wanted_people() const {
    bool authors_stay = want_.authors.empty() && !want_.clears("authors");
    bool others_stay = want_.contributors.empty() && !want_.clears("contributors");
    std::vector<person> out = authors_stay ? was_.authors : want_.authors;
    for (person& p : out) p.role = "aut";
    const std::vector<person>& others = others_stay ? was_.contributors : want_.contributors;
    out.insert(out.end(), others.begin(), others.end());
    return out;
  }

  std::vector<person> people_of_file() const {
    std::vector<person> out = was_.authors;
    for (person& p : out) p.role = "aut";
    out.insert(out.end(), was_.contributors.begin(), was_.contributors.end());
    return out;
  }

  // Elements that name people; the program that made the book is none of them.
  std::vector<node> elements_of_people() const {
    std::vector<node> out = tree_.dublin_core("creator"), more = tree_.dublin_core("contributor");
    out.insert(out.end(), more.begin(), more.end());
    std::erase_if(out, [&](const node& n) { return lower_ascii(tree_.refined(n, "role")) == "bkp"; });
    return out;
  }

  static bool is_creator(const node& n) { return equal_ascii_case(local_name(n), "creator"); }

  void correct_people() {
    std::vector<person> wanted = wanted_people();
    if (wanted == people_of_file()) return;
    std::vector<node> there = elements_of_people();
    node before = there.empty() ? node() : there.front(), behind;
    for (const person& p : wanted) {
      auto is_them = [&](const node& n) {
        return (p.role != "aut" || is_creator(n)) && clean_person(shown_text(n), "", language_).name == p.name;
      };
      auto at = std::find_if(there.begin(), there.end(), is_them);
      node n;
      if (at != there.end()) {
        n = *at;
        there.erase(at);
        if (behind) tree_.move_behind(n, behind);
        tree_.unrefine(n, "display-seq");
      } else {
        const char* element = p.role == "aut" ? "creator" : "contributor";
        n = before && !behind ? tree_.add_dublin_core_before(element, p.name, before)
                              : tree_.add_dublin_core(element, p.name, behind ? behind : main_title());
      }
      say_role(n, p.role);
      if (!p.sort.empty() && tree_.refined(n, "file-as") != p.sort) tree_.refine(n, "file-as", p.sort);
      behind = n;
    }
    remove_all(there);
  }

  void say_role(const node& n, const std::string& role) {
    std::string said = tree_.refined(n, "role");
    if (said == role || (said.empty() && role == "ctb" && !is_creator(n))) return;
    tree_.unrefine(n, "role");
    tree_.refine(n, "role", role, tree_.epub3() ? "marc:relators" : "");
  }

  // ---- series ----

  node collection() const {
    for (const node& n : tree_.properties("belongs-to-collection")) {
      std::string type = lower_ascii(trim(text_of(tree_.refinement(n, "collection-type"))));
      if (type.empty() || type == "series") return n;
    }
    return {};
  }

  void correct_series() {
    bool same = want_.series == was_.series && (want_.series.empty() || want_.series_index == was_.series_index);
    if (same || (want_.series.empty() && !want_.clears("series"))) return;
    while (node n = collection()) tree_.remove(n);
    for (const char* name : {"calibre:series", "calibre:series_index"}) {
      while (node n = tree_.named_meta(name)) tree_.remove(n);
      remove_all(tree_.properties(name));
    }
    if (want_.series.empty()) return;
    std::string index = want_.series_index ? shortest(*want_.series_index) : std::string();
    if (tree_.epub3()) {
      node n = tree_.add_property("belongs-to-collection", want_.series);
      if (!index.empty()) tree_.refine(n, "group-position", index);
      tree_.refine(n, "collection-type", "series");
    }
    tree_.set_named_meta("calibre:series", want_.series);
    if (!index.empty()) tree_.set_named_meta("calibre:series_index", index);
  }

  // ---- single values and lists ----

  void correct_languages() {
    if (want_.languages.empty() || want_.languages == was_.languages) return;
    std::vector<node> there = tree_.dublin_core("language");
    node behind;
    for (std::size_t i = 0; i < want_.languages.size(); ++i) {
      if (i < there.size())
        tree_.set_text(behind = there[i], want_.languages[i]);
      else
        behind = tree_.add_dublin_core("language", want_.languages[i], behind);
    }
    for (std::size_t i = want_.languages.size(); i < there.size(); ++i) tree_.remove(there[i]);
  }

  void correct_publisher() {
    if (stays("publisher", want_.publisher, was_.publisher)) return;
    std::vector<node> there = tree_.dublin_core("publisher");
    if (want_.publisher.empty()) return remove_all(there);
    if (node n = first_with_text(there))
      tree_.set_text(n, want_.publisher);
    else
      tree_.add_dublin_core("publisher", want_.publisher, {});
  }

  void correct_date() {
    if (stays("published", want_.published_on, was_.published_on)) return;
    std::vector<node> there = tree_.dublin_core("date");
    std::erase_if(there, [](const node& n) {
      std::string event = lower_ascii(trim(attribute(n, "event")));
      return !event.empty() && event != "publication" && event != "original-publication";
    });
    if (want_.published_on.empty()) return remove_all(there);
    if (!there.empty()) return tree_.set_text(there.front(), want_.published_on);
    node n = tree_.add_dublin_core("date", want_.published_on, {});
    if (!tree_.epub3()) tree_.refine(n, "event", "publication");
  }

  void correct_description() {
    if (stays("description", want_.description, was_.description_html)) return;
    std::vector<node> there = tree_.dublin_core("description");
    if (want_.description.empty()) return remove_all(there);
    if (node n = first_with_text(there))
      tree_.set_text(n, want_.description);
    else
      tree_.add_dublin_core("description", want_.description, {});
  }

  void correct_subjects() {
    std::set<std::string> wanted = folded(want_.subjects);
    if (wanted == folded(was_.subjects) || (wanted.empty() && !want_.clears("tags") && !want_.clears("genres"))) return;
    node behind;
    std::set<std::string> named;
    for (const node& n : tree_.dublin_core("subject")) {
      std::string key = case_fold(shown_text(n));
      if (wanted.contains(key) && named.insert(key).second)
        behind = n;
      else
        tree_.remove(n);
    }
    for (const std::string& s : want_.subjects) {
      if (named.insert(case_fold(s)).second) behind = tree_.add_dublin_core("subject", s, behind);
    }
  }

  // ---- identifiers ----

  bool is_unique(const node& n) const {
    std::string id(trim(attribute(tree_.package(), "unique-identifier")));
    return !id.empty() && id == n.attribute("id").value();
  }

  identifier_list said_by(const node& n) const {
    identifier_list out;
    node type = tree_.refinement(n, "identifier-type");
    bool onix = type && trim(attribute(type, "scheme")) == "onix:codelist5";
    add_identifier(out, text_of(n), attribute(n, "scheme"), onix ? trim(text_of(type)) : std::string_view());
    return out;
  }

  // How a package document says it; "" when it has no form that is read back as the same.
  static std::string written_form(const std::pair<std::string, std::string>& i) {
    const auto& [scheme, value] = i;
    std::string text = scheme.starts_with("isbn_") ? "urn:isbn:" + value : scheme == "url" ? value : scheme + ":" + value;
    if (scheme == "uuid") text = "urn:uuid:" + value;
    identifier_list read;
    add_identifier(read, text, "", "");
    return std::find(read.begin(), read.end(), i) != read.end() ? text : std::string();
  }

  void correct_identifiers() {
    auto says = [](const identifier_list& list, const auto& i) { return std::find(list.begin(), list.end(), i) != list.end(); };
    auto has = [](const identifier_list& list, std::string_view scheme) {
      return std::any_of(list.begin(), list.end(), [&](const auto& i) { return i.first == scheme; });
    };
    bool emptied = want_.clears("identifiers");
    for (const node& n : tree_.dublin_core("identifier")) {
      identifier_list said = said_by(n);
      bool wrong = !said.empty() && !says(want_.identifiers, said.front());
      bool replaced = wrong && has(want_.identifiers, said.front().first);
      if (!is_unique(n) && (replaced || (wrong && emptied))) tree_.remove(n);
    }
    identifier_list there;
    for (const node& n : tree_.dublin_core("identifier")) {
      for (auto& i : said_by(n)) there.push_back(std::move(i));
    }
    for (const auto& i : want_.identifiers) {
      bool other_form = i.first == "isbn_10" && has(want_.identifiers, "isbn_13");  // one number
      std::string text = says(there, i) || other_form || i.first == "print_isbn" ? std::string() : written_form(i);
      if (!text.empty()) add_identifier_element(text);
    }
  }

  void add_identifier_element(const std::string& text) {
    std::vector<node> there = tree_.dublin_core("identifier");
    tree_.add_dublin_core("identifier", text, there.empty() ? node() : there.back());
  }

  opf_tree& tree_;
  const corrected& want_;
  metadata was_;
  std::string language_;  // that the copy will say
};

class text_writer final : public pugi::xml_writer {
 public:
  std::string text;
  void write(const void* data, std::size_t size) override { text.append(static_cast<const char*>(data), size); }
};

refusal unsafe(std::string_view why) { return {"epub_bad_package", std::string(why)}; }

// Then it is not certain what refines which.
bool has_ambiguous_id(const pugi::xml_node& root, const pugi::xml_node& metadata) {
  std::set<std::string_view> seen, twice;
  for (pugi::xml_node at = root; at; at = next_node(at, root)) {
    if (pugi::xml_attribute id = at.attribute("id"); id && !seen.insert(id.value()).second) twice.insert(id.value());
  }
  return std::any_of(metadata.begin(), metadata.end(),
                     [&](const pugi::xml_node& n) { return n.attribute("id") && twice.contains(n.attribute("id").value()); });
}

// What is certainly the metadata of the package; else what stands in the way.
result<pugi::xml_node, refusal> metadata_of(const pugi::xml_node& root) {
  if (!is_package_element(root, "package")) return unsafe("not a package");
  pugi::xml_node found;
  for (pugi::xml_node n : root.children()) {
    if (n.type() != pugi::node_element || !equal_ascii_case(local_name(n), "metadata")) continue;
    if (found || !is_package_element(n, "metadata")) return unsafe("metadata");
    found = n;
  }
  if (!found || child(found, "dc-metadata") || child(found, "x-metadata")) return unsafe("metadata");
  if (std::distance(found.begin(), found.end()) > most_elements) return unsafe("too much metadata");
  if (has_ambiguous_id(root, found)) return unsafe("an id is there twice");
  return found;
}

void declare_utf8(pugi::xml_document& tree) {
  pugi::xml_node first = tree.first_child();
  pugi::xml_attribute a = first.type() == pugi::node_declaration ? first.attribute("encoding") : pugi::xml_attribute();
  if (a && !equal_ascii_case(a.value(), "utf-8")) a.set_value("utf-8");
}

}  // namespace

result<edited_package, refusal> edit_package(std::string_view bytes, const corrected& want, const limits& limit) {
  std::vector<warning> unheard;
  decoded plain = decode_xml(bytes);
  if (plain.invalid > 0) return unsafe("encoding");
  result<std::string, refusal> text = mended_xml(std::move(plain), unheard);
  if (!text) return text.error();
  pugi::xml_document tree;
  constexpr unsigned everything = pugi::parse_full | pugi::parse_ws_pcdata;
  if (!tree.load_buffer(text->data(), text->size(), everything, pugi::encoding_utf8)) return unsafe("not well-formed");
  if (const char* problem = shape_problem(tree, limit.xml_depth)) return refusal{problem, ""};
  pugi::xml_node root = tree.document_element();
  result<pugi::xml_node, refusal> element = metadata_of(root);
  if (!element) return element.error();

  opf_tree opf(root, *element);
  editor(opf, want, package_metadata(root, unheard)).edit();
  if (!opf.changed()) return edited_package{};
  declare_utf8(tree);
  text_writer out;
  tree.save(out, "", pugi::format_raw | pugi::format_no_declaration, pugi::encoding_utf8);
  if (out.text.size() > limit.package_xml) return refusal{"xml_too_large", ""};
  if (!kepub::is_well_formed(out.text)) return unsafe("not well-formed");
  return edited_package{.text = std::move(out.text), .changed = true};
}

}  // namespace carrel::publication
