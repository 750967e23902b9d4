#include <catch2/catch.hpp>

#include "epub_maker.hpp"

using namespace carrel;
using namespace carrel::publication;
using test::make_zip;
using test::part;

namespace {

struct found {
  std::string format, code, detail, warnings;
};

found look(const std::string& bytes, const std::string& name) {
  test::scratch file(bytes);
  std::vector<warning> warnings;
  auto r = recognise(file.descriptor(), name, {}, warnings);
  found f;
  for (const warning& w : warnings) f.warnings += w.code;
  if (r) {
    f.format = r->format;
  } else {
    f.code = r.error().code;
    f.detail = r.error().detail;
  }
  return f;
}

std::string mp4(const std::string& brand) {
  std::string out(3, '\0');
  out +=
      "\x18"
      "ftyp";
  return out + brand + "....";
}

std::string padded(std::string s, std::size_t offset, const std::string& magic) {
  s.resize(offset, ' ');
  return s + magic + std::string(600, ' ');
}

}  // namespace

TEST_CASE("types are found by their first bytes") {
  auto [bytes, name, format] = GENERATE(table<std::string, std::string, std::string>({
      {"%PDF-1.7\n", "a.pdf", "pdf"},
      {"junk before %PDF-1.4", "a.pdf", "pdf"},
      {"Rar!\x1a\x07\x01" + std::string(10, '\0'), "a.cbr", "cbr"},
      {"7z\xbc\xaf\x27\x1c....", "a.cb7", "cb7"},
      {padded("", 60, "BOOKMOBI"), "a.mobi", "mobi"},
      {padded("", 60, "TEXtREAd"), "a.prc", "mobi"},
      {padded("", 257, "ustar"), "a.cbt", "cbt"},
      {mp4("M4B "), "a.m4b", "m4b"},
      {mp4("M4A "), "a.m4a", "m4a"},
      {mp4("aax "), "a.aax", "aax"},
      {"\1\2\3\4\x57\x90\x75\x36", "a.aa", "aa"},
      {"ID3\4rest", "a.mp3", "mp3"},
      {"\xff\xfb\x90\x44", "a.mp3", "mp3"},
      {"fLaC....", "a.flac", "flac"},
      {"OggS" + std::string(24, '\0') + "OpusHead", "a.opus", "opus"},
      {"OggS" + std::string(24, '\0') + "\1vorbis", "a.ogg", "ogg"},
      {"RIFF....WAVEfmt ", "a.wav", "wav"},
      {"\x30\x26\xb2\x75....", "a.wma", "wma"},
      {"<?xml version='1.0'?><!-- x --><FictionBook xmlns='x'>", "a.fb2", "fb2"},
      {"just some text\n", "a.txt", "txt"},
      {std::string("\xff\xfe"
                   "a\0b\0",
                   6),
       "a.txt", "txt"},
  }));
  INFO(name);
  found f = look(bytes, name);
  CHECK(f.format == format);
  CHECK(f.code == "");
  CHECK(f.warnings == "");
}

TEST_CASE("a text file may be written in any of the usual encodings") {
  using namespace std::string_literals;
  const std::u16string words = u"\u041e\u0434\u043d\u0430\u0436\u0434\u044b \u2014 \u201conce\u201d, \u0160\u0113\u0105\r\n";
  auto wide = [&](bool little, std::size_t zeros) {
    std::string out;
    auto put = [&](char16_t c) {
      std::string two{static_cast<char>(c >> 8), static_cast<char>(c & 0xff)};
      std::string unit = std::string(zeros, '\0') + two;
      out += little ? std::string(unit.rbegin(), unit.rend()) : unit;
    };
    put(0xfeff);
    for (char16_t c : words) put(c);
    return out;
  };
  for (const std::string& bytes :
       {wide(true, 0), wide(false, 0), wide(true, 2), wide(false, 2), "\xef\xbb\xbf\xd0\x9e\xd0\xb4\xd0\xbd\xd0\xb0"s,
        "\xd0\x9e\xd0\xb4\xd0\xbd\xd0\xb0"s, "\xce\xe4\xed\xe0\xe6\xe4\xfb \x97 once"s, "caf\xe9 \x93once\x94"s}) {
    found f = look(bytes, "a.txt");
    CHECK(f.format == "txt");
    CHECK(f.code == "");
  }
  std::string rubbish = "\xff\xfe";
  for (int i = 0; i < 400; ++i) rubbish += {static_cast<char>(i * 37), static_cast<char>(i % 2 == 0 ? 0xd8 : 0)};
  CHECK(look(rubbish, "a.txt").code == "unsupported_type");
  CHECK(look("\xff\xfe", "a.txt").code == "unsupported_type");
}

