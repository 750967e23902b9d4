#include "publication/audio/boxes.hpp"

#include <algorithm>

#include "publication/file_bytes.hpp"

namespace carrel::publication::audio {
namespace {

constexpr std::size_t most_tracks = 64;

struct clock {
  std::uint64_t timescale = 0, duration = 0;
};

// Of mvhd and mdhd, which begin alike. All bits set says that nobody knows.
clock clock_of(int descriptor, const box& header) {
  std::string b =
      read_at(descriptor, header.content.begin, static_cast<std::size_t>(std::min<std::uint64_t>(32, header.content.size())));
  bool wide = !b.empty() && b[0] == 1;
  if (b.size() < (wide ? 32u : 20u)) return {};
  clock out{big_endian(b, wide ? 20 : 12, 4), big_endian(b, wide ? 24 : 16, wide ? 8 : 4)};
  if (out.duration == (wide ? ~std::uint64_t{0} : std::uint64_t{0xffffffff})) out.duration = 0;
  return out;
}

std::uint64_t track_id(int descriptor, range trak) {
  std::optional<box> header = find_box(descriptor, trak, {"tkhd"});
  if (!header) return 0;
  std::string b =
      read_at(descriptor, header->content.begin, static_cast<std::size_t>(std::min<std::uint64_t>(24, header->content.size())));
  return big_endian(b, !b.empty() && b[0] == 1 ? 20 : 12, 4);
}

std::string four_at(int descriptor, const std::optional<box>& b, std::uint64_t at) {
  if (!b || b->content.size() < at + 4) return {};
  return read_at(descriptor, b->content.begin + at, 4);
}

}  // namespace

std::vector<box> boxes_in(int descriptor, range where, std::size_t most, bool* overlong) {
  std::vector<box> out;
  while (out.size() < most && where.size() >= 8) {
    std::string head = read_at(descriptor, where.begin, static_cast<std::size_t>(std::min<std::uint64_t>(16, where.size())));
    if (head.size() < 8) break;
    std::uint64_t size = big_endian(head, 0, 4), begins = 8;
    if (size == 1) {
      if (head.size() < 16) break;
      size = big_endian(head, 8, 8);
      begins = 16;
    } else if (size == 0) {
      size = where.size();
    }
    if (size < begins) break;
    if (size > where.size()) {
      if (overlong != nullptr) *overlong = true;
      break;
    }
    range whole{where.begin, where.begin + size};
    out.push_back({head.substr(4, 4), whole, {whole.begin + begins, whole.end}});
    where.begin = whole.end;
  }
  return out;
}

std::optional<box> find_box(int descriptor, range where, std::initializer_list<std::string_view> path) {
  std::optional<box> found;
  for (std::string_view type : path) {
    std::vector<box> all = boxes_in(descriptor, where);
    auto next = std::find_if(all.begin(), all.end(), [&](const box& b) { return b.type == type; });
    if (next == all.end()) return std::nullopt;
    found = std::move(*next);
    where = found->content;
  }
  return found;
}

std::string table(int descriptor, const box& b, std::size_t skipped, std::size_t entry_size, std::uint64_t count,
                  std::size_t most) {
  if (b.content.size() <= skipped) return {};
  std::uint64_t entries = std::min({(b.content.size() - skipped) / entry_size, count, std::uint64_t{most}});
  return read_at(descriptor, b.content.begin + skipped, static_cast<std::size_t>(entries * entry_size));
}

std::vector<track> tracks_of(int descriptor, const box& moov) {
  std::vector<track> out;
  for (const box& b : boxes_in(descriptor, moov.content)) {
    if (b.type != "trak") continue;
    if (out.size() >= most_tracks) break;
    track t{.where = b.content, .id = track_id(descriptor, b.content), .handler = {}, .sample_entry = {}};
    if (std::optional<box> media = find_box(descriptor, b.content, {"mdia"})) {
      if (std::optional<box> header = find_box(descriptor, media->content, {"mdhd"})) {
        clock c = clock_of(descriptor, *header);
        t.timescale = c.timescale;
        t.duration = c.duration;
      }
      t.handler = four_at(descriptor, find_box(descriptor, media->content, {"hdlr"}), 8);
      // Behind the table's own header comes the first entry, a box: its size, then its type.
      t.sample_entry = four_at(descriptor, find_box(descriptor, media->content, {"minf", "stbl", "stsd"}), 12);
    }
    out.push_back(std::move(t));
  }
  return out;
}

movie_clock clock_of_movie(int descriptor, const box& moov) {
  movie_clock out;
  if (std::optional<box> header = find_box(descriptor, moov.content, {"mvhd"})) {
    clock c = clock_of(descriptor, *header);
    out.timescale = c.timescale;
    out.duration = c.duration;
  }
  if (std::optional<box> extends = find_box(descriptor, moov.content, {"mvex", "mehd"})) {
    std::string b = read_at(descriptor, extends->content.begin,
                            static_cast<std::size_t>(std::min<std::uint64_t>(12, extends->content.size())));
    out.fragments = big_endian(b, 4, !b.empty() && b[0] == 1 ? 8 : 4);
  }
  return out;
}

}  // namespace carrel::publication::audio
