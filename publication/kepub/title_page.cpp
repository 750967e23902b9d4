#include "publication/kepub/title_page.hpp"

#include "publication/content.hpp"
#include "publication/unicode_tools.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::kepub {
namespace {

constexpr int most_paragraphs = 4, most_long_words = 20, most_pictures = 4, fewest_words = 5;
constexpr std::size_t long_word = 4;  // bytes

struct word_counts {
  int all = 0, long_ones = 0;
};

word_counts words_in(std::string_view text) {
  word_counts out;
  std::size_t from = 0, i = 0;
  auto end_word = [&](std::size_t to) {
    if (to > from) ++out.all;
    if (to >= from + long_word) ++out.long_ones;
  };
  while (i < text.size()) {
    std::size_t at = i;
    if (!is_white_space(next_code_point(text, i))) continue;
    end_word(at);
    from = i;
  }
  end_word(text.size());
  return out;
}

}  // namespace

const manifest_item* first_shown(const epub_package& package) {
  for (pugi::xml_node ref : child(package.root, "spine").children()) {
    if (!equal_ascii_case(local_name(ref), "itemref")) continue;
    const manifest_item* item = package.item(attribute(ref, "idref"));
    if (item == nullptr || item->entry == nullptr) continue;
    if (has_token(item->properties, "nav")) return nullptr;
    if (attribute(ref, "linear") != "no") return item;
  }
  return nullptr;
}

bool looks_like_text(const manifest_item& item, std::string_view bytes) {
  if (item.media_type != "application/xhtml+xml") return false;
  std::string name = lower_ascii(item.href.substr(item.href.rfind('/') + 1));
  if (name.find("cover") != name.npos || name.find("title") != name.npos) return false;
  content_document doc;
  parse_content(bytes, doc);
  pugi::xml_node body = doc.body();
  if (!body) return false;
  int paragraphs = 0, pictures = 0;
  for (pugi::xml_node at = body.first_child(); at; at = next_node(at, body)) {
    if (equal_ascii_case(local_name(at), "p")) ++paragraphs;
    if (equal_ascii_case(local_name(at), "img") || equal_ascii_case(local_name(at), "image")) ++pictures;
  }
  std::string text;
  append_text(body, text);
  word_counts words = words_in(text);
  return paragraphs > most_paragraphs || words.long_ones > most_long_words || pictures > most_pictures ||
         (pictures == 0 && words.all < fewest_words);
}

std::string title_page(std::string_view book_title) {
  std::string title;
  append_xml_text(title, book_title.empty() ? "Title" : book_title);
  return "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<html xmlns=\"http://www.w3.org/1999/xhtml\"><head><title>" + title +
         "</title></head><body><div></div></body></html>\n";
}

}  // namespace carrel::publication::kepub
