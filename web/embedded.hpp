#pragma once
// Files that the build puts into the binary (embed.cmake).

#include <string_view>
#include <vector>

namespace carrel::web {

struct embedded {
  std::string_view name, hash, text;
};

const std::vector<embedded>& template_texts();
const std::vector<embedded>& message_texts();
const std::vector<embedded>& api_texts();
const std::vector<embedded>& asset_texts();

}  // namespace carrel::web
