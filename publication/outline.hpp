#pragma once
// What an app has to know to read a publication piece by piece instead of downloading it (opds.md 8.2, 10): its documents or
// pages in their order, the rest of its package, its table of contents. Made once from a file and stored with it.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "publication/metadata.hpp"
#include "publication/open.hpp"
#include "server/core/error.hpp"

namespace carrel::publication {

struct outline_item {
  std::string path;           // in the archive, raw bytes of a comic's page as UTF-8
  std::string type;           // of our own list (served_type); "" of a page that cannot be read
  std::uint64_t place = 0;    // of a page among the parts of its archive
  std::uint64_t packed = 0;   // bytes as stored: what positions are counted by (10.4)
  int width = 0, height = 0;  // of a page, in pixels
};

struct outline {
  std::string format;                   // as opened.format; "kepub" is "epub"
  std::vector<outline_item> order;      // documents of an EPUB, pages of a comic in their natural order
  std::vector<outline_item> resources;  // of an EPUB
  std::vector<toc_entry> toc;
  std::string cover;  // path of the resource that the package calls the cover
  int pages = 0;      // of a comic or PDF
  direction reading = direction::unknown;
  bool fixed_layout = false;
};

// Of an EPUB, a comic, or a PDF. Refusals: unsupported_type for others, drm_protected, those of open(). Reads the whole file;
// like open(), to be used in the isolated process only, except in tests.
result<outline, refusal> read_outline(int descriptor, const std::string& file_name, const limits& = {});

// Which media type a resource is sent as: the declared one or that of its name when it is in our own list, else
// application/octet-stream.
std::string served_type(std::string_view declared, std::string_view path);
// By the first bytes of a picture: jpeg, png, gif, webp, avif, jxl, bmp; "" for all else.
std::string picture_type(std::string_view bytes);

// A stored form. The reader trusts nothing of it.
std::string to_json(const outline&);
result<outline, refusal> outline_from_json(std::string_view);
constexpr std::size_t longest_outline = 16U << 20;

}  // namespace carrel::publication
