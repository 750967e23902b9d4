// MP4: M4B, M4A, and the protected forms of both.

#include <taglib/mp4coverart.h>
#include <taglib/mp4file.h>
#include <taglib/mp4tag.h>

#include <algorithm>

#include "publication/audio/boxes.hpp"
#include "publication/audio/library.hpp"
#include "publication/audio/sound.hpp"

namespace carrel::publication::audio {
namespace {

// A level of boxes is a read, so this is also how deep TagLib can go.
constexpr std::size_t most_reads = 4000;
constexpr std::size_t most_on_top = 200'000;  // a film in fragments has two for every few seconds

std::int64_t milliseconds(std::uint64_t duration, std::uint64_t timescale) {
  constexpr std::uint64_t longest = std::uint64_t{1} << 53;
  return timescale == 0 || duration > longest ? 0 : static_cast<std::int64_t>(duration * 1000 / timescale);
}

// The sound track's own length, then the film's, then that of a film in fragments.
std::int64_t duration_of(int descriptor, const box& moov, const track& sound) {
  if (std::int64_t own = milliseconds(sound.duration, sound.timescale); own > 0) return own;
  movie_clock whole = clock_of_movie(descriptor, moov);
  if (std::int64_t all = milliseconds(whole.duration, whole.timescale); all > 0) return all;
  return milliseconds(whole.fragments, whole.timescale);
}

// "----:com.apple.iTunes:SERIES" is "----:SERIES" in the table, whoever wrote it.
std::string table_name(const std::string& key) {
  constexpr std::string_view own = "----:";
  if (!key.starts_with(own)) return key;
  std::size_t colon = key.find(':', own.size());
  return colon == std::string::npos ? key : std::string(own) + key.substr(colon + 1);
}

std::string pair_text(const TagLib::MP4::Item& item) {
  auto [number, total] = item.toIntPair();
  return total > 0 ? std::to_string(number) + "/" + std::to_string(total) : std::to_string(number);
}

void add_item(const std::string& key, const TagLib::MP4::Item& item, tags& out) {
  if (key == "covr") {
    for (const TagLib::MP4::CoverArt& cover : item.toCoverArtList()) out.add_picture(bytes_of(cover.data()), false);
    return;
  }
  if (key == "trkn" || key == "disk") return out.add(key, pair_text(item));
  if (key == "\xc2\xa9mvi") return out.add(key, std::to_string(item.toInt()));
  for (const TagLib::String& s : item.toStringList()) out.add(table_name(key), utf8(s));
  // Own tags whose writer did not say that they are text.
  for (const TagLib::ByteVector& b : item.toByteVectorList()) out.add(table_name(key), bytes_of(b));
}

void read_tags(int descriptor, const box& moov, tags& out) {
  bounded_stream stream(descriptor, moov.whole, most_reads);
  TagLib::MP4::File file(&stream, false);
  if (stream.refused_a_block()) out.refuse_picture();
  if (!file.isValid() || file.tag() == nullptr) return;
  for (const auto& [key, item] : file.tag()->itemMap()) add_item(utf8(key), item, out);
}

}  // namespace

result<sound, refusal> read_mp4(const source& in, tags& out) {
  bool overlong = false;
  std::vector<box> top = boxes_in(in.descriptor, {0, in.size}, most_on_top, &overlong);
  auto of_type = [&](std::string_view type) {
    return std::find_if(top.begin(), top.end(), [&](const box& b) { return b.type == type; });
  };
  // What claims more than there is behind a whole file is not a part of it.
  if (of_type("moov") == top.end() || (overlong && of_type("mdat") == top.end())) return unreadable();
  const box& moov = *of_type("moov");

  std::vector<track> tracks = tracks_of(in.descriptor, moov);
  auto spoken = std::find_if(tracks.begin(), tracks.end(), [](const track& t) { return t.handler == "soun"; });
  if (spoken == tracks.end()) return unreadable();

  sound found;
  found.duration = duration_of(in.descriptor, moov, *spoken);
  if (spoken->sample_entry == "drms") found.drm = "apple";
  if (spoken->sample_entry == "aavd") found.drm = "audible";
  found.chapters = track_chapters(in.descriptor, *spoken, tracks);
  std::vector<chapter> listed = listed_chapters(in.descriptor, moov);
  if (listed.size() > found.chapters.size()) found.chapters = std::move(listed);
  read_tags(in.descriptor, moov, out);

  if (!in.hash_wanted) return found;
  std::vector<range> payload;
  for (const box& b : top) {
    if (b.type == "mdat") payload.push_back(b.content);
  }
  found.hash = hash_of(in.descriptor, payload);
  return found;
}

}  // namespace carrel::publication::audio