TEST_CASE("types that cannot be read are named") {
  auto [bytes, name, code, detail] = GENERATE(table<std::string, std::string, std::string, std::string>({
      {"", "a.epub", "empty_file", ""},
      {"TPZ0", "a.azw", "unsupported_type", "Topaz"},
      {"\xea"
       "DRMION\xee",
       "a.kfx", "unsupported_type", "KFX"},
      {"ITOLITLS", "a.lit", "unsupported_type", "LIT"},
      {"AT&TFORM", "a.djvu", "unsupported_type", "DjVu"},
      {"<!DOCTYPE html><html>404", "page.epub", "unsupported_type", "web page"},
      {"  <HTML><body>", "page.epub", "unsupported_type", "web page"},
      {"<fulfillmentToken xmlns='x'/>", "a.acsm", "unsupported_type", "download ticket"},
      {"some text", "noextension", "unsupported_type", ""},
      {"some text", "text.epub", "unsupported_type", ""},
      {std::string("bin\0\1\2\3\4\5", 9), "a.txt", "unsupported_type", ""},
      {"BOOKMOBIBOOKMOBIBOOKMOBIBOOKMOBIBOOKMOBIBOOKMOBIBOOKMOBIBOOKMOBIBOOKMOBI", "fake.mobi", "unsupported_type", ""},
      {mp4("avif"), "a.avif", "unsupported_type", "picture"},
      {mp4("isom"), "a.mp4", "unsupported_type", "video"},
      {"PK\3\4 and nothing else", "a.epub", "archive_corrupt", ""},
  }));
  INFO(name);
  found f = look(bytes, name);
  CHECK(f.format == "");
  CHECK(f.code == code);
  CHECK(f.detail.find(detail) != std::string::npos);
}

TEST_CASE("what is inside a ZIP decides") {
  const part png{.name = "1.png", .data = "x"}, page{.name = "a.xhtml", .data = "x"};
  CHECK(look(test::epub{}.bytes(), "a.epub").format == "epub");
  CHECK(look(make_zip({{.name = "book.fb2", .data = "<FictionBook/>"}}), "a.fb2.zip").format == "fbz");
  CHECK(look(make_zip({{.name = "book.fb2", .data = "x"}, {.name = "__MACOSX/._book.fb2", .data = "x"}}), "a.zip").format ==
        "fbz");
  CHECK(look(make_zip({png, {.name = "Thumbs.db", .data = "x"}}), "a.cbz").format == "cbz");
  CHECK(look(make_zip({png}), "a.zip").warnings == "");
  CHECK(look(make_zip({png, page}), "a.zip").code == "unsupported_type");
  CHECK(look(make_zip({{.name = "[Content_Types].xml", .data = "x"}}), "a.docx").detail.find("Office") != std::string::npos);
  CHECK(look(make_zip({{.name = "a.epub", .data = "x"}, {.name = "b.epub", .data = "x"}}), "a.zip").detail ==
        "unpack this archive first");
  CHECK(look(make_zip({{.name = "readme.txt", .data = "x"}}), "a.cbz").code == "comic_no_pages");
  CHECK(look(make_zip({{.name = "content.opf", .data = "x"}}), "a.epub").format == "epub");
}

TEST_CASE("content wins over the extension, and says so") {
  found f = look("%PDF-1.7\n", "really-a-pdf.epub");
  CHECK(f.format == "pdf");
  CHECK(f.warnings == "extension_mismatch");
  CHECK(look(test::epub{}.bytes(), "a.kepub.epub").warnings == "");
  CHECK(look(test::epub{}.bytes(), "A.EPUB").warnings == "");
  CHECK(look(test::epub{}.bytes(), "noextension").warnings == "");
}

TEST_CASE("data before an archive and after it") {
  std::string whole = test::epub{}.bytes();
  CHECK(look("#!/bin/sh\nexit 0\n" + whole, "a.epub").code == "archive_corrupt");
  CHECK(look(whole + std::string(100, '\0'), "a.epub").format == "epub");
  CHECK(look(whole.substr(0, whole.size() / 2), "a.epub").code == "archive_corrupt");
}

TEST_CASE("every kind is complete") {
  for (const kind& k : kinds()) {
    INFO(k.format);
    CHECK(find_kind(k.format) == &k);
    CHECK(k.extension.starts_with('.'));
    CHECK(k.mime.find('/') != std::string::npos);
    CHECK((k.family == "text" || k.family == "comic" || k.family == "audio" || k.family == "pdf"));
  }
  CHECK(find_kind("nothing") == nullptr);
}

TEST_CASE("limits of size are kept and told") {
  test::scratch file("%PDF-1.7\n and more");
  std::vector<warning> warnings;
  auto r = recognise(file.descriptor(), "a.pdf", limits{.file_size = 10, .audio_file_size = 10}, warnings);
  REQUIRE_FALSE(r);
  CHECK(r.error().code == "file_too_large");
  CHECK(message_for("file_too_large", "5.0 GiB; the limit is 4.0 GiB") == "The file has 5.0 GiB; the limit is 4.0 GiB.");
}
