// Sound files that somebody broke (ingest.md 14.6, 20, 21).

#include <catch2/catch.hpp>
#include <random>

#include "audio_maker.hpp"
#include "epub_maker.hpp"
#include "publication/transport.hpp"

using namespace carrel;
using namespace carrel::publication;
using namespace carrel::publication::test;

namespace {

// Opens, and checks that whatever came out could cross the pipe.
void survive(const std::string& bytes, const std::string& name) {
  auto o = open_bytes(bytes, name);
  if (o) {
    CHECK(from_json(to_json(*o)).ok());
  } else {
    CHECK(message_for(o.error().code, o.error().detail) != o.error().code);
  }
}

// One good file of each kind, with everything in it.
comments good() {
  const comments said{{"ALBUM", "T"},
                      {"ARTIST", "Ada Lark"},
                      {"CHAPTER001", "00:00:00.000"},
                      {"CHAPTER001NAME", "One"},
                      {"METADATA_BLOCK_PICTURE", "AAAAAwAAAAlpbWFnZS9wbmc="},
                      {"GENRE", "Fantasy"}};
  const std::string picture = make_png(30, 30);
  std::string frames = id3_text("TALB", "T") + id3_text("TPE1", "Ada Lark") + id3_chapter("a", 0, "One") + id3_picture(picture) +
                       id3_user("SERIES", "S") + id3_comment("", "Words");
  m4b film{.items = mp4_text("\xa9"
                             "alb",
                             "T") +
                    mp4_own("SERIES", "S") + mp4_data("covr", picture, 14) + mp4_data("trkn", big(3, 8), 0)};
  film.user_data = nero_list({{0, "a"}, {1000, "b"}});
  film.spoken = {{20'000, "One"}, {40'000, "Two"}};
  return {{"x.mp3", mp3(frames, 20)},
          {"x.mp3", id3_tag(frames, 3, 0x80) + mp3_frames(20)},
          {"x.m4b", film.bytes()},
          {"x.flac", flac(said, flac_block(6, flac_picture(picture)))},
          {"x.opus", opus(said)},
          {"x.ogg", vorbis(said)},
          {"x.wav", wav(riff_chunk("id3 ", id3_tag(frames)) + riff_chunk("LIST", "INFO" + riff_chunk("INAM", "T")), 1)},
          {"x.wma", asf({{"WM/AlbumTitle", "T"}, {"WM/Genre", "Fantasy"}})}};
}

std::string mutated(std::string bytes, std::mt19937& random, std::size_t within) {
  auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  for (std::size_t i = 0, n = 1 + below(6); i < n && !bytes.empty(); ++i) {
    std::size_t at = below(std::min(bytes.size(), within)), length = 1 + below(32);
    switch (below(7)) {
      case 0: bytes[at] = static_cast<char>(below(256)); break;
      case 1: bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1 << below(8))); break;
      case 2: bytes[at] = '\xff'; break;
      case 3: bytes.erase(at, length); break;
      case 4: bytes.insert(at, bytes.substr(below(bytes.size()), length)); break;
      case 5: bytes.insert(at, std::string(length, static_cast<char>(below(256)))); break;
      default: bytes.replace(at, std::min<std::size_t>(4, bytes.size() - at), big(0xffffffffu >> below(32), 4)); break;
    }
  }
  return bytes;
}

}  // namespace

TEST_CASE("sound: the good files of this test are good") {
  for (const auto& [name, bytes] : good()) {
    INFO(name);
    opened o = open_sound(bytes, name);
    CHECK(o.about.title == "T");
    CHECK(o.about.duration > 0);
  }
}

TEST_CASE("sound: files cut anywhere end with a book or a named refusal") {
  for (const auto& [name, bytes] : good()) {
    INFO(name);
    std::size_t step = 1 + bytes.size() / 400;
    for (std::size_t n = 1; n < bytes.size(); n += step) survive(bytes.substr(0, n), name);
  }
}

TEST_CASE("sound: 250 damaged files of each kind end with a book or a named refusal") {
  std::mt19937 random(20240511);
  for (const auto& [name, bytes] : good()) {
    for (int i = 0; i < 250; ++i) {
      INFO(name << " mutation " << i);
      survive(mutated(bytes, random, 1500), name);
    }
  }
}

