#include "publication/unicode.hpp"

#include <catch2/catch.hpp>

using namespace carrel::publication;

namespace {

std::string repeated(const std::string& s, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += s;
  return out;
}

}  // namespace

TEST_CASE("NFC and NFD turn into one another") {
  CHECK(nfc("E\u0301luard") == "Éluard");
  CHECK(nfd("Éluard") == "E\u0301luard");
  CHECK(nfc("plain") == "plain");
}

TEST_CASE("fold drops case, marks and punctuation") {
  CHECK(fold("The  Émigré's Tale!") == "the emigre s tale");
  CHECK(fold("STRASSE straße") == "strasse strasse");
  CHECK(fold("Ｆｕｌｌ ｗｉｄｔｈ ②") == "full width 2");
  CHECK(fold("Ёлка") == "елка");
  CHECK(fold("شِعْر") == "شعر");
  CHECK(fold("हिन्दी") == "हिन्दी");  // Indic marks stay
  CHECK(fold("がぎ") == "がぎ");    // the Japanese voicing mark stays
  CHECK(fold(" --- ").empty());
  CHECK(fold("a.b_c") == "a b c");
}

TEST_CASE("clean_text removes what must not be stored") {
  CHECK(clean_text("  a \t\n b\u00a0 c ", 100) == "a b c");
  CHECK(clean_text(std::string("A\0\x1b"
                               "B\x07",
                               5),
                   100) == "AB");
  CHECK(clean_text("x\u202eevil\u202c\u200f", 100) == "xevil");
  CHECK(clean_text("\ufefftitle", 100) == "title");
  CHECK(clean_text("नमस्\u200dते", 100) == "नमस्\u200dते");  // the joiner is needed
  CHECK(clean_text("E\u0301", 100) == "É");
  CHECK(clean_text("bad \xff\xfe\xff byte", 100) == "bad \ufffd byte");
  CHECK(clean_text("Salt &amp; Pepper &#233;", 100) == "Salt & Pepper é");
  CHECK(clean_text("&lt;b&gt; stays", 100) == "&lt;b&gt; stays");
  CHECK(clean_text("AT&T", 100) == "AT&T");
}

TEST_CASE("clean_text cuts between graphemes and leaves no blank at the end") {
  CHECK(clean_text("abcdef", 3) == "abc");
  CHECK(clean_text("abc def", 4) == "abc");
  CHECK(clean_text("ab\u00e9\u0300\u0301x", 4) == "ab");  // é with two more marks does not fit
  CHECK(clean_text("ab👩‍🚀", 6) == "ab");
  CHECK(clean_text("日本語", 7) == "日本");
  CHECK(clean_text(repeated("x", 5000), 1000).size() == 1000);
  CHECK(clean_text("anything", 0).empty());
}

TEST_CASE("names of path components are safe everywhere") {
  auto [in, out] = GENERATE(table<std::string, std::string>({
      {"Plain", "Plain"},
      {"A/B\\C", "A-B-C"},
      {"Part 1: What?", "Part 1 - What"},
      {"a*b|c", "a_b-c"},
      {"say \"hi\" <now>", "say 'hi' (now)"},
      {"...hidden. .", "hidden"},
      {"", "_"},
      {"   ", "_"},
      {"CON", "CON_"},
      {"con.txt", "con_.txt"},
      {"LPT¹", "LPT¹_"},
      {"CONIN$", "CONIN$_"},
      {"console", "console"},
      {"-rf", "_-rf"},
      {"x\u202ey\u200bz", "xyz"},
      {"tab\there", "tab here"},
      {"bad\xff", "bad_"},
      {"E\u0301", "É"},
  }));
  CHECK(clean_name(in) == out);
}

TEST_CASE("a path component has at most 180 bytes and ends with a whole grapheme") {
  CHECK(clean_name(repeated("x", 400)).size() == 180);
  std::string name = clean_name("a" + repeated("é", 200));
  CHECK(name.size() <= 180);
  CHECK(name.size() % 2 == 1);
  CHECK(clean_name(repeated("x", 179) + ". tail").ends_with("x"));
}

TEST_CASE("download names follow opds.md 3.7") {
  CHECK(download_name("The Title", "Ada Lark", ".epub") == "The Title - Ada Lark.epub");
  CHECK(download_name("Title", "", "kepub.epub") == "Title.kepub.epub");
  CHECK(download_name("50% / \"x\"; #1?", "A:B", ".epub") == "50 x 1 - A B.epub");
  CHECK(download_name("", "", ".epub") == "book.epub");
  CHECK(download_name("...", "", ".epub") == "book.epub");
  std::string name = download_name(repeated("漢", 100), "Ada", ".epub");
  CHECK(name.size() <= 125);
  CHECK(name.ends_with("漢.epub"));
}

TEST_CASE("ASCII forms of names carry nothing that breaks a header") {
  CHECK(ascii_name("Title.epub") == "Title.epub");
  CHECK(ascii_name("Größe.epub") == "Grosse.epub");
  CHECK(ascii_name("Éluard; \"x\" 100%.epub") == "Eluard_ _x_ 100_.epub");
  CHECK(ascii_name("Маяк.epub") == "Maak.epub");
  CHECK(ascii_name("🌊.epub") == "_.epub");
  for (char c : ascii_name("灯台 مرحبا हिन्दी\\")) CHECK((c >= 0x20 && c < 0x7f && c != '\\'));
}

TEST_CASE("slugs of file names are made of letters, digits and single dashes") {
  CHECK(ascii_slug("The Salt Almanac.epub") == "the-salt-almanac");
  CHECK(ascii_slug("Größe & Éluard's  \"x\" 100%.epub") == "grosse-eluards-x-100");
  CHECK(ascii_slug("Маяк - Ада.kepub.epub") == "maak-ada-kepub");
  CHECK(ascii_slug("2001. A.epub") == "2001-a");
  for (const char* empty : {"", ".epub", "🌊.epub", "---.epub", "'"}) CHECK(ascii_slug(empty) == "book");
  CHECK(ascii_slug(repeated("ab ", 100)).size() <= 80);
  CHECK_FALSE(ascii_slug(repeated("abc ", 100)).ends_with('-'));
}

TEST_CASE("words split scripts without blanks into characters") {
  CHECK(words("the old house") == std::vector<std::string>{"the", "old", "house"});
  CHECK(words("灯台守 book") == std::vector<std::string>{"灯", "台", "守", "book"});
  CHECK(words("한국 소설") == std::vector<std::string>{"한국", "소설"});
  CHECK(words("ใน") == std::vector<std::string>{"ใ", "น"});
  CHECK(words("").empty());
}
