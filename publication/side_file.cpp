#include "publication/side_file.hpp"

#include <algorithm>

#include "publication/field_limits.hpp"
#include "publication/opf_edit.hpp"
#include "publication/sanitise.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

std::string escaped(std::string_view s) {
  std::string out;
  append_xml_text(out, s);
  return out;
}

void clean(std::string& s, std::size_t most) { s = clean_text(s, most); }

void clean(std::vector<person>& people) {
  for (person& p : people) {
    clean(p.name, title_limit);
    clean(p.sort, title_limit);
    clean(p.role, 3);
  }
  std::erase_if(people, [](const person& p) { return p.name.empty(); });
}

// XML has no form for some characters; a reader would drop them, too.
corrected clean(corrected c) {
  for (std::string* s : {&c.title, &c.subtitle, &c.title_sort, &c.series, &c.publisher, &c.published_on}) clean(*s, title_limit);
  clean(c.authors);
  clean(c.contributors);
  for (std::vector<std::string>* list : {&c.languages, &c.subjects}) {
    for (std::string& s : *list) clean(s, subject_limit);
    std::erase(*list, std::string());
  }
  for (auto& [scheme, value] : c.identifiers) {
    clean(scheme, subject_limit);
    clean(value, title_limit);
  }
  c.description = sanitise(c.description, description_limit).html;
  return c;
}

// OPF 2 has no form for a subtitle, and readers of it pass by what EPUB 3 says.
std::string titles(const corrected& c) {
  std::string out = "    <dc:title id=\"title\">" + escaped(c.title) + "</dc:title>\n";
  if (c.subtitle.empty()) return out;
  out += "    <dc:title id=\"subtitle\">" + escaped(c.subtitle) + "</dc:title>\n";
  out += "    <meta refines=\"#title\" property=\"title-type\">main</meta>\n";
  return out + "    <meta refines=\"#subtitle\" property=\"title-type\">subtitle</meta>\n";
}

std::string without_rest(const corrected& c, const std::string& id, const std::string& cover) {
  std::string out =
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
      "<package xmlns=\"http://www.idpf.org/2007/opf\" version=\"2.0\" unique-identifier=\"carrel\">\n"
      "  <metadata xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:opf=\"http://www.idpf.org/2007/opf\">\n";
  out += "    <dc:identifier id=\"carrel\">carrel-" + escaped(id) + "</dc:identifier>\n";
  if (!c.title.empty()) out += titles(c);
  out += "  </metadata>\n";
  if (!cover.empty()) {
    std::string reference = "<reference type=\"cover\" title=\"Cover\" href=\"" + percent_encode(cover) + "\"/>";
    out += "  <guide>\n    " + reference + "\n  </guide>\n";
  }
  return out + "</package>\n";
}

}  // namespace

corrected only_fields(corrected c, const std::vector<std::string>& fields) {
  auto chosen = [&](std::string_view name) { return std::find(fields.begin(), fields.end(), name) != fields.end(); };
  if (!chosen("title")) c.title = c.subtitle = c.title_sort = {};
  if (!chosen("authors")) c.authors = c.contributors = {};
  if (!chosen("series")) c.series = {}, c.series_index = {};
  if (!chosen("description")) c.description = {};
  if (!chosen("language")) c.languages = {};
  if (!chosen("identifiers")) c.identifiers = {};
  if (!chosen("tags")) c.subjects = {};
  if (!chosen("publisher")) c.publisher = {};
  if (!chosen("date")) c.published_on = {};
  std::erase_if(c.cleared, [&](const std::string& name) {
    std::string_view belongs_to = name == "subtitle"       ? "title"
                                  : name == "contributors" ? "authors"
                                  : name == "genres"       ? "tags"
                                  : name == "published"    ? "date"
                                                           : std::string_view(name);
    return !chosen(belongs_to);
  });
  return c;
}

result<std::string, refusal> metadata_opf(const corrected& said, const std::string& id, const std::string& cover) {
  corrected c = clean(said);
  std::string plain = without_rest(c, clean_text(id, 100), clean_text(cover, 255));
  result<edited_package, refusal> out = edit_package(plain, c);
  if (!out) return out.error();
  return out->changed ? std::move(out->text) : plain;
}

}  // namespace carrel::publication
