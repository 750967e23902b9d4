#include "publication/fiction_book/contents.hpp"

#include <unordered_set>

#include "publication/content.hpp"
#include "publication/field_limits.hpp"
#include "publication/unicode.hpp"
#include "publication/unicode_tools.hpp"
#include "publication/xml.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::fiction_book {
namespace {

constexpr std::uint64_t text_is_enough = 2000;  // characters; below, the pictures are the book (7.2)
constexpr std::size_t longest_title = 16 << 10;

void add_text(const pugi::xml_node& root, normal_text& out) {
  for (pugi::xml_node at = root.first_child(); at; at = next_node(at, root, is_hidden(at))) {
    if (at.type() != pugi::node_pcdata && at.type() != pugi::node_cdata) continue;
    std::string_view text = at.value();
    if (valid_text(text)) {
      out.add(text);
    } else {
      out.add(replace_invalid_utf8(text));  // a reference may stand for half a character
    }
  }
}

// The pictures in reading order; "" when one of them cannot be read.
std::string hash_of_pictures(const std::vector<std::string>& hrefs, const pictures& all, const limits& limit) {
  digest out(digest_kind::sha256);
  out.update("carrel-images-v1\n");
  std::unordered_set<std::string_view> seen;
  for (const std::string& href : hrefs) {
    if (!seen.insert(id_of(href)).second) continue;
    result<std::string, refusal> bytes = all.read(href, limit.image);
    if (!bytes) return {};
    out.update(sha256_raw(*bytes));
  }
  return out.hex();
}

bool shows_only_the_cover(const std::vector<std::string>& hrefs, const pictures& all, const std::optional<cover_image>& cover,
                          const limits& limit) {
  if (!cover) return false;
  for (const std::string& href : hrefs) {
    if (id_of(href) != id_of(hrefs.front())) return false;
  }
  result<std::string, refusal> bytes = all.read(hrefs.front(), limit.image);
  return bytes && *bytes == cover->bytes;
}

std::string label_of(const pugi::xml_node& title) {
  std::string out;
  for (pugi::xml_node line : title.children()) {
    if (out.size() > longest_title) break;
    out += ' ';
    out += line.type() == pugi::node_element ? text_of(line, longest_title)
                                             : std::string(std::string_view(line.value()).substr(0, longest_title));
  }
  return clean_text(out, longest_toc_label);
}

std::string href_of(const pugi::xml_node& section) {
  std::string id = clean_text(attribute(section, "id"), 1000);
  return id.empty() ? id : "#" + id;
}

// Sections without a title are no level of their own. False when not every section found room.
bool add_sections(const pugi::xml_node& body, std::vector<toc_entry>& out) {
  struct level {
    pugi::xml_node next;
    int depth = 0;
  };
  bool all = true;
  std::vector<level> open{{body.first_child(), 0}};
  while (!open.empty()) {
    pugi::xml_node at = open.back().next;
    if (!at) {
      open.pop_back();
      continue;
    }
    open.back().next = at.next_sibling();
    if (!is_element(at, "section")) continue;
    int depth = open.back().depth;
    if (std::string label = label_of(child(at, "title")); !label.empty()) {
      if (out.size() >= most_toc_entries) return false;
      if (depth >= deepest_toc) {
        all = false;
        continue;
      }
      out.push_back({std::move(label), href_of(at), depth++});
    }
    open.push_back({at.first_child(), depth});
  }
  return all;
}

}  // namespace

contents read_contents(const book_tree& book, const pictures& all, const std::optional<cover_image>& cover, const limits& limit) {
  contents out;
  normal_text text;
  std::vector<std::string> hrefs;
  for (pugi::xml_node body : book.root.children()) {
    if (!is_element(body, "body")) continue;
    for (pugi::xml_node part : body.children()) {
      if (is_element(part, "title") || is_element(part, "section")) add_text(part, text);
    }
    if (text.characters() < text_is_enough) append_pictures(body, hrefs);
  }
  std::string text_hash = text.hash();
  out.pages = text.pages();
  // What was cut among the pictures, which come last, has all of its text.
  bool whole = book.complete || is_element(book.root.last_child(), "binary");
  if (!whole) return out;
  if (text.characters() >= text_is_enough || hrefs.empty()) {
    if (text.characters() > 0) out.hash = text_hash;
    return out;
  }
  // A short text with its cover is still a text: another cover does not make it another book (7.2).
  bool is_text = text.characters() > 0 && shows_only_the_cover(hrefs, all, cover, limit);
  if (is_text) {
    out.hash = text_hash;
  } else if (book.complete) {
    out.hash = hash_of_pictures(hrefs, all, limit);
  }
  return out;
}

std::vector<toc_entry> read_toc(const pugi::xml_node& root, std::vector<warning>& warnings) {
  std::vector<toc_entry> out;
  bool first = true, all = true;
  for (pugi::xml_node body : root.children()) {
    if (!is_element(body, "body")) continue;
    // The first is the book; a further one that has a name holds its notes.
    if (first || attribute(body, "name").empty()) all = add_sections(body, out) && all;
    first = false;
  }
  if (!all) warn(warnings, "metadata_truncated", "table of contents");
  return out;
}

}  // namespace carrel::publication::fiction_book
