// Chapters inside one sound file (ingest.md 14.3).

#include <catch2/catch.hpp>

#include "audio_maker.hpp"
#include "epub_maker.hpp"
#include "publication/audio/chapters.hpp"
#include "publication/transport.hpp"

using namespace carrel;
using namespace carrel::publication;
using namespace carrel::publication::test;

namespace {

std::string in_mp3(const std::string& frames) { return chapters(open_sound(mp3(frames), "x.mp3")); }
std::string in_flac(const comments& all) { return chapters(open_sound(flac(all), "x.flac")); }

std::string contents(const std::vector<std::string>& elements) {
  std::string body = std::string("toc\0\3", 5) + static_cast<char>(elements.size());
  for (const std::string& e : elements) body += e + '\0';
  return id3_frame("CTOC", body);
}

}  // namespace

TEST_CASE("sound: times are read as people write them") {
  using audio::clock_time;
  CHECK(clock_time("01:02:03.456") == 3'723'456);
  CHECK(clock_time("1:02.5") == 62'500);
  CHECK(clock_time("90") == 90'000);
  CHECK(clock_time(" 00:00:00,25 ") == 250);
  CHECK(clock_time("100:00:00.000") == 360'000'000);
  for (const char* bad : {"", ":", "1:", "-1:00", "1:2:3:4", "1:0x", "1.2.3", "9999999:00:00"}) {
    INFO(bad);
    CHECK_FALSE(clock_time(bad));
  }
}

TEST_CASE("sound: chapters of an ID3 tag, with their titles, by their beginnings") {
  CHECK(in_mp3(id3_chapter("b", 2000, "Two") + id3_chapter("a", 0, "One")) == "0-2000 One; 2000-3600 Two");
  CHECK(in_mp3(id3_chapter("a", 500, "")) == "500-3600 ");
  // Where two begin together, the one that the table of contents has behind the other stays.
  std::string both = id3_chapter("a", 0, "One") + id3_chapter("b", 0, "Zero") + id3_chapter("c", 1000, "Two");
  CHECK(in_mp3(both + contents({"b", "a", "c"})) == "0-1000 One; 1000-3600 Two");
  CHECK(in_mp3(both + contents({"a", "b", "c"})) == "0-1000 Zero; 1000-3600 Two");
  // What begins at the end or behind it is dropped, and a frame that is too short is none.
  CHECK(in_mp3(id3_chapter("a", 0, "One") + id3_chapter("b", 3600, "x") + id3_chapter("c", 0xffffffff, "y")) == "0-3600 One");
  CHECK(in_mp3(id3_frame("CHAP", std::string("a\0short", 7)) + id3_chapter("b", 0, "One")) == "0-3600 One");
}

TEST_CASE("sound: OverDrive's markers are chapters where there are no others") {
  std::string markers =
      id3_user("OverDrive MediaMarkers",
               "<Markers><Marker><Name>One &amp; only</Name><Time>0:00.000</Time></Marker>"
               "<Marker><Name>Two</Name><Time>0:01.500</Time></Marker><Marker><Name>bad</Name><Time>x</Time></Marker></Markers>");
  CHECK(in_mp3(markers) == "0-1500 One & only; 1500-3600 Two");
  CHECK(in_mp3(markers + id3_chapter("a", 0, "Own")) == "0-3600 Own");
  opened o = open_sound(mp3(id3_user("OverDrive MediaMarkers", "<!DOCTYPE m [<!ENTITY e 'x'>]><Markers/>")), "x.mp3");
  CHECK(warned(o, "metadata_invalid_value"));
  CHECK(o.about.chapters.empty());
}

TEST_CASE("sound: chapters of Vorbis comments") {
  const comments all{{"CHAPTER002", "00:00:04.500"}, {"chapter002name", "Two"}, {"CHAPTER001", "00:00:00.000"},
                     {"CHAPTER001NAME", "One"},      {"CHAPTER003", "soon"},    {"CHAPTER003NAME", "lost"},
                     {"CHAPTER004URL", "x"},         {"CHAPTERS", "4"}};
  CHECK(in_flac(all) == "0-4500 One; 4500-10000 Two");
  CHECK(chapters(open_sound(opus(all, 5 * 48'000 + 312), "x.opus")) == "0-4500 One; 4500-5000 Two");
}

TEST_CASE("sound: the chapter track of an MP4 file, else Nero's list") {
  m4b made;
  made.spoken = {{20'000, "One"}, {30'000, std::string("\xfe\xff\0T\0w\0o", 8)}, {10'000, "Three"}};
  CHECK(chapters(open_sound(made.bytes(), "x.m4b")) == "0-20000 One; 20000-50000 Two; 50000-60000 Three");
  // The list counts when it has more.
  made.user_data = nero_list({{0, "a"}, {1000, "b"}});
  CHECK(chapters(open_sound(made.bytes(), "x.m4b")) == "0-20000 One; 20000-50000 Two; 50000-60000 Three");
  made.user_data = nero_list({{0, "a"}, {1000, "b"}, {2000, "c"}, {3000, "d"}});
  CHECK(chapters(open_sound(made.bytes(), "x.m4b")) == "0-1000 a; 1000-2000 b; 2000-3000 c; 3000-60000 d");
  // A track of pictures is no list of chapters.
  made.user_data.clear();
  made.handler = "vide";
  CHECK(chapters(open_sound(made.bytes(), "x.m4b")) == "");
}

TEST_CASE("sound: Nero's list in both versions, and beyond what its counter can say") {
  CHECK(chapters(open_sound(m4b{.user_data = nero_list({{0, "One"}, {1500, "Two"}}, 1)}.bytes(), "x.m4b")) ==
        "0-1500 One; 1500-60000 Two");
  CHECK(chapters(open_sound(m4b{.user_data = nero_list({{0, "One"}, {1500, "Two"}}, 0)}.bytes(), "x.m4b")) ==
        "0-1500 One; 1500-60000 Two");
  std::vector<std::pair<std::uint64_t, std::string>> many;
  for (std::uint64_t i = 0; i < 300; ++i) many.emplace_back(i * 100, "c" + std::to_string(i));
  opened o = open_sound(m4b{.user_data = nero_list(many)}.bytes(), "x.m4b");
  REQUIRE(o.about.chapters.size() == 300);
  CHECK(o.about.chapters[299] == chapter{"c299", 29'900, 60'000});
  // Zeros behind the list are not chapters.
  std::string padded = nero_list({{0, "One"}}).substr(8) + std::string(50, '\0');
  CHECK(chapters(open_sound(m4b{.user_data = box("chpl", padded)}.bytes(), "x.m4b")) == "0-60000 One");
}

TEST_CASE("sound: at most 5,000 chapters, and all of them cross the pipe") {
  comments all;
  for (int i = 0; i < 6000; ++i) {
    std::string number = std::to_string(i);
    all.emplace_back("CHAPTER" + number, "0:00:0" + std::to_string(i / 1000) + "." + std::to_string(1000 + i % 1000).substr(1));
    all.emplace_back("CHAPTER" + number + "NAME", std::string(490, '"'));
  }
  opened o = open_sound(flac(all), "x.flac");
  CHECK(o.about.chapters.size() == 5000);
  CHECK(o.about.chapters.back().end == 10'000);
  CHECK(warned(o, "metadata_truncated"));
  REQUIRE(from_json(to_json(o)));
  CHECK(from_json(to_json(o))->about.chapters == o.about.chapters);
}
