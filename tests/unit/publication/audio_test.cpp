// What the containers of sound tell: duration, protection, cover, content hash (ingest.md 14.2, 14.4, 7.2; audiobooks.md A3).

#include <unistd.h>

#include <catch2/catch.hpp>

#include "audio_maker.hpp"
#include "epub_maker.hpp"
#include "publication/transport.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"

using namespace carrel;
using namespace carrel::publication;
using namespace carrel::publication::test;

namespace {

std::int64_t duration(const std::string& bytes, const std::string& name) { return open_sound(bytes, name).about.duration; }
std::string hash(const std::string& bytes, const std::string& name) { return open_sound(bytes, name).content_hash; }
std::string hash_over(const std::string& payload) { return sha256_hex("carrel-audio-v1\n" + payload); }

// The first frame with a header of its own: MPEG 2, mono, so behind 9 bytes of side information.
std::string xing(std::uint64_t frames, std::uint64_t delay, std::uint64_t padding) {
  std::string frame = "\xff\xf3\x88\xc0" + std::string(9, '\0') + "Xing" + big(1, 4) + big(frames, 4) + "LAME3.100" +
                      std::string(12, '\0') + big(delay << 12 | padding, 3);
  frame.resize(288, '\0');  // of 64 kbit/s at 16 kHz
  return frame;
}

}  // namespace

