#pragma once
// Small MOBI 6, AZW3 and hybrid books for tests, and PalmDOC texts.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "binary.hpp"

namespace carrel::publication::test {

struct frame {
  std::string text;
  std::vector<std::pair<std::size_t, std::string>> pieces;  // where each belongs, counted in the frame as it then is
};

struct chapter_mark {
  std::string title;
  std::uint32_t depth = 0, first_child = 0, last_child = 0;  // no children when the last is 0
};

struct mobi_book {
  std::vector<std::pair<std::uint32_t, std::string>> exth{{100, "Ada Lark"}, {524, "en"}};
  std::string full_name = "Plain";
  std::string markup = "<html><head><guide></guide></head><body><p>One. Two.</p></body></html>";
  std::vector<frame> frames;  // instead of the markup: makes it an AZW3
  std::string behind_frames;  // style sheets
  std::vector<std::string> pictures;
  std::vector<chapter_mark> chapters;
  std::uint32_t encoding = 65001, locale = 9, version = 6;
  int compression = 1;  // none, 2 PalmDOC, 17480 HUFF/CDIC
  int encryption = 0;
  bool dictionary = false;
  std::size_t record_size = 4096;
  std::uint32_t header_length = 0;  // 0: what belongs to the version
  std::size_t first_picture = 0;    // of the book's records, set by records()

  std::vector<std::string> records(std::size_t pictures_elsewhere = 0);
  std::string bytes();
};

mobi_book kf8_book();  // two documents, one of them in pieces

std::string make_hybrid(mobi_book older, mobi_book newer);  // the pictures are those of the older one
std::string make_palm(const std::vector<std::string>& records, const std::string& type = "BOOKMOBI");
std::string make_palmdoc(const std::string& text, int compression = 1);  // without MOBI's header

std::string palmdoc_packed(const std::string&);

}  // namespace carrel::publication::test
