#pragma once
// The media type of a picture that Carrel made or stored: by our own names, never by what an upload said.

#include <filesystem>
#include <string_view>

#include "server/core/text.hpp"

namespace carrel::web {

inline std::string_view picture_type(const std::filesystem::path& p) {
  std::string extension = lower_ascii(p.extension().string());
  if (extension == ".png") return "image/png";
  if (extension == ".webp") return "image/webp";
  if (extension == ".gif") return "image/gif";
  return "image/jpeg";
}

}  // namespace carrel::web
