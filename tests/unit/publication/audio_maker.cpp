#include "audio_maker.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "epub_maker.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::test {
namespace {

std::string seven_bit(std::size_t n) {
  std::string out;
  for (int shift = 21; shift >= 0; shift -= 7) out += static_cast<char>((n >> shift) & 0x7f);
  return out;
}

std::string utf16le(const std::string& ascii) {
  std::string out;
  for (char c : ascii) out += {c, '\0'};
  return out + std::string(2, '\0');
}

}  // namespace

std::string little(std::uint64_t value, std::size_t bytes) {
  std::string out = big(value, bytes);
  std::reverse(out.begin(), out.end());
  return out;
}

std::string id3_frame(const std::string& id, const std::string& body, int version, unsigned flags) {
  if (version == 2) return id + big(body.size(), 3) + body;
  return id + (version == 4 ? seven_bit(body.size()) : big(body.size(), 4)) + big(flags, 2) + body;
}

std::string id3_text(const std::string& id, const std::string& utf8, int version) { return id3_frame(id, "\3" + utf8, version); }
std::string id3_user(const std::string& name, const std::string& utf8) { return id3_frame("TXXX", "\3" + name + '\0' + utf8); }
std::string id3_comment(const std::string& about, const std::string& utf8) {
  return id3_frame("COMM", "\3eng" + about + '\0' + utf8);
}
std::string id3_picture(const std::string& bytes, int type) {
  return id3_frame("APIC", std::string("\3image/png\0", 11) + static_cast<char>(type) + '\0' + bytes);
}
std::string id3_chapter(const std::string& element, std::uint32_t start, const std::string& title) {
  std::string body = element + '\0' + big(start, 4) + big(start + 1, 4) + std::string(8, '\xff');
  return id3_frame("CHAP", body + (title.empty() ? "" : id3_text("TIT2", title)));
}
std::string id3_tag(const std::string& frames, int version, unsigned flags) {
  return "ID3" + std::string{static_cast<char>(version), '\0', static_cast<char>(flags)} + seven_bit(frames.size()) + frames;
}

std::string mp3_frames(std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += "\xff\xf3\x18\xc0" + std::string(32, '\0');
  return out;
}
std::string mp3(const std::string& frames_of_tag, std::size_t frames) { return id3_tag(frames_of_tag) + mp3_frames(frames); }

std::string box(const std::string& type, const std::string& content) { return big(content.size() + 8, 4) + type + content; }

std::string mp4_data(const std::string& type, const std::string& bytes, unsigned kind) {
  return box(type, box("data", big(kind, 4) + big(0, 4) + bytes));
}
std::string mp4_text(const std::string& type, const std::string& utf8) { return mp4_data(type, utf8, 1); }
std::string mp4_own(const std::string& name, const std::string& utf8) {
  return box("----", box("mean", big(0, 4) + "com.apple.iTunes") + box("name", big(0, 4) + name) +
                         box("data", big(1, 4) + big(0, 4) + utf8));
}

