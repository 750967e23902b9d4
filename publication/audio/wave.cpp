// RIFF WAVE. TagLib reads it, too, but takes its ID3 chunk the way that id3.hpp tells of.

#include <algorithm>
#include <array>

#include "publication/audio/id3.hpp"
#include "publication/audio/sound.hpp"
#include "publication/file_bytes.hpp"

namespace carrel::publication::audio {
namespace {

constexpr std::size_t most_chunks = 4096;

struct chunk {
  std::string id;
  range content;
};

std::vector<chunk> chunks_in(int descriptor, range where) {
  std::vector<chunk> out;
  while (out.size() < most_chunks && where.size() >= 8) {
    std::string head = read_at(descriptor, where.begin, 8);
    if (head.size() < 8) break;
    std::uint64_t begin = where.begin + 8, size = little_endian(head, 4, 4);
    // A recorder that was cut off left the size that it had begun with.
    std::uint64_t end = std::min(begin + size, where.end);
    out.push_back({head.substr(0, 4), {begin, end}});
    where.begin = end + (size & 1);
  }
  return out;
}

// The names of LIST INFO by those that 14.2 knows.
void add_info(int descriptor, range list, tags& out) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 7> known{{{"INAM", "TITLE"},
                                                                                       {"IPRD", "ALBUM"},
                                                                                       {"IART", "ARTIST"},
                                                                                       {"ICRD", "DATE"},
                                                                                       {"IGNR", "GENRE"},
                                                                                       {"ICMT", "COMMENT"},
                                                                                       {"IPRT", "TRACKNUMBER"}}};
  for (const chunk& c : chunks_in(descriptor, list)) {
    auto found = std::find_if(known.begin(), known.end(), [&](const auto& k) { return k.first == c.id; });
    if (found == known.end() || c.content.size() > longest_text) continue;
    std::string text = read_at(descriptor, c.content.begin, static_cast<std::size_t>(c.content.size()));
    out.add(found->second, text.substr(0, text.find('\0')));
  }
}

struct wave_format {
  std::uint64_t kind = 0, rate = 0, frame = 0;  // bytes of one sample of all channels
};

wave_format format_of(int descriptor, range content) {
  constexpr std::uint64_t extended = 0xfffe, longest = 40;
  std::string b = read_at(descriptor, content.begin, static_cast<std::size_t>(std::min(content.size(), longest)));
  wave_format out{little_endian(b, 0, 2), little_endian(b, 4, 4), little_endian(b, 12, 2)};
  if (out.kind == extended) out.kind = little_endian(b, 24, 2);
  return out;
}

}  // namespace

result<sound, refusal> read_wave(const source& in, tags& out) {
  sound found;
  wave_format format;
  std::uint64_t bytes = 0, told = 0;
  constexpr std::uint64_t behind_type = 12;
  for (const chunk& c : chunks_in(in.descriptor, {behind_type, in.size})) {
    if (c.id == "fmt " && format.rate == 0) format = format_of(in.descriptor, c.content);
    if (c.id == "data" && bytes == 0) bytes = c.content.size();
    if (c.id == "fact" && told == 0) told = little_endian(read_at(in.descriptor, c.content.begin, 4), 0, 4);
    if (c.id == "id3 " || c.id == "ID3 ") read_id3(in.descriptor, c.content, out, found.chapters);
    if (c.id == "LIST" && read_at(in.descriptor, c.content.begin, 4) == "INFO")
      add_info(in.descriptor, {c.content.begin + 4, c.content.end}, out);
  }
  constexpr std::uint64_t pcm = 1, floating = 3;
  bool even = format.kind == pcm || format.kind == floating;  // each sample takes the same room
  std::uint64_t samples = !even ? told : format.frame == 0 ? 0 : bytes / format.frame;
  if (format.rate == 0 || bytes == 0) return unreadable();
  found.duration = static_cast<std::int64_t>((samples * 1000 + format.rate / 2) / format.rate);
  return found;
}

}  // namespace carrel::publication::audio
