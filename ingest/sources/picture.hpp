#pragma once
// Covers from other servers (metadata-providers.md 10): the content is trusted and nothing that is said of it, and it is decoded
// only in a process of its own.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/book.hpp"
#include "library/source.hpp"
#include "publication/cover.hpp"
#include "publication/isolated/pool.hpp"
#include "server/core/config.hpp"
#include "server/http/client.hpp"

namespace carrel::ingest::sources {

struct picture_rules {
  std::uint64_t most_bytes = 10 << 20;
  std::int64_t most_pixels = 40'000'000;
  int least_width = 200, least_height = 280;
  std::vector<std::string> own_hosts;     // in the own network, and allowed
  std::vector<std::string> placeholders;  // SHA-256, lower case
};
picture_rules picture_rules_from(const config&);

// Type and size as the first bytes say, without a decoder. Nothing for what is none of JPEG, PNG, WebP and GIF.
std::optional<publication::picture_facts> read_picture_head(std::string_view bytes);

struct got_picture {
  std::string bytes;
  std::string refused;                        // "" when there are bytes: what was wrong, a word for the page
  std::optional<std::chrono::seconds> pause;  // the server wants to be left alone
  bool ended = false;                         // by us
};
// At most three redirects, each looked at anew.
got_picture fetch_picture(http::client&, const library::source&, const std::string& agent, const picture_rules&, std::string url);

struct seen_picture {
  std::optional<publication::isolated::picture> picture;
  std::string note;  // low_resolution, or why there is no picture
};
// `only_one`: the book has no cover at all, and a small one is better than none.
seen_picture look_at_cover(publication::isolated::pool&, const picture_rules&, const std::string& bytes, bool audio,
                           bool only_one);

// The address without what nobody else may have: keys, signatures, tokens.
std::string without_signature(const std::string& url);

}  // namespace carrel::ingest::sources
