// Containers, pages, covers and hashes of comics (ingest.md 7.2, 10.1 to 10.3).

#include <algorithm>
#include <catch2/catch.hpp>

#include "comic_maker.hpp"
#include "epub_maker.hpp"
#include "publication/transport.hpp"
#include "server/core/digest.hpp"

using namespace carrel;
using namespace carrel::publication;
using test::make_zip;
using test::page_picture;
using test::part;

namespace {

part page(const std::string& name, int number) { return {.name = name, .data = page_picture(number)}; }
part info(const std::string& inside, const std::string& name = "ComicInfo.xml") {
  return {.name = name, .data = "<?xml version='1.0'?><ComicInfo>" + inside + "</ComicInfo>"};
}

opened good(const std::string& bytes, const std::string& name = "Shore.cbz", const limits& limit = {}) {
  auto o = test::open_bytes(bytes, name, limit);
  if (!o) FAIL("refused: " << o.error().code << " " << o.error().detail);
  CHECK(from_json(to_json(*o)).ok());
  return *o;
}
opened good(const std::vector<part>& parts) { return good(make_zip(parts)); }

std::string hash_of_pages(const std::vector<int>& numbers) {
  digest all(digest_kind::sha256);
  all.update("carrel-images-v1\n");
  for (int n : numbers) all.update(sha256_raw(page_picture(n)));
  return all.hex();
}

int cover_of(const opened& o) {
  REQUIRE(o.cover);
  for (int n = 0; n < 40; ++n) {
    if (o.cover->bytes == page_picture(n)) return n;
  }
  return -1;
}

int cover_of(const std::vector<part>& parts) { return cover_of(good(parts)); }

// Those that say something about the archive; every comic without ComicInfo lacks a title and an author.
std::string codes(const opened& o) {
  std::string out;
  for (const warning& w : o.warnings) {
    if (!w.code.starts_with("metadata_missing_")) out += (out.empty() ? "" : " ") + w.code;
  }
  return out;
}

}  // namespace

TEST_CASE("a comic reads the same in every container") {
  std::vector<part> parts{page("ch 2/p10.png", 10),
                          page("ch 2/p9.PNG", 9),
                          page("ch 10/p1.png", 11),
                          {.name = "ch 2/", .data = ""},
                          page("__MACOSX/ch 2/p1.png", 20),
                          page("ch 2/._p9.png", 21),
                          {.name = "Thumbs.db", .data = "junk"},
                          info("<Title>Shore</Title><Writer>Ada Lark</Writer>")};
  for (const test::container& c : test::containers()) {
    INFO(c.name);
    opened o = good(c.make(parts), c.name);
    CHECK(o.format == c.name.substr(c.name.rfind('.') + 1));
    CHECK(o.described);
    CHECK(o.about.title == "Shore");
    CHECK(o.about.authors == std::vector<person>{{"Ada Lark", "Lark, Ada", "aut"}});
    CHECK(o.about.page_count == 3);
    CHECK(o.about.page_count_source == "counted");
    CHECK(o.about.fixed_layout);
    CHECK(o.content_hash == hash_of_pages({9, 10, 11}));
    CHECK(cover_of(o) == 9);
    CHECK(o.cover->entry == "ch 2/p9.PNG");
    CHECK(o.warnings.empty());
  }
}

TEST_CASE("the file's name speaks where there is no ComicInfo") {
  opened o = good(make_zip({page("1.png", 1)}), "Harbour Tales 012 (2019) (Digital).cbz");
  CHECK(o.about.title == "Harbour Tales 012");
  CHECK(o.about.series == "Harbour Tales");
  CHECK(o.about.series_index == 12);
  CHECK(o.about.published_on == "2019");
  CHECK(test::codes(o) == "metadata_missing_title metadata_missing_author");
}

TEST_CASE("every page type counts, hidden and empty parts do not") {
  std::vector<part> parts;
  for (const char* name : {"a.jpg", "b.JPEG", "c.png", "d.webp", "e.gif", "f.avif", "g.jxl", "h.bmp"})
    parts.push_back(page(name, 1));
  for (const char* name : {"i.tiff", "j.svg", "k", "jpg", "x/.hidden.png", ".thumbs/l.png", "x/__MACOSX/m.png", "n.png/o.txt"}) {
    parts.push_back(page(name, 2));
  }
  parts.push_back({.name = "empty.png", .data = ""});
  CHECK(good(parts).about.page_count == 8);
}

