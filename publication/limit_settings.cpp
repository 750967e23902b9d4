#include "publication/limit_settings.hpp"

#include <array>

#include "server/core/json.hpp"

namespace carrel::publication {
namespace {

struct one_limit {
  const char* key;
  std::uint64_t limits::*member;
  bool is_size;
};
constexpr std::array<one_limit, 11> of_settings{{{"limit.file_size", &limits::file_size, true},
                                                 {"limit.audio_file_size", &limits::audio_file_size, true},
                                                 {"limit.entries", &limits::entries, false},
                                                 {"limit.unpacked", &limits::unpacked, true},
                                                 {"limit.comic_unpacked", &limits::comic_unpacked, true},
                                                 {"limit.ratio", &limits::ratio, false},
                                                 {"limit.package_xml", &limits::package_xml, true},
                                                 {"limit.content_xml", &limits::content_xml, true},
                                                 {"limit.image", &limits::image, true},
                                                 {"limit.manifest_items", &limits::manifest_items, false},
                                                 {"limit.spine_items", &limits::spine_items, false}}};
constexpr const char* hashed_audio = "hashed_audio";
constexpr std::uint64_t any_size = 1ULL << 60;

}  // namespace

limits limits_from(const config& c) {
  limits out;
  for (const one_limit& l : of_settings)
    out.*l.member = l.is_size ? c.bytes(l.key) : static_cast<std::uint64_t>(c.integer(l.key));
  if (c.on("ingest.hash_large_audio")) out.hashed_audio = any_size;
  return out;
}

std::string limits_json(const limits& l) {
  json::object out{{hashed_audio, l.hashed_audio}};
  for (const one_limit& one : of_settings) out.set(one.key, l.*one.member);
  return json::dump(out);
}

result<limits, refusal> limits_from_json(std::string_view text) {
  result<json::object> in = json::read_object(text);
  limits out;
  auto take = [&](const char* name, std::uint64_t& to) {
    std::int64_t n = 0;
    if (!in->take(name, n) || n < 0) return false;
    to = static_cast<std::uint64_t>(n);
    return true;
  };
  bool good = in && take(hashed_audio, out.hashed_audio);
  for (const one_limit& one : of_settings) good = good && take(one.key, out.*one.member);
  if (!good) return refusal{"inspection_crash", "limits"};
  return out;
}

}  // namespace carrel::publication
