// The two forms of chapters in MP4 files (ingest.md 14.3).

#include <algorithm>

#include "publication/audio/boxes.hpp"
#include "publication/audio/tags.hpp"
#include "publication/file_bytes.hpp"
#include "publication/xml.hpp"

namespace carrel::publication::audio {
namespace {

constexpr std::size_t longest_title = 2000;

// The number at `at` of a box's content.
std::uint64_t number_in(int descriptor, const box& b, std::size_t at, std::size_t size) {
  if (b.content.size() < at + size) return 0;
  return big_endian(read_at(descriptor, b.content.begin + at, size), 0, size);
}

// A table with version, flags and the number of its entries in front.
std::string counted_table(int descriptor, const box& b, std::size_t entry_size) {
  return table(descriptor, b, 8, entry_size, number_in(descriptor, b, 4, 4), most_chapters);
}

std::vector<std::uint64_t> sample_sizes(int descriptor, range tables) {
  std::optional<box> b = find_box(descriptor, tables, {"stsz"});
  if (!b) return {};
  std::uint64_t same = number_in(descriptor, *b, 4, 4),
                count = std::min<std::uint64_t>(number_in(descriptor, *b, 8, 4), most_chapters);
  if (same != 0) return std::vector<std::uint64_t>(static_cast<std::size_t>(count), same);
  std::string raw = table(descriptor, *b, 12, 4, count, most_chapters);
  std::vector<std::uint64_t> out;
  for (std::size_t i = 0; i + 4 <= raw.size(); i += 4) out.push_back(big_endian(raw, i, 4));
  return out;
}

std::vector<std::uint64_t> chunk_places(int descriptor, range tables) {
  std::size_t width = 4;
  std::optional<box> b = find_box(descriptor, tables, {"stco"});
  if (!b) {
    width = 8;
    b = find_box(descriptor, tables, {"co64"});
  }
  if (!b) return {};
  std::string raw = counted_table(descriptor, *b, width);
  std::vector<std::uint64_t> out;
  for (std::size_t i = 0; i + width <= raw.size(); i += width) out.push_back(big_endian(raw, i, width));
  return out;
}

// Where each sample begins: chunks hold as many samples as the table of runs says, one behind the other.
std::vector<std::uint64_t> sample_places(int descriptor, range tables, const std::vector<std::uint64_t>& sizes) {
  std::optional<box> b = find_box(descriptor, tables, {"stsc"});
  if (!b) return {};
  constexpr std::size_t run = 12;
  std::string runs = counted_table(descriptor, *b, run);
  std::vector<std::uint64_t> out, chunks = chunk_places(descriptor, tables);
  std::size_t at = 0;
  for (std::size_t chunk = 0; chunk < chunks.size() && out.size() < sizes.size() && !runs.empty(); ++chunk) {
    while (at + 2 * run <= runs.size() && big_endian(runs, at + run, 4) <= chunk + 1) at += run;
    std::uint64_t place = chunks[chunk], held = big_endian(runs, at + 4, 4);
    for (std::uint64_t i = 0; i < held && out.size() < sizes.size(); ++i) {
      out.push_back(place);
      place += sizes[out.size() - 1];
    }
  }
  return out;
}

// When each of `count` samples begins, in units of the track's clock.
std::vector<std::uint64_t> sample_times(int descriptor, range tables, std::size_t count) {
  std::optional<box> b = find_box(descriptor, tables, {"stts"});
  if (!b) return {};
  std::string runs = counted_table(descriptor, *b, 8);
  std::vector<std::uint64_t> out;
  std::uint64_t now = 0;
  for (std::size_t at = 0; at + 8 <= runs.size() && out.size() < count; at += 8) {
    std::uint64_t same = big_endian(runs, at, 4), length = big_endian(runs, at + 4, 4);
    for (std::uint64_t i = 0; i < same && out.size() < count; ++i) {
      out.push_back(now);
      now += length;
    }
  }
  return out;
}

std::string text_sample(int descriptor, std::uint64_t place, std::uint64_t size) {
  std::string b = read_at(descriptor, place, static_cast<std::size_t>(std::min<std::uint64_t>(size, longest_title + 2)));
  if (b.size() < 2) return {};
  std::string text = b.substr(2, static_cast<std::size_t>(big_endian(b, 0, 2))), converted;
  bool little = text.starts_with("\xff\xfe");
  if (!little && !text.starts_with("\xfe\xff")) return text;
  return convert_to_utf8(text.substr(2), little ? "UTF-16LE" : "UTF-16BE", converted) ? converted : std::string();
}

const track* text_track_of(int descriptor, const track& sound, const std::vector<track>& all) {
  std::optional<box> names = find_box(descriptor, sound.where, {"tref", "chap"});
  if (!names) return nullptr;
  constexpr std::size_t most_named = 16;
  std::string ids = table(descriptor, *names, 0, 4, most_named, most_named);
  for (std::size_t i = 0; i + 4 <= ids.size(); i += 4) {
    std::uint64_t id = big_endian(ids, i, 4);
    auto found = std::find_if(all.begin(), all.end(),
                              [&](const track& t) { return t.id == id && (t.handler == "text" || t.handler == "sbtl"); });
    if (found != all.end()) return &*found;
  }
  return nullptr;
}

}  // namespace

std::vector<chapter> track_chapters(int descriptor, const track& sound, const std::vector<track>& all) {
  const track* text = text_track_of(descriptor, sound, all);
  if (text == nullptr || text->timescale == 0) return {};
  std::optional<box> tables = find_box(descriptor, text->where, {"mdia", "minf", "stbl"});
  if (!tables) return {};
  std::vector<std::uint64_t> sizes = sample_sizes(descriptor, tables->content);
  std::vector<std::uint64_t> places = sample_places(descriptor, tables->content, sizes);
  std::vector<std::uint64_t> times = sample_times(descriptor, tables->content, sizes.size());
  std::vector<chapter> out;
  for (std::size_t i = 0; i < std::min(places.size(), times.size()); ++i) {
    auto start = static_cast<std::int64_t>(times[i] * 1000 / text->timescale);
    out.push_back({text_sample(descriptor, places[i], sizes[i]), start, 0});
  }
  return out;
}

std::vector<chapter> listed_chapters(int descriptor, const box& moov) {
  std::optional<box> list = find_box(descriptor, moov.content, {"udta", "chpl"});
  if (!list) return {};
  constexpr std::size_t longest = most_chapters * (8 + 1 + 255) + 9;
  std::string b =
      read_at(descriptor, list->content.begin, static_cast<std::size_t>(std::min<std::uint64_t>(longest, list->content.size())));
  std::size_t at = !b.empty() && b[0] == 1 ? 8 : 4;
  std::uint64_t counted = big_endian(b, at, 1), before = 0;
  std::vector<chapter> out;
  for (++at; at + 9 <= b.size() && out.size() < most_chapters;) {
    std::uint64_t start = big_endian(b, at, 8);
    auto length = static_cast<std::size_t>(big_endian(b, at + 8, 1));
    // The number of entries has one byte only. What stands behind that many is a chapter when it goes on in time.
    if (at + 9 + length > b.size() || (out.size() >= counted && start <= before)) break;
    constexpr std::uint64_t units = 10'000, latest = std::uint64_t{1} << 60;  // units of 100 ns in a millisecond
    out.push_back({b.substr(at + 9, length), static_cast<std::int64_t>(std::min(start, latest) / units), 0});
    before = start;
    at += 9 + length;
  }
  return out;
}

}  // namespace carrel::publication::audio
