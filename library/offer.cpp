#include "library/offer.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace carrel::library {
namespace {

constexpr std::array<std::string_view, 16> koreader_reads{"epub", "kepub", "fb2", "fbz", "azw3", "mobi", "azw",  "pdf",
                                                          "djvu", "cbz",   "cbr", "cbt", "txt",  "rtf",  "docx", "htmlz"};
constexpr std::array<std::string_view, 5> others_read{"cb7", "m4b", "m4a", "mp3", "audiobook"};

}  // namespace

taker last_taker(const std::string& format, bool is_kepub) {
  auto among = [&](const auto& all) { return std::find(all.begin(), all.end(), format) != all.end(); };
  if (is_kepub || among(koreader_reads)) return taker::koreader;
  return among(others_read) ? taker::app : taker::page;
}

}  // namespace carrel::library
