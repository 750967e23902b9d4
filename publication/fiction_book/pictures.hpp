#pragma once
// The pictures of a FictionBook: elements binary, base64 (ingest.md 13). For the files of this folder only.

#include <cstdint>
#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "publication/open.hpp"

namespace carrel::publication::fiction_book {

std::string_view id_of(std::string_view href);  // without blanks around it and without the '#'

class pictures {
 public:
  explicit pictures(const pugi::xml_node& root);

  std::uint64_t size() const { return size_; }  // of all, unpacked, at most

  // "#id", as images name them. Refusals: cover_missing, cover_too_large above `most` bytes, cover_unreadable.
  result<std::string, refusal> read(std::string_view href, std::uint64_t most) const;

 private:
  std::unordered_map<std::string_view, pugi::xml_node> by_id_;  // the first of an id
  std::uint64_t size_ = 0;
};

std::optional<cover_image> find_cover(const pugi::xml_node& root, const pictures&, const limits&, std::vector<warning>&);

}  // namespace carrel::publication::fiction_book