TEST_CASE("pages are in natural order of their paths without extension") {
  auto order = [](const std::vector<std::string>& names) {
    std::vector<part> parts;
    std::vector<int> numbers;
    for (std::size_t i = 0; i < names.size(); ++i) {
      numbers.push_back(static_cast<int>(i));
      parts.push_back(page(names[i], static_cast<int>(i)));
    }
    std::reverse(parts.begin(), parts.end());
    return good(parts).content_hash == hash_of_pages(numbers);
  };
  CHECK(order({"p2.png", "p10.png"}));
  CHECK(order({"chapter 2/1.png", "chapter 10/1.png"}));
  CHECK(order({"p1.png", "p1-1.png"}) == order({"p1.jpg", "p1-1.jpg"}));
  CHECK(order({"a.png", "B.png", "c.png"}));
  CHECK(order({"e.png", "\xc3\xa9.png", "f.png"}));
  CHECK(order({"1.gif", "1.png", "2.gif"}));
  CHECK(order({"a1.png", "A1.png"}));
  CHECK(order({"./1.png", "2.png", "./10.png"}));
  CHECK(order({"x\\2.png", "x/3.png", "x\\10.png"}));
  CHECK(
      order({"\xff"
             "1.png",
             "\xff"
             "2.png"}));
  CHECK(order({"0007.png", "8.png", "00000000000000000000000000000000000000009.png"}));
}

