#include "publication/mobi/contents.hpp"

#include <algorithm>

#include "publication/content.hpp"
#include "publication/mobi/documents.hpp"
#include "publication/mobi/pictures.hpp"
#include "publication/unicode_tools.hpp"
#include "publication/xml.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::mobi {
namespace {

constexpr std::uint64_t text_is_enough = 2000;          // characters; below, the pictures are the book (7.2)
constexpr std::string_view utf8_mark = "\xef\xbb\xbf";  // whatever else a document says about its bytes

// Numbers of the pictures below `body`, from 1, in document order: recindex of older books, kindle:embed of newer ones.
void append_picture_numbers(const pugi::xml_node& body, std::vector<std::size_t>& out) {
  for (pugi::xml_node at = body.first_child(); at; at = next_node(at, body)) {
    if (at.type() != pugi::node_element || !equal_ascii_case(local_name(at), "img")) continue;
    std::string_view number = trim(at.attribute("recindex").value());
    if (std::optional<std::int64_t> n = to_integer(number); n && *n > 0) out.push_back(static_cast<std::size_t>(*n));
  }
  std::vector<std::string> hrefs;
  append_pictures(body, hrefs);
  for (const std::string& href : hrefs) {
    if (std::optional<std::size_t> n = embedded_number(href)) out.push_back(*n);
  }
}

class reader {
 public:
  reader(const palm_database& db, const told& about, const limits& limit, std::vector<warning>& warnings)
      : db_(db), about_(about), limit_(limit), warnings_(warnings) {}

  void read(const std::string& document) {
    if (document.size() > limit_.content_xml) {
      whole_ = false;
      return;
    }
    content_document doc;
    parse_content(std::string(utf8_mark) + document, doc);
    if (doc.replaced > 0) warn(warnings_, "text_invalid_utf8");
    whole_ = whole_ && doc.complete;
    pugi::xml_node body = doc.body();
    if (!body) return;
    std::string raw;
    append_text(body, raw);
    text_.add(valid_text(raw) ? raw : replace_invalid_utf8(raw));
    if (text_.characters() >= text_is_enough) return;
    std::vector<std::size_t> numbers;
    append_picture_numbers(body, numbers);
    for (std::size_t n : numbers) {
      if (std::find(pictures_.begin(), pictures_.end(), n) == pictures_.end()) pictures_.push_back(n);
    }
  }

  // A book of pictures with some words is told by its pictures; another cover does not make a text another book.
  std::string hash(const std::optional<cover_image>& cover) {
    std::string of_text = text_.hash();
    if (!whole_ || (text_.characters() == 0 && pictures_.empty())) return {};
    if (text_.characters() >= text_is_enough || pictures_.empty()) return of_text;
    bool only_cover = true;
    digest all(digest_kind::sha256);
    all.update("carrel-images-v1\n");
    for (std::size_t n : pictures_) {
      std::string bytes = resource(db_, about_, n);
      if (bytes.empty()) return {};
      only_cover = only_cover && cover && cover->bytes == bytes;
      all.update(sha256_raw(bytes));
    }
    return only_cover && text_.characters() > 0 ? of_text : all.hex();
  }

  int pages() const { return text_.pages(); }

 private:
  const palm_database& db_;
  const told& about_;
  const limits& limit_;
  std::vector<warning>& warnings_;
  normal_text text_;
  std::vector<std::size_t> pictures_;
  bool whole_ = true;
};

}  // namespace

contents read_contents(const palm_database& db, const headers& h, const told& about, const std::optional<cover_image>& cover,
                       const limits& limit, std::vector<warning>& warnings) {
  std::optional<std::vector<std::string>> documents;
  if (!about.markup.empty()) documents = documents_of(db, h, about);
  if (about.text_damaged || (!about.markup.empty() && !documents)) warn(warnings, "archive_entry_damaged", "the text");
  if (!documents) return {};
  reader r(db, about, limit, warnings);
  for (const std::string& document : *documents) r.read(document);
  return {.hash = r.hash(cover), .pages = r.pages(), .documents = documents->size()};
}

}  // namespace carrel::publication::mobi
