#include "publication/audio/mpeg.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "publication/audio/id3.hpp"
#include "publication/audio/sound.hpp"
#include "publication/file_bytes.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::audio {
namespace {

constexpr std::uint64_t farthest_first = 1 << 20;     // where the first frame is looked for
constexpr std::uint64_t most_between = 256ULL << 20;  // bytes that are no frames, before nobody looks on
constexpr std::size_t shortest_frame = 24;

struct mpeg_frame {
  std::uint64_t size = 0, samples = 0, rate = 0;
  bool first_version = false, mono = false;
};

// Layer III only (ingest.md 8.1 takes nothing else for MP3).
std::optional<mpeg_frame> parse_frame(std::string_view b) {
  static constexpr std::array<std::uint64_t, 15> first{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320};
  static constexpr std::array<std::uint64_t, 15> second{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160};
  static constexpr std::array<std::uint64_t, 3> rates{44100, 48000, 32000};
  if (b.size() < 4) return std::nullopt;
  std::uint64_t h = big_endian(b, 0, 4);
  std::uint64_t version = h >> 19 & 3, layer = h >> 17 & 3, bits = h >> 12 & 15, rate = h >> 10 & 3;
  constexpr std::uint64_t reserved_version = 1, layer_three = 1;
  if (h >> 21 != 0x7ff || version == reserved_version || layer != layer_three || bits == 0 || bits == 15 || rate == 3) {
    return std::nullopt;
  }
  mpeg_frame out{.size = 0, .samples = 576, .rate = rates[rate], .first_version = version == 3, .mono = (h >> 6 & 3) == 3};
  if (out.first_version) out.samples = 1152;
  if (version == 2) out.rate /= 2;
  if (version == 0) out.rate /= 4;
  std::uint64_t kilobits = out.first_version ? first[bits] : second[bits];
  out.size = out.samples / 8 * kilobits * 1000 / out.rate + (h >> 9 & 1);
  return out;
}

// Frames of one stream have these bits in common: version, layer and sampling rate.
std::uint64_t kind_of(std::string_view b) { return big_endian(b, 0, 4) & 0xfffe0c00; }

// The first frame that another one follows, or the end.
std::optional<std::uint64_t> find_first(window& file, range where) {
  std::uint64_t last = std::min(where.end, where.begin + farthest_first);
  for (std::uint64_t at = where.begin; at < last; ++at) {
    std::optional<mpeg_frame> f = parse_frame(file.at(at, 4));
    if (!f || at + f->size > where.end) continue;
    std::uint64_t kind = kind_of(file.at(at, 4));
    if (at + f->size == where.end || (parse_frame(file.at(at + f->size, 4)) && kind_of(file.at(at + f->size, 4)) == kind))
      return at;
  }
  return std::nullopt;
}

// Xing and its twin Info, or VBRI: the number of samples, without those that the encoder put in front and behind.
std::optional<std::uint64_t> told_samples(std::string_view frame, const mpeg_frame& f, std::uint64_t sound) {
  std::size_t side = f.first_version ? (f.mono ? 17 : 32) : (f.mono ? 9 : 17);
  std::string_view xing = frame.substr(std::min(frame.size(), 4 + side));
  std::string_view vbri = frame.substr(std::min<std::size_t>(frame.size(), 4 + 32));
  std::uint64_t frames = 0, cut = 0;
  if (xing.starts_with("Xing") || xing.starts_with("Info")) {
    std::uint64_t flags = big_endian(xing, 4, 4);
    if ((flags & 1) == 0) return std::nullopt;
    frames = big_endian(xing, 8, 4);
    std::size_t encoder = 8 + ((flags & 1) != 0 ? 4u : 0u) + ((flags & 2) != 0 ? 4u : 0u) + ((flags & 4) != 0 ? 100u : 0u) +
                          ((flags & 8) != 0 ? 4u : 0u);
    std::string_view name = xing.substr(std::min(xing.size(), encoder));
    if (name.starts_with("LAME") || name.starts_with("Lav")) {
      std::uint64_t both = big_endian(name, 21, 3);
      cut = (both >> 12) + (both & 0xfff);
    }
  } else if (vbri.starts_with("VBRI")) {
    frames = big_endian(vbri, 14, 4);
  }
  // A header that promises more frames than there is room for is not believed.
  if (frames == 0 || frames > sound / shortest_frame + 1) return std::nullopt;
  return frames * f.samples - std::min(cut, frames * f.samples);
}

std::uint64_t count_frames(window& file, std::uint64_t at, std::uint64_t end) {
  std::uint64_t frames = 0, between = 0, kind = kind_of(file.at(at, 4));
  while (at + 4 <= end && between < most_between) {
    std::string_view head = file.at(at, 4);
    if (head.size() < 4) break;
    std::optional<mpeg_frame> f = kind_of(head) == kind ? parse_frame(head) : std::nullopt;
    if (f && at + f->size <= end) ++frames;
    if (!f) ++between;
    at += f ? f->size : 1;
  }
  return frames;
}

std::uint64_t without_ape(int descriptor, range where) {
  constexpr std::uint64_t size = 32;
  if (where.size() < size) return where.end;
  std::string footer = read_at(descriptor, where.end - size, size);
  if (!footer.starts_with("APETAGEX")) return where.end;
  bool has_header = (little_endian(footer, 20, 4) & 0x80000000) != 0;
  std::uint64_t all = little_endian(footer, 12, 4) + (has_header ? size : 0);
  return all >= size && all <= where.size() ? where.end - all : where.end;
}

std::uint64_t without_lyrics(int descriptor, range where) {
  constexpr std::uint64_t mark = 9, length = 6, longest_old = 5100;
  if (where.size() < mark + length) return where.end;
  std::string foot = read_at(descriptor, where.end - mark - length, mark + length);
  if (foot.ends_with("LYRICS200")) {
    std::optional<std::int64_t> size = to_integer(std::string_view(foot).substr(0, length));
    if (!size || *size < 0 || static_cast<std::uint64_t>(*size) + mark + length > where.size()) return where.end;
    return where.end - mark - length - static_cast<std::uint64_t>(*size);
  }
  if (!foot.ends_with("LYRICSEND")) return where.end;
  std::uint64_t from = where.end - std::min<std::uint64_t>(longest_old + mark + 11, where.size());
  std::size_t begin = read_at(descriptor, from, static_cast<std::size_t>(where.end - from)).rfind("LYRICSBEGIN");
  return begin == std::string::npos ? where.end : from + begin;
}

std::uint64_t without_id3v1(int descriptor, range where) {
  constexpr std::uint64_t size = 128;
  return where.size() >= size && read_at(descriptor, where.end - size, 3) == "TAG" ? where.end - size : where.end;
}

}  // namespace