TEST_CASE("the cover is what ComicInfo says, else what is named so, else the first page") {
  std::vector<part> plain{page("1.png", 1), page("2.png", 2), page("3.png", 3)};
  auto with = [&](const std::vector<part>& more) {
    std::vector<part> all = plain;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  CHECK(cover_of(plain) == 1);
  CHECK(cover_of(with({page("x/cover.png", 4)})) == 1);
  CHECK(cover_of(with({page("Cover.png", 4)})) == 4);
  CHECK(cover_of(with({page("folder.png", 5)})) == 5);
  CHECK(cover_of(with({page("folder.png", 5), page("COVER.PNG", 4)})) == 4);
  CHECK(cover_of(with({page("cover.png", 4), info("<Pages><Page Image='2' Type='FrontCover'/></Pages>")})) == 3);
  CHECK(cover_of(with({page("cover.png", 4), info("<Pages><Page Image='9' Type='FrontCover'/></Pages>")})) == 4);
  CHECK(cover_of(with({info("<Pages><Page Image='1' Type='BackCover'/></Pages>")})) == 1);
}

TEST_CASE("a cover far inside is found in every container") {
  std::vector<part> parts;
  for (int i = 1; i <= 12; ++i) parts.push_back(page("p" + std::to_string(i) + ".png", i));
  parts.insert(parts.begin(), info("<Pages><Page Image='0' Type='Deleted'/><Page Image='10' Type='FrontCover'/></Pages>"));
  for (const test::container& c : test::containers()) {
    INFO(c.name);
    opened o = good(c.make(parts), c.name);
    CHECK(cover_of(o) == 11);
    CHECK(o.about.page_count == 11);
  }
}

TEST_CASE("deleted pages are left out, but the pictures stay what they are") {
  std::vector<part> parts{page("1.png", 1), page("2.png", 2), page("10.png", 3)};
  opened before = good(parts);
  parts.push_back(info("<Pages><Page Image='0' Type='Deleted'/><Page Image='2' Type='Story Deleted'/></Pages>"));
  opened after = good(parts);
  CHECK(after.about.page_count == 1);
  CHECK(cover_of(after) == 2);
  CHECK(after.content_hash == before.content_hash);
  CHECK(codes(after).empty());

  parts.back() =
      info("<Pages><Page Image='0' Type='Deleted'/><Page Image='1' Type='Deleted'/><Page Image='2' Type='Deleted'/></Pages>");
  opened nothing_left = good(parts);
  CHECK(nothing_left.about.page_count == 3);
  CHECK(codes(nothing_left) == "metadata_invalid_value");
}

TEST_CASE("a cover that cannot be decoded is named, and the next choice is taken") {
  std::vector<part> parts{page("1.png", 1), {.name = "cover.avif", .data = "....ftypavif"}};
  opened o = good(parts);
  CHECK(cover_of(o) == 1);
  CHECK(codes(o) == "cover_unreadable");
  o = good({{.name = "1.bmp", .data = "BM"}, page("2.png", 2)});
  CHECK_FALSE(o.cover);
  CHECK(codes(o) == "cover_unreadable");
}

TEST_CASE("the right one of several ComicInfo files is read") {
  part first = page("1.png", 1);
  auto title = [](const std::string& t) { return "<Title>" + t + "</Title>"; };
  opened o = good({first, info(title("deep"), "a/b/ComicInfo.xml"), info(title("root"), "comicinfo.XML"),
                   info(title("shallow"), "a/ComicInfo.xml")});
  CHECK(o.about.title == "root");
  CHECK(codes(o).empty());
  o = good(
      {first, info(title("b"), "b/ComicInfo.xml"), info(title("a"), "a/ComicInfo.xml"), info(title("c"), "c/d/ComicInfo.xml")});
  CHECK(o.about.title == "a");
  CHECK(codes(o) == "archive_duplicate_entry");
  o = good({first, info(title("junk"), "__MACOSX/ComicInfo.xml"), info(title("junk"), "._ComicInfo.xml")});
  CHECK(o.about.title == "Shore");
}

TEST_CASE("archives without a page are no comics") {
  for (const test::container& c : test::containers()) {
    INFO(c.name);
    CHECK(test::refused_code(c.make({{.name = "readme.txt", .data = "x"}}), c.name) == "comic_no_pages");
  }
  CHECK(test::refused_code(make_zip({{.name = "credits.html", .data = "x"}}), "a.cbz") == "comic_no_pages");
  CHECK(good({page("1.png", 1), {.name = "credits.html", .data = "<p>x</p>"}}).about.page_count == 1);
}

TEST_CASE("damaged pages are told as long as others can be read") {
  std::vector<part> parts{page("1.png", 1), page("2.png", 2)}, all_damaged = parts;
  parts[0].crc = all_damaged[0].crc = all_damaged[1].crc = 1;
  for (const test::container& c : test::containers()) {
    if (!c.name.ends_with(".cbz") && !c.name.ends_with(".cbr")) continue;
    INFO(c.name);
    CHECK(test::refused_code(c.make(all_damaged), c.name) == "archive_entry_damaged");
    if (c.name.find("solid") != std::string::npos) {  // nothing behind the damage can be read
      CHECK(test::refused_code(c.make(parts), c.name) == "archive_entry_damaged");
      continue;
    }
    opened o = good(c.make(parts), c.name);
    CHECK(codes(o) == "archive_entry_damaged");
    CHECK(o.about.page_count == 2);
    CHECK(o.content_hash.empty());
    CHECK(cover_of(o) == 2);
  }
}

TEST_CASE("links are no pages, and the first of two parts of one name is read") {
  part link{.name = "0.png", .data = "/etc/passwd", .attributes = 0120777u << 16};
  for (const test::container& c : test::containers()) {
    INFO(c.name);
    if (c.name.find("solid") != std::string::npos) continue;  // unarr does not tell links from files
    opened o = good(c.make({link, page("1.png", 1)}), c.name);
    CHECK(o.about.page_count == 1);
    CHECK(cover_of(o) == 1);
  }
  opened o = good({link, page("1.png", 1)});
  CHECK(codes(o) == "archive_symlink");
  o = good({page("1.png", 1), page("1.png", 2)});
  CHECK(codes(o) == "archive_duplicate_entry");
  CHECK(o.about.page_count == 1);
  CHECK(cover_of(o) == 1);
}

TEST_CASE("encrypted and divided archives are named") {
  std::vector<part> parts{page("1.png", 1)};
  CHECK(test::refused_code(test::make_rar4(parts, {.encrypted_headers = true}), "a.cbr") == "archive_encrypted");
  CHECK(test::refused_code(test::make_rar4(parts, {.encrypted_files = true}), "a.cbr") == "archive_encrypted");
  CHECK(test::refused_code(test::make_rar5(parts, {.encrypted_headers = true}), "a.cbr") == "archive_encrypted");
  CHECK(test::refused_code(test::make_rar5(parts, {.encrypted_files = true}), "a.cbr") == "archive_encrypted");
  CHECK(test::refused_code(test::make_rar4(parts, {.solid = true, .encrypted_files = true}), "a.cbr") == "archive_encrypted");
  CHECK(test::refused_code(test::make_rar4(parts, {.volume = true}), "a.part2.rar") == "archive_multivolume");
  CHECK(test::refused_code(test::make_rar5(parts, {.volume = true}), "a.part2.rar") == "archive_multivolume");
  parts[0].flags = 1;
  CHECK(test::refused_code(make_zip(parts), "a.cbz") == "archive_encrypted");
}

TEST_CASE("names that are not ASCII come through in every container") {
  for (const test::container& c : test::containers()) {
    INFO(c.name);
    opened o = good(c.make({page("\xc3\xa9t\xc3\xa9/\xe6\xbc\xab\xe7\x94\xbb 1.png", 1),
                            page("\xc3\xa9t\xc3\xa9/\xe6\xbc\xab\xe7\x94\xbb 2.png", 2)}),
                    c.name);
    CHECK(o.cover->entry == "\xc3\xa9t\xc3\xa9/\xe6\xbc\xab\xe7\x94\xbb 1.png");
  }
}

TEST_CASE("the content decides, whatever the name says") {
  opened o = good(test::make_rar5({page("1.png", 1)}), "a.cbz");
  CHECK(o.format == "cbr");
  CHECK(codes(o) == "extension_mismatch");
  CHECK(good(make_zip({page("1.png", 1)}), "a.cbr").format == "cbz");
}
