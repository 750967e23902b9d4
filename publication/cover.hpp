#pragma once
// Pictures (ingest.md 19). libvips stays behind this header.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "publication/metadata.hpp"
#include "server/core/error.hpp"

namespace carrel::publication {

struct picture_facts {
  std::string mime;  // image/jpeg, image/png, image/webp, image/gif
  int width = 0, height = 0;
};

// By magic and header only; refuses what 19.2 refuses (cover_unreadable, cover_too_large).
result<picture_facts, refusal> inspect_picture(std::string_view bytes);

struct box {
  int width, height;
  int quality = 80;
  bool grey = false;
};

// Fits inside the box, never enlarges, JPEG baseline, sRGB, alpha on white, metadata stripped. `damaged` is set for truncated
// input.
result<std::string, refusal> scale_picture(std::string_view bytes, box, bool* damaged = nullptr);

// How far the greys of a picture lie apart once it is 16 x 16 pixels: a page without anything on it has less than 6
// (metadata-providers.md 10.1). Only for pictures that scale_picture made. Nothing when it cannot be told.
std::optional<double> grey_spread(std::string_view scaled);

// The library behind this can be loaded; else every picture is cover_unreadable.
bool can_read_pictures();

// Does the file have its proper end? Says nothing about what is before it.
bool looks_complete(std::string_view bytes);

// A picture that a book has for its cover, when it can be shown; a refusal when not: cover_unreadable, cover_too_large,
// cover_damaged. One without its proper end is decoded first and warned of (cover_damaged).
result<cover_image, refusal> usable_cover(std::string bytes, std::vector<warning>&);

// The same, with a warning when it cannot be used though the book declares it; a picture that only looks like a cover is passed
// over in silence. `entry` is its name in the archive.
std::optional<cover_image> usable_cover(std::string bytes, const std::string& entry, bool declared, std::vector<warning>&);

}  // namespace carrel::publication
