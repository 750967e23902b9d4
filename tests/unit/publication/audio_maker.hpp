#pragma once
// Small sound files for tests, made by hand. All are silent.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "binary.hpp"
#include "publication/open.hpp"

namespace carrel::publication::test {

std::string little(std::uint64_t value, std::size_t bytes);

// ID3v2 frames and tags. Sizes are as the version has them.
std::string id3_frame(const std::string& id, const std::string& body, int version = 4, unsigned flags = 0);
std::string id3_text(const std::string& id, const std::string& utf8, int version = 4);
std::string id3_user(const std::string& name, const std::string& utf8);
std::string id3_comment(const std::string& about, const std::string& utf8);
std::string id3_picture(const std::string& bytes, int type = 3);
std::string id3_chapter(const std::string& element, std::uint32_t start, const std::string& title);
std::string id3_tag(const std::string& frames, int version = 4, unsigned flags = 0);
// Layer III of MPEG 2, 16 kHz, 36 bytes and 36 ms each.
std::string mp3_frames(std::size_t count);
std::string mp3(const std::string& frames_of_tag, std::size_t frames = 100);

std::string box(const std::string& type, const std::string& content);
std::string mp4_text(const std::string& type, const std::string& utf8);  // of ilst
std::string mp4_own(const std::string& name, const std::string& utf8);   // "----"
std::string mp4_data(const std::string& type, const std::string& bytes, unsigned kind);
std::string nero_list(const std::vector<std::pair<std::uint64_t, std::string>>& chapters, int version = 1);  // ms

struct m4b {
  std::string brand = "M4B ";
  std::string items{};      // of ilst
  std::string user_data{};  // more in moov/udta
  std::string sample_entry = "mp4a";
  std::uint32_t timescale = 1000, duration = 60'000;  // of the sound track
  std::uint32_t whole_timescale = 600, whole_duration = 36'000;
  std::vector<std::pair<std::uint32_t, std::string>> spoken{};  // lengths in ms and titles of a chapter track
  std::string handler = "text";                                 // of the chapter track
  std::string sound = "silence";
  std::string bytes() const;
};

using comments = std::vector<std::pair<std::string, std::string>>;
std::string vorbis_comment(const comments&);
std::string flac_picture(const std::string& bytes, int type = 3);
std::string flac_block(int type, const std::string& content, bool last = false);
std::string flac(const comments&, const std::string& more_blocks = {}, std::uint64_t samples = 160'000,
                 const std::string& frames = "frames");
// One page: a list of whole packets.
std::string ogg_page(int number, std::uint64_t granule, const std::vector<std::string>& packets, std::uint32_t serial = 7);
std::string opus(const comments&, std::uint64_t granule = 48'312, const std::string& sound = "sound");
std::string vorbis(const comments&, std::uint64_t granule = 44'100, const std::string& sound = "sound");

std::string riff_chunk(const std::string& id, const std::string& content);
std::string wav(const std::string& more_chunks, std::size_t seconds = 2);

std::string asf(const std::vector<std::pair<std::string, std::string>>& attributes, std::uint64_t milliseconds = 5000,
                const std::string& more_objects = {});

std::string fact(const opened&, const std::string& key);  // "" when there is none
std::string identifier(const opened&, const std::string& scheme);
std::string narrators(const opened&);                                  // divided by ", "
std::string chapters(const opened&);                                   // "start-end title" divided by "; "
opened open_sound(const std::string& bytes, const std::string& name);  // fails the test when it is refused

}  // namespace carrel::publication::test