TEST_CASE("sound: chapters inside chapters inside chapters are not followed") {
  std::string nested;
  for (int i = 0; i < 60'000; ++i) {
    std::size_t inside = 18 + static_cast<std::size_t>(60'000 - i - 1) * 28;
    nested += "CHAP" + big(inside, 4) + big(0, 2) + std::string("a\0", 2) + big(0, 4) + big(1, 4) + big(0, 8);
  }
  opened o = open_sound(id3_tag(nested, 3) + mp3_frames(100), "x.mp3");
  CHECK(chapters(o) == "0-3600 ");
  survive(wav(riff_chunk("id3 ", id3_tag(nested, 3))), "x.wav");
  survive(id3_tag(nested, 3) + flac({}), "x.flac");
}

TEST_CASE("sound: boxes inside boxes inside boxes are not followed to their end") {
  std::string nested;
  constexpr std::size_t deep = 200'000;
  for (std::size_t i = 0; i < deep; ++i) nested += big((deep - i) * 8, 4) + "moov";
  CHECK(refused_code(box("ftyp", "M4B " + big(0, 4)) + nested, "x.m4b") == "audio_unreadable");
  std::string inside;
  for (std::size_t i = 0; i < deep; ++i) inside += big((deep - i) * 8, 4) + "udta";
  opened o = open_sound(m4b{.items = mp4_text("\xa9"
                                              "alb",
                                              "T"),
                            .user_data = inside}
                            .bytes(),
                        "x.m4b");
  CHECK(o.about.duration == 60'000);
}

TEST_CASE("sound: counts that nothing stands behind cost nothing") {
  using namespace std::string_literals;
  // Tables of four thousand million entries, chunks of four thousand million samples.
  m4b film;
  film.spoken = {{1000, "One"}};
  std::string bytes = film.bytes();
  for (const char* name : {"stts", "stsc", "stsz", "stco"}) {
    std::string changed = bytes;
    std::size_t at = changed.find(name, changed.find("tref"));
    REQUIRE(at != std::string::npos);
    for (std::size_t i = 8; i < 24; i += 4) {
      std::string other = changed;
      other.replace(at + i, 4, "\xff\xff\xff\xff");
      survive(other, "x.m4b");
    }
  }
  survive(m4b{.user_data = box("chpl", "\1\0\0\0\0\0\0\0\xff"s)}.bytes(), "x.m4b");
  survive(m4b{.user_data = box("chpl", "")}.bytes(), "x.m4b");
  survive(
      "fLaC" + flac_block(0, std::string(34, '\xff')) + flac_block(4, little(0xffffffff, 4) + "x" + little(0xffffffff, 4), true),
      "x.flac");
  survive(flac({}, flac_block(6, std::string(40, '\xff'))), "x.flac");
  survive(opus({}, ~std::uint64_t{0} - 1), "x.opus");
  survive(mp3(id3_frame("APIC", std::string(1, '\1')) + id3_frame("COMM", "\1") + id3_frame("TXXX", "\2\0")), "x.mp3");
  survive(mp3("TALB" + big(0x7f7f7f7f, 4) + big(0, 2) + "\3T"), "x.mp3");
}

TEST_CASE("sound: long texts and long lists are cut, and the warning says so") {
  std::string frames = id3_text("TALB", std::string(100'000, 't')) + id3_text("TIT3", std::string(2 << 20, 's')) +
                       id3_user("DESCRIPTION", std::string(900'000, 'd'));
  std::string names, genres;
  for (int i = 0; i < 1000; ++i) {
    names += (i == 0 ? "" : ", ") + ("First" + std::to_string(i)) + " Last";
    genres += "g" + std::to_string(i) + "/";
  }
  for (int i = 0; i < 20; ++i) frames += id3_text("TPE1", names.substr(0, 3900) + std::to_string(i));
  opened o = open_sound(mp3(frames + id3_text("TCON", genres)), "x.mp3");
  CHECK(o.about.title.size() == 1000);
  CHECK(o.about.subtitle == "");
  CHECK(o.about.description_html.size() <= 64 << 10);
  CHECK(o.about.authors.size() == 200);
  CHECK(o.about.genres.size() == 500);
  CHECK(warned(o, "metadata_truncated"));
  CHECK(from_json(to_json(o)));

  std::string many;
  for (int i = 0; i < 50'000; ++i) many += id3_user("N" + std::to_string(i), "v");
  survive(mp3(many), "x.mp3");
  std::string series, parts;
  for (int i = 0; i < 300; ++i) {
    series += std::string(800, 's') + ";";
    parts += "1;";
  }
  o = open_sound(flac({{"TITLE", "T"}, {"SERIES", series}, {"SERIES-PART", parts}}), "x.flac");
  CHECK(o.about.series.size() == 500);
  CHECK(from_json(to_json(o)));
}

TEST_CASE("sound: texts with odd characters become texts that may be shown") {
  const std::vector<std::string> odd{
      "\x01", "\x7f", "\xc2\x85", "\xe2\x80\xae", "\xff\xfe", "\xed\xa0\x80", "&#1;",         "<p onclick='x'>",     ";", ",",
      "/",    "\n",   "\t",       " #",           "(",        "999999999",    "\xef\xb7\xba", std::string(3000, 'x')};
  std::mt19937 random(5);
  auto any = [&] { return odd[std::uniform_int_distribution<std::size_t>(0, odd.size() - 1)(random)]; };
  for (int i = 0; i < 200; ++i) {
    std::string value = any() + "2019" + any() + any();
    INFO("round " << i);
    std::string frames, items;
    comments all;
    for (const char* name : {"TALB", "TIT2", "TIT3", "TPE1", "TCOM", "TPUB", "TDRC", "TCON", "TLAN", "TRCK", "GRP1"})
      frames += id3_text(name, any() + value);
    for (const char* name : {"ISBN", "ASIN", "SERIES", "SERIES-PART", "ABRIDGED", "OverDrive MediaMarkers"}) {
      frames += id3_user(name, any() + value);
      items += mp4_own(name, any() + value);
      all.emplace_back(name, any() + value);
    }
    for (const char* name : {"ALBUM", "ARTIST", "COMPOSER", "GENRE", "DESCRIPTION", "CHAPTER001NAME"})
      all.emplace_back(name, any() + value);
    all.emplace_back("CHAPTER001", "0:00");
    survive(mp3(frames + id3_chapter("a", 0, value)), "x.mp3");
    survive(m4b{.items = items, .user_data = nero_list({{0, value.substr(0, 200)}})}.bytes(), "x.m4b");
    survive(flac(all), "x.flac");
    survive(asf({{"WM/AlbumTitle", value}, {"WM/Genre", any()}}), "x.wma");
  }
}
