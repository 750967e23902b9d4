// Pictures that were damaged at random are a cover or none, and never the end of the process that looks at them (ingest.md 21,
// 23).

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <random>

#include "../../unit/publication/zip_maker.hpp"
#include "publication/cover.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest::test;

namespace {

constexpr int rounds = 150;

carrel::file in_memory(const std::string& bytes) {
  carrel::file out(::memfd_create("picture", MFD_CLOEXEC));
  REQUIRE(::write(out.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  return out;
}

// Codes of eight bits each: the table is cleared before it needs nine.
std::string gif() {
  constexpr int side = 24;
  std::string out("GIF89a\x18\0\x18\0\xf6\0\0", 13);
  for (int i = 0; i < 128; ++i) out += std::string(3, static_cast<char>(2 * i));
  out += std::string(",\0\0\0\0\x18\0\x18\0\0\x07", 11);
  std::string codes;
  for (int i = 0; i < side * side; ++i) {
    if (i % 100 == 0) codes += '\x80';
    codes += static_cast<char>(i % 128);
  }
  codes += '\x81';
  for (std::size_t at = 0; at < codes.size(); at += 255) {
    std::string piece = codes.substr(at, 255);
    out += static_cast<char>(piece.size());
    out += piece;
  }
  return out + std::string("\0;", 2);
}

std::string little(std::size_t n) {
  std::string out;
  for (int i = 0; i < 4; ++i) out += static_cast<char>(n >> (8 * i) & 0xff);
  return out;
}

// Lossless, of one colour: each of the five codes has one symbol, so no pixel takes a bit.
std::string webp() {
  std::string bits;
  auto add = [&](unsigned value, int count) {
    for (int i = 0; i < count; ++i) bits += (value >> i & 1) != 0 ? '1' : '0';
  };
  add(199, 14);
  add(299, 14);
  add(0, 1 + 3 + 3);  // no alpha, version 0, no transform, no cache, one group of codes
  for (unsigned colour : {0x60U, 0x20U, 0xa0U, 0xffU}) {
    add(0b101, 3);
    add(colour, 8);
  }
  add(0b0001, 4);
  std::string data = "\x2f";
  for (std::size_t at = 0; at < bits.size(); at += 8) {
    unsigned byte = 0;
    for (std::size_t i = 0; i < 8 && at + i < bits.size(); ++i) byte |= bits[at + i] == '1' ? 1U << i : 0U;
    data += static_cast<char>(byte);
  }
  std::size_t size = data.size();
  data.resize(size + size % 2 + 2);  // readers look ahead
  return "RIFF" + little(4 + 8 + data.size()) + "WEBPVP8L" + little(data.size()) + data;
}

// Bytes exchanged, a piece doubled, a piece cut out, the end cut off.
std::string damaged(std::string bytes, std::mt19937& dice) {
  auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n > 0 ? n - 1 : 0)(dice); };
  for (std::size_t times = 1 + below(4); times > 0 && !bytes.empty(); --times) {
    std::size_t at = below(bytes.size()), length = 1 + below(std::min<std::size_t>(bytes.size() - at, 64));
    switch (below(5)) {
      case 0: bytes[at] = static_cast<char>(below(256)); break;
      case 1: bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8))); break;
      case 2: bytes.insert(at, bytes.substr(at, length)); break;
      case 3: bytes.erase(at, length); break;
      default: bytes.resize(at); break;
    }
  }
  return bytes;
}

}  // namespace

TEST_CASE("damaged pictures are a cover or are refused as one, by their format") {
  std::string png = publication::test::make_png(300, 400);
  publication::box fit{.width = 300, .height = 400, .quality = 80};
  std::string jpeg = publication::scale_picture(png, fit).value();
  std::vector<std::pair<const char*, std::string>> all{
      {"png", png}, {"one bit", publication::test::make_png(64, 64, 1)}, {"jpeg", jpeg}, {"gif", gif()}, {"webp", webp()}};
  publication::isolated::pool pool(helper_inspectors());
  std::mt19937 dice(20'240'517);
  for (const auto& [name, whole] : all) {
    INFO(name);
    carrel::file good = in_memory(whole);
    auto seen = pool.look_at_picture(good.get());
    INFO((seen ? "" : seen.error().code + " " + seen.error().detail));
    REQUIRE(seen);
    int read = 0, refused = 0;
    for (int i = 0; i < rounds; ++i) {
      carrel::file bad = in_memory(damaged(whole, dice));
      auto found = pool.look_at_picture(bad.get());
      ++(found ? read : refused);
      if (!found) {
        INFO("round " << i << " " << found.error().code << " " << found.error().detail);
        CHECK(found.error().code.starts_with("cover_"));
      } else {
        bool sane = found->master.width > 0 && found->master.height > 0 && found->thumbnails.size() == 1;
        CHECK(sane);
      }
    }
    CHECK(read + refused == rounds);
    CHECK(refused > 0);
  }
}

TEST_CASE("a book with a damaged cover comes in all the same") {
  publication::isolated::pool pool(helper_inspectors());
  std::mt19937 dice(7);
  std::string png = publication::test::make_png(300, 400);
  for (int i = 0; i < 60; ++i) {
    carrel::file book = in_memory(epub({.cover = damaged(png, dice)}));
    auto found = pool.inspect(book.get(), "x.epub");
    REQUIRE(found);
    CHECK(found->about.about.title == "The Small Book");
  }
}