std::uint64_t end_of_sound(int descriptor, range where) {
  constexpr int most_tags = 8;
  for (int i = 0; i < most_tags; ++i) {
    std::uint64_t before = where.end;
    for (auto without : {without_id3v1, without_ape, without_lyrics}) where.end = without(descriptor, where);
    if (where.end == before) break;
  }
  return where.end;
}

std::int64_t mpeg_duration(int descriptor, range where) {
  window file(descriptor, where.end);
  std::optional<std::uint64_t> first = find_first(file, where);
  if (!first) return 0;
  std::optional<mpeg_frame> f = parse_frame(file.at(*first, 4));
  if (!f) return 0;
  std::string head(file.at(*first, static_cast<std::size_t>(f->size)));
  std::optional<std::uint64_t> samples = told_samples(head, *f, where.end - *first);
  if (!samples) samples = count_frames(file, *first, where.end) * f->samples;
  return static_cast<std::int64_t>((*samples * 1000 + f->rate / 2) / f->rate);
}

result<sound, refusal> read_mpeg(const source& in, tags& out) {
  range where{0, in.size};
  sound found;
  // Some programs put a second tag behind the first instead of changing it. The first one counts.
  constexpr int most_tags = 16;
  for (int i = 0; i < most_tags; ++i) {
    std::uint64_t end = end_of_id3(in.descriptor, where.begin);
    if (end == where.begin) break;
    if (end > in.size) return unreadable();
    if (i == 0) read_id3(in.descriptor, {where.begin, end}, out, found.chapters);
    where.begin = end;
  }
  where.end = end_of_sound(in.descriptor, where);
  found.duration = mpeg_duration(in.descriptor, where);
  if (in.hash_wanted && found.duration > 0) found.hash = hash_of(in.descriptor, {where});
  return found;
}

}  // namespace carrel::publication::audio