TEST_CASE("sound: MP3 files are as long as their frames, or as their header tells") {
  CHECK(duration(mp3_frames(100), "x.mp3") == 3600);
  CHECK(duration(mp3("", 100), "x.mp3") == 3600);
  // Rubbish between the frames is not played.
  CHECK(duration(mp3_frames(50) + std::string(500, 'x') + mp3_frames(50), "x.mp3") == 3600);
  CHECK(duration(xing(100, 0, 0) + mp3_frames(100), "x.mp3") == 3600);
  CHECK(duration(xing(100, 1105, 495) + mp3_frames(100), "x.mp3") == 3500);
  // A header that cannot be true is not believed: there are 288 bytes and 100 frames.
  CHECK(duration(xing(4'000'000'000, 0, 0) + mp3_frames(100), "x.mp3") == 3636);
  std::string vbri = "\xff\xf3\x88\xc0" + std::string(32, '\0') + "VBRI" + big(1, 2) + big(0, 8) + big(50, 4);
  vbri.resize(288, '\0');
  CHECK(duration(vbri + mp3_frames(50), "x.mp3") == 1800);
}

TEST_CASE("sound: MP4 files are as long as their sound track, else as the film") {
  CHECK(duration(m4b{}.bytes(), "x.m4b") == 60'000);
  CHECK(duration(m4b{.duration = 30'500}.bytes(), "x.m4b") == 30'500);
  CHECK(duration(m4b{.duration = 0}.bytes(), "x.m4b") == 60'000);
  CHECK(duration(m4b{.duration = 0xffffffff}.bytes(), "x.m4b") == 60'000);
  CHECK(duration(m4b{.timescale = 0}.bytes(), "x.m4b") == 60'000);
  CHECK(duration(m4b{.brand = "M4A "}.bytes(), "x.m4a") == 60'000);
}

TEST_CASE("sound: the other containers tell their samples") {
  CHECK(duration(flac({}), "x.flac") == 10'000);
  CHECK(duration(opus({}, 48'312), "x.opus") == 1000);
  CHECK(duration(vorbis({}, 44'100 * 3), "x.ogg") == 3000);
  CHECK(duration(wav("", 7), "x.wav") == 7000);
  CHECK(duration(asf({}, 5000), "x.wma") == 5000);
  // The last page of another stream says nothing about this one.
  CHECK(duration(opus({}, 48'312) + ogg_page(0, 1'000'000, {"other"}, 8), "x.opus") == 1000);
  std::string in_ogg =
      "\x7f"
      "FLAC\1" +
      big(0, 1) + big(1, 2) + flac({}).substr(0, 4 + 4 + 34);
  std::string named = flac_block(4, vorbis_comment({{"ALBUM", "In Ogg"}}), true);
  opened o = open_sound(ogg_page(0, 0, {in_ogg}) + ogg_page(1, 0, {named}) + ogg_page(2, 16'000, {"sound"}), "x.oga");
  CHECK(o.about.duration == 1000);
  CHECK(o.about.title == "In Ogg");
  CHECK(o.content_hash == hash_over("sound"));
}

TEST_CASE("sound: what nobody can listen to is unreadable") {
  using namespace std::string_literals;
  for (const auto& [name, bytes] : comments{{"x.mp3", id3_tag(id3_text("TALB", "T")) + std::string(1000, '\0')},
                                            {"x.mp3", "ID3\4\0\0\x7f\x7f\x7f\x7f"s + std::string(50, '\0')},
                                            {"x.mp3", id3_tag(id3_text("TALB", "T"))},
                                            {"x.m4b", m4b{.duration = 0, .whole_duration = 0}.bytes()},
                                            {"x.m4b", box("ftyp", "M4B " + big(0, 4))},
                                            {"x.m4b", box("ftyp", "M4B " + big(0, 4)) + big(0xfffffff0, 4) + "moov"},
                                            {"x.m4b", m4b{}.bytes().substr(0, m4b{}.bytes().size() - 1)},
                                            {"x.flac", flac({}, {}, 0)},
                                            {"x.flac", flac({}).substr(0, 50)},
                                            {"x.flac", "fLaC" + flac_block(1, "padding first", true)},
                                            {"x.opus", opus({}, 312)},
                                            {"x.opus", opus({}).substr(0, 60)},
                                            {"x.ogg", ogg_page(0, 0, {"\x80theora"}) + ogg_page(1, 1000, {"x"})},
                                            {"x.ogg", vorbis({}, ~std::uint64_t{0})},
                                            {"x.wav", "RIFF" + little(4, 4) + "WAVE"},
                                            {"x.wav", wav("", 0)},
                                            {"x.wma", asf({}, 0)},
                                            {"x.wma", asf({}).substr(0, 100)}}) {
    INFO(name << " " << bytes.size());
    CHECK(refused_code(bytes, name) == "audio_unreadable");
  }
}

TEST_CASE("sound: protected files are kept and named") {
  opened o = open_sound(m4b{.items = mp4_text("\xa9"
                                              "alb",
                                              "T") +
                                     mp4_text("\xa9"
                                              "ART",
                                              "Ada Lark"),
                            .sample_entry = "drms"}
                            .bytes(),
                        "x.m4b");
  CHECK(o.about.drm == "apple");
  CHECK(o.format == "m4b");
  CHECK(o.about.title == "T");
  CHECK(codes(o) == "drm_protected");
  CHECK(o.warnings.at(0).detail == "apple");

  o = open_sound(m4b{.brand = "aax ", .sample_entry = "aavd"}.bytes(), "x.aax");
  CHECK(o.about.drm == "audible");
  CHECK(o.format == "aax");
  CHECK(o.about.duration == 60'000);
  CHECK(open_sound(m4b{.sample_entry = "aavd"}.bytes(), "x.m4b").about.drm == "audible");
  CHECK(open_sound(m4b{.brand = "aax ", .duration = 0, .whole_duration = 0}.bytes(), "x.aax").about.duration == 0);

  o = open_sound(big(1000, 4) + "\x57\x90\x75\x36" + std::string(100, 'x'), "Ada Lark - The Lost Garden.aa");
  CHECK(o.about.drm == "audible");
  CHECK(o.format == "aa");
  CHECK(o.about.title == "The Lost Garden");
  CHECK(o.content_hash == "");
  CHECK(warned(o, "drm_protected"));
  CHECK(from_json(to_json(o)));

  std::string guid("\xFB\xB3\x11\x22\x23\xBD\xD2\x11\xB4\xB7\x00\xA0\xC9\x55\xFC\x6E", 16);
  CHECK(open_sound(asf({}, 5000, guid + little(24, 8)), "x.wma").about.drm == "unknown");
}

TEST_CASE("sound: the content hash covers the sound and no tag") {
  const std::string frames = mp3_frames(100), tag = id3_tag(id3_text("TALB", "T"));
  const std::string v1 = "TAG" + std::string(125, ' ');
  const std::string ape = "APETAGEX" + little(2000, 4) + little(42, 4) + little(1, 4) + little(0, 12) + std::string(10, 'i') +
                          "APETAGEX" + little(2000, 4) + little(42, 4) + little(1, 4) + little(0x80000000, 4) + little(0, 8);
  const std::string lyrics = "LYRICSBEGININD00002110000" + std::string("21") + "LYRICS200";
  CHECK(hash(frames, "x.mp3") == hash_over(frames));
  CHECK(hash(tag + frames, "x.mp3") == hash_over(frames));
  CHECK(hash(tag + tag + frames + v1, "x.mp3") == hash_over(frames));
  CHECK(hash(tag + frames + ape + v1, "x.mp3") == hash_over(frames));
  CHECK(hash(frames + "LYRICSBEGININD0000211" + "000021LYRICS200" + ape + v1, "x.mp3") == hash_over(frames));
  CHECK(hash(frames + "LYRICSBEGINla la LYRICSEND" + v1, "x.mp3") == hash_over(frames));

  CHECK(hash(m4b{}.bytes(), "x.m4b") == hash_over("silence"));
  CHECK(hash(m4b{.items = mp4_text("\xa9nam", "T")}.bytes() + box("free", "x") + box("mdat", " and more"), "x.m4b") ==
        hash_over("silence and more"));
  CHECK(hash(flac({{"TITLE", "T"}}), "x.flac") == hash_over("frames"));
  CHECK(hash(flac({}) + v1, "x.flac") == hash_over("frames"));
  CHECK(hash(opus({{"TITLE", "T"}}), "x.opus") == hash_over("sound"));
  CHECK(hash(opus({}) + ogg_page(3, 96'000, {"one", std::string(600, '2')}), "x.opus") ==
        hash_over("soundone" + std::string(600, '2')));
  CHECK(hash(vorbis({}), "x.ogg") == hash_over("sound"));
  // What is damaged must not be taken for the same as another that is damaged at the same place.
  CHECK(hash(opus({}) + "rubbish", "x.opus") == "");
  CHECK(hash(wav(""), "x.wav") == "");
}

TEST_CASE("sound: a file that is too large for it has no content hash, but everything else") {
  scratch file(mp3(id3_text("TALB", "T")));
  limits small;
  small.hashed_audio = 1000;
  auto o = publication::open(file.descriptor(), "x.mp3", small);
  REQUIRE(o);
  CHECK(o->content_hash == "");
  CHECK(o->about.duration == 3600);
  // Two gigabytes that are not there: nobody reads them.
  scratch large(m4b{}.bytes().substr(0, m4b{}.bytes().size() - 15) + big(0, 4) + "mdat");
  REQUIRE(::ftruncate(large.descriptor(), 2'000'000'001) == 0);
  o = publication::open(large.descriptor(), "x.m4b");
  REQUIRE(o);
  CHECK(o->content_hash == "");
  CHECK(o->about.duration == 60'000);
}

TEST_CASE("sound: the cover is the front picture, else the first, checked like any other") {
  const std::string front = make_png(30, 30), other = make_png(20, 20);
  auto width = [](const opened& o) { return o.cover ? o.cover->width : 0; };
  opened o = open_sound(mp3(id3_picture(other, 4) + id3_picture(front, 3) + id3_picture(other, 3)), "x.mp3");
  REQUIRE(o.cover);
  CHECK(o.cover->bytes == front);
  CHECK(o.cover->mime == "image/png");
  CHECK(width(open_sound(mp3(id3_picture(other, 4) + id3_picture(front, 5)), "x.mp3")) == 20);
  CHECK(width(open_sound(id3_tag(id3_frame("PIC", std::string("\0PNG\3\0", 6) + front, 2), 2) + mp3_frames(9), "x.mp3")) == 30);
  // What the tag says of the format does not count.
  std::string two = box("covr", box("data", big(13, 4) + big(0, 4) + front) + box("data", big(14, 4) + big(0, 4) + other));
  CHECK(width(open_sound(m4b{.items = two}.bytes(), "x.m4b")) == 30);
  CHECK(width(open_sound(flac({}, flac_block(6, flac_picture(other, 0)) + flac_block(6, flac_picture(front, 3))), "x.flac")) ==
        30);
  comments in_vorbis{{"METADATA_BLOCK_PICTURE", base64(flac_picture(other, 0))},
                     {"METADATA_BLOCK_PICTURE", base64(flac_picture(front, 3))}};
  CHECK(width(open_sound(opus(in_vorbis), "x.opus")) == 30);
  CHECK(width(open_sound(vorbis({in_vorbis[0]}), "x.ogg")) == 20);

  CHECK(warned(open_sound(mp3(id3_picture("not a picture")), "x.mp3"), "cover_unreadable"));
  CHECK(warned(open_sound(mp3(id3_picture(make_png(30'000, 30'000, 1))), "x.mp3"), "cover_too_large"));
  o = open_sound(mp3(id3_picture(std::string(21 << 20, 'x'))), "x.mp3");
  CHECK(warned(o, "cover_too_large"));
  CHECK_FALSE(o.cover);
  o = open_sound(m4b{.items = mp4_data("covr", std::string(21 << 20, 'x'), 13) + mp4_text("\xa9"
                                                                                          "alb",
                                                                                          "Still told")}
                     .bytes(),
                 "x.m4b");
  CHECK(warned(o, "cover_too_large"));
  CHECK(o.about.title == "Still told");
}

TEST_CASE("sound: an ID3 tag before a FLAC file is a FLAC file's") {
  opened o = open_sound(id3_tag(id3_text("TALB", "Before")) + flac({{"ARTIST", "Ada Lark"}}), "x.flac");
  CHECK(o.format == "flac");
  CHECK(o.about.title == "Before");
  CHECK(o.about.authors.at(0).name == "Ada Lark");
  CHECK(o.content_hash == hash_over("frames"));
  CHECK(codes(o) == "");
}

TEST_CASE("sound: everything crosses the pipe") {
  opened o = open_sound(
      mp3(id3_text("TALB", "T") + id3_text("TIT2", "Part") + id3_text("TPE1", "Ada Lark") + id3_text("TCOM", "Nell Reader") +
          id3_text("TCON", "Fantasy") + id3_user("SERIES", "A;B") + id3_user("SERIES-PART", "1;2") + id3_text("TRCK", "7/9") +
          id3_chapter("a", 0, "One") + id3_picture(make_png(30, 30))),
      "x.mp3");
  auto back = from_json(to_json(o));
  REQUIRE(back);
  CHECK(to_json(*back) == to_json(o));
  CHECK(back->about.duration == 3600);
  CHECK(back->about.chapters == o.about.chapters);
  CHECK(back->about.facts == o.about.facts);
  CHECK(back->about.genres == o.about.genres);
}
