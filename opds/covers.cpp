#include <algorithm>
#include <array>

#include "library/cover_cache.hpp"
#include "opds/files.hpp"
#include "opds/visit.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"
#include "server/http/conditional.hpp"

namespace carrel::opds {
namespace {

constexpr std::array sizes{300, 600, 1600};

struct cover_request {
  uuid book;
  int size = 0;
  std::string version;
};

cover_request cover_from(const http::request& in) {
  cover_request out{.book = id_param(in, "book"), .version = asked(in, "v").value_or("")};
  std::optional<std::int64_t> size = to_integer(in.param("size"));
  if (!size || std::find(sizes.begin(), sizes.end(), *size) == sizes.end())
    throw http::problem{404, "There is no cover of that size."};
  out.size = static_cast<int>(*size);
  return out;
}

// A signature is good in its own window and the following one (opds.md 3.9).
bool signed_well(const shared_state& s, const http::request& in, const cover_request& r, const identity& us) {
  std::optional<std::string> window_text = asked(in, "e"), signature = asked(in, "s");
  std::optional<std::int64_t> window = window_text ? to_integer(*window_text) : std::nullopt;
  if (s.sign_for <= 0 || !window || !signature) return false;
  std::int64_t current = unix_seconds(now()) / s.sign_for;
  if (*window != current && *window != current - 1) return false;
  cover_signing signing{.key = us.cover_key, .window = *window};
  return equal_constant_time(*signature, signing.signature(r.book, r.size, r.version, *window));
}

// Whose eyes look: a device's, or a browser session's (covers are the one thing under the catalog that takes a cookie).
task<uuid> viewer_of(shared_state& s, http::context& c) {
  if (!c.in.header("Authorization")) {
    std::optional<http::principal> person = co_await s.with.credentials.session(c);
    if (person) co_return person->user;
  }
  http::principal device = co_await s.with.credentials.basic(c, "opds");
  co_return device.user;
}

task<std::optional<library::cover_ref>> find_cover(shared_state& s, http::context& c, const cover_request& r) {
  std::shared_ptr<const identity> us = co_await s.who_we_are();
  library::cover_question q{.viewer = std::nullopt, .book = r.book};
  if (!signed_well(s, c.in, r, *us)) q.viewer = co_await viewer_of(s, c);
  std::optional<library::cover_ref> found = co_await s.covers.add(q);
  co_return found;
}

}  // namespace

task<http::response> show_cover(shared_state& s, http::context& c) {
  cover_request wanted = cover_from(c.in);
  std::optional<library::cover_ref> cover = co_await find_cover(s, c, wanted);
  if (!cover) throw http::problem{404, "There is no such cover."};

  http::validators tags{.etag = "\"" + cover->sha256.substr(0, 24) + "-" + std::to_string(wanted.size) + "\"",
                        .modified = std::nullopt};
  http::response r;
  if (http::unchanged(c.in, tags)) {
    r = http::not_modified(tags);
  } else {
    std::optional<std::filesystem::path> path = library::cached_cover(s.with.store, *cover, wanted.size);
    if (!path) path = co_await s.with.cpu.run(s.with.cover, *cover, wanted.size);
    if (!path) throw http::problem{404, "The cover is missing."};
    r = http::file(c.in, *path, "image/jpeg", tags);
  }
  // A link of an older cover still works, but what it shows must not be kept as if it were that one.
  bool same = wanted.version == cover->version();
  r.set("Cache-Control", same ? "private, max-age=31536000, immutable" : "private, no-cache");
  co_return r;
}

}  // namespace carrel::opds
