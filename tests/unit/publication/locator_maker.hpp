#pragma once
// Books and documents for tests of positions.

#include <catch2/catch.hpp>

#include "epub_maker.hpp"
#include "publication/locator/book.hpp"
#include "zip_maker.hpp"

namespace carrel::publication::test {

constexpr const char* xhtml_open = "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>T</title></head><body>";
constexpr const char* xhtml_close = "</body></html>";

inline std::string xhtml(const std::string& body) { return xhtml_open + body + xhtml_close; }

// Items c1, c2, ... with these documents as ch01.xhtml, ch02.xhtml, ... in OEBPS, in this order in the spine.
inline epub epub_of(const std::vector<std::string>& documents) {
  epub out;
  out.spine.clear();
  for (std::size_t i = 0; i < documents.size(); ++i) {
    std::string n = std::to_string(i + 1), name = "ch0" + n + ".xhtml";
    out.spine += "<itemref id='r" + n + "' idref='c" + n + "'/>";
    if (i == 0) {
      out.chapter = documents[0];
      continue;
    }
    out.manifest += "<item id='c" + n + "' href='" + name + "' media-type='application/xhtml+xml'/>";
    out.more.push_back({.name = "OEBPS/" + name, .data = documents[i]});
  }
  return out;
}

// Opened, with the file that belongs to it.
class located {
 public:
  explicit located(const std::vector<std::string>& documents) : located(epub_of(documents)) {}
  explicit located(const epub& e) : file_(e.bytes()) {
    auto found = locator::book::open(file_.descriptor(), "book.epub");
    if (!found) FAIL("refused: " << found.error().code);
    book_ = std::move(*found);
  }
  locator::book& operator*() { return *book_; }
  locator::book* operator->() { return book_.get(); }

 private:
  scratch file_;
  std::unique_ptr<locator::book> book_;
};

// "document:offset quality", "" for nothing.
inline std::string said(const std::optional<locator::position>& p) {
  if (!p) return {};
  return std::to_string(p->spine_index) + ":" + std::to_string(p->nw_offset) + " " + std::string(to_string(p->how));
}

}  // namespace carrel::publication::test
