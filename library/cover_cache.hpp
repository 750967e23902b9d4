#pragma once
// Renditions of covers in the cache directory (ingest.md 19.4): can be deleted at any time and are cut again when asked for.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "library/book.hpp"
#include "library/store.hpp"

namespace carrel::library {

// The file to send for a cover whose longest edge is at most this; 0 is the master as it came. Cuts what is missing in the
// caller's thread, each only once at a time. Nothing when the master is gone or cannot be decoded. Renditions are JPEG.
std::optional<std::filesystem::path> cover_cache(const store&, const cover_ref&, int longest_edge);

// The same without any work: only what is there already.
std::optional<std::filesystem::path> cached_cover(const store&, const cover_ref&, int longest_edge);

// The longest edge of a cover of that shape inside a box, never enlarged (ingest.md 19.3).
int edge_in_box(int width, int height, double box_width, double box_height);

bool is_cached(const store&, const std::string& cover_sha256, int longest_edge);

// What the ingest has cut already. Failing to write it is no failure: the next request cuts it.
void store_thumbnail(const store&, const std::string& cover_sha256, int longest_edge, std::string_view jpeg);

// Removes the oldest renditions until no more than this many bytes are left. How many files went.
int trim_cover_cache(const store&, std::uint64_t most_bytes);
std::uint64_t cover_cache_bytes(const store&);

}  // namespace carrel::library