std::string nero_list(const std::vector<std::pair<std::uint64_t, std::string>>& all, int version) {
  std::string out =
      big(static_cast<std::uint64_t>(version), 1) + big(0, version == 1 ? 7 : 3) + big(std::min<std::size_t>(all.size(), 255), 1);
  for (const auto& [start, title] : all) out += big(start * 10'000, 8) + big(title.size(), 1) + title;
  return box("chpl", out);
}

namespace {

std::string track(std::uint32_t id, const std::string& handler, std::uint32_t timescale, std::uint32_t duration,
                  const std::string& entry, const std::string& tables, const std::string& references = {}) {
  std::string sample_table = box("stbl", box("stsd", big(0, 4) + big(1, 4) + box(entry, std::string(28, '\0'))) + tables);
  return box("trak", box("tkhd", big(7, 4) + big(0, 8) + big(id, 4) + std::string(68, '\0')) + references +
                         box("mdia", box("mdhd", big(0, 12) + big(timescale, 4) + big(duration, 4) + big(0, 4)) +
                                         box("hdlr", big(0, 8) + handler + std::string(13, '\0')) + box("minf", sample_table)));
}

}  // namespace

std::string m4b::bytes() const {
  std::string start = box("ftyp", brand + big(512, 4)), samples, times, sizes;
  for (const auto& [length, title] : spoken) {
    samples += big(title.size(), 2) + title;
    times += big(1, 4) + big(length, 4);
    sizes += big(title.size() + 2, 4);
  }
  auto film = [&](std::uint64_t place) {
    std::uint64_t n = spoken.size();
    std::string text =
        n == 0 ? ""
               : track(2, handler, 1000, duration, "text",
                       box("stts", big(0, 4) + big(n, 4) + times) +
                           box("stsc", big(0, 4) + big(1, 4) + big(1, 4) + big(n, 4) + big(1, 4)) +
                           box("stsz", big(0, 8) + big(n, 4) + sizes) + box("stco", big(0, 4) + big(1, 4) + big(place, 4)));
    std::string references = n == 0 ? "" : box("tref", box("chap", big(2, 4)));
    std::string meta = box("meta", big(0, 4) + box("hdlr", big(0, 8) + "mdirappl" + std::string(9, '\0')) + box("ilst", items));
    return box("moov", box("mvhd", big(0, 12) + big(whole_timescale, 4) + big(whole_duration, 4) + std::string(80, '\0')) +
                           track(1, "soun", timescale, duration, sample_entry, "", references) + text +
                           box("udta", meta + user_data));
  };
  std::uint64_t place = start.size() + film(0).size() + 8 + sound.size();
  return start + film(place) + box("mdat", sound + samples);
}

std::string vorbis_comment(const comments& all) {
  std::string out = little(4, 4) + "test" + little(all.size(), 4);
  for (const auto& [name, value] : all) out += little(name.size() + 1 + value.size(), 4) + name + "=" + value;
  return out;
}

std::string flac_picture(const std::string& bytes, int type) {
  return big(static_cast<std::uint64_t>(type), 4) + big(9, 4) + "image/png" + big(0, 20) + big(bytes.size(), 4) + bytes;
}
std::string flac_block(int type, const std::string& content, bool last) {
  return big(static_cast<std::uint64_t>(type) | (last ? 0x80u : 0u), 1) + big(content.size(), 3) + content;
}
std::string flac(const comments& all, const std::string& more_blocks, std::uint64_t samples, const std::string& frames) {
  constexpr std::uint64_t rate = 16'000;
  std::string info = big(4096, 2) + big(4096, 2) + big(0, 6) + big(rate << 44 | 15ULL << 36 | samples, 8) + big(0, 16);
  return "fLaC" + flac_block(0, info) + more_blocks + flac_block(4, vorbis_comment(all), true) + frames;
}

std::string ogg_page(int number, std::uint64_t granule, const std::vector<std::string>& packets, std::uint32_t serial) {
  std::string lengths, payload;
  for (const std::string& p : packets) {
    lengths += std::string(p.size() / 255, '\xff') + static_cast<char>(p.size() % 255);
    payload += p;
  }
  REQUIRE(lengths.size() < 256);
  return std::string("OggS\0", 5) + (number == 0 ? '\2' : '\0') + little(granule, 8) + little(serial, 4) +
         little(static_cast<std::uint64_t>(number), 4) + little(0, 4) + static_cast<char>(lengths.size()) + lengths + payload;
}

std::string opus(const comments& all, std::uint64_t granule, const std::string& sound) {
  return ogg_page(0, 0, {"OpusHead\1\1" + little(312, 2) + little(48'000, 4) + little(0, 3)}) +
         ogg_page(1, 0, {"OpusTags" + vorbis_comment(all)}) + ogg_page(2, granule, {sound});
}
std::string vorbis(const comments& all, std::uint64_t granule, const std::string& sound) {
  return ogg_page(0, 0, {"\1vorbis" + little(0, 4) + "\1" + little(44'100, 4) + little(0, 12) + "\x8b\1"}) +
         ogg_page(1, 0, {"\3vorbis" + vorbis_comment(all) + "\1", "\5vorbis" + std::string(20, 'x')}) +
         ogg_page(2, granule, {sound});
}

std::string riff_chunk(const std::string& id, const std::string& content) {
  return id + little(content.size(), 4) + content + (content.size() % 2 == 0 ? "" : std::string(1, '\0'));
}
std::string wav(const std::string& more_chunks, std::size_t seconds) {
  constexpr std::size_t rate = 8000;
  std::string format = little(1, 2) + little(1, 2) + little(rate, 4) + little(rate * 2, 4) + little(2, 2) + little(16, 2);
  std::string rest =
      "WAVE" + riff_chunk("fmt ", format) + riff_chunk("data", std::string(rate * 2 * seconds, '\0')) + more_chunks;
  return "RIFF" + little(rest.size(), 4) + rest;
}

std::string asf(const std::vector<std::pair<std::string, std::string>>& attributes, std::uint64_t milliseconds,
                const std::string& more_objects) {
  auto object = [](const std::string& guid, const std::string& content) {
    return guid + little(content.size() + 24, 8) + content;
  };
  std::string file_guid("\xA1\xDC\xAB\x8C\x47\xA9\xCF\x11\x8E\xE4\x00\xC0\x0C\x20\x53\x65", 16);
  std::string stream_guid("\x91\x07\xDC\xB7\xB7\xA9\xCF\x11\x8E\xE6\x00\xC0\x0C\x20\x53\x65", 16);
  std::string more_guid("\x40\xA4\xD0\xD2\x07\xE3\xD2\x11\x97\xF0\x00\xA0\xC9\x5E\xA8\x50", 16);
  std::string head_guid("\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\x00\xAA\x00\x62\xCE\x6C", 16);
  std::string list = little(attributes.size(), 2);
  for (const auto& [name, value] : attributes)
    list += little(name.size() * 2 + 2, 2) + utf16le(name) + little(0, 2) + little(value.size() * 2 + 2, 2) + utf16le(value);
  std::string objects =
      object(file_guid, std::string(40, '\0') + little(milliseconds * 10'000, 8) + std::string(32, '\0')) +
      object(stream_guid, std::string(54, '\0') + little(1, 2) + little(1, 2) + little(16'000, 4) + std::string(20, '\0')) +
      object(more_guid, list) + more_objects;
  return object(head_guid, little(3 + (more_objects.empty() ? 0u : 1u), 4) + "\1\2" + objects);
}

std::string fact(const opened& o, const std::string& key) {
  auto found = std::find_if(o.about.facts.begin(), o.about.facts.end(), [&](const auto& f) { return f.first == key; });
  return found == o.about.facts.end() ? "" : found->second;
}
std::string identifier(const opened& o, const std::string& scheme) {
  auto found =
      std::find_if(o.about.identifiers.begin(), o.about.identifiers.end(), [&](const auto& i) { return i.first == scheme; });
  return found == o.about.identifiers.end() ? "" : found->second;
}
std::string narrators(const opened& o) {
  std::vector<std::string> out;
  for (const person& p : o.about.contributors) {
    if (p.role == "nrt") out.push_back(p.name);
  }
  return join(out, ", ");
}
std::string chapters(const opened& o) {
  std::vector<std::string> out;
  for (const chapter& c : o.about.chapters) out.push_back(std::to_string(c.start) + "-" + std::to_string(c.end) + " " + c.title);
  return join(out, "; ");
}
opened open_sound(const std::string& bytes, const std::string& name) {
  result<opened, refusal> found = open_bytes(bytes, name);
  if (!found) FAIL("refused: " << name << " " << found.error().code << " " << found.error().detail);
  return *found;
}

}  // namespace carrel::publication::test
