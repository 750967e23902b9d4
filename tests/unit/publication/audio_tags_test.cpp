// The table of ingest.md 14.2, for each kind of tag.

#include <catch2/catch.hpp>

#include "audio_maker.hpp"
#include "epub_maker.hpp"
#include "server/core/text.hpp"

using namespace carrel;
using namespace carrel::publication;
using namespace carrel::publication::test;

namespace {

std::string authors(const opened& o) {
  std::vector<std::string> out;
  for (const person& p : o.about.authors) out.push_back(p.name);
  return join(out, ", ");
}

// A book with a value in every row of the table, whatever tells it.
void check_whole(const opened& o) {
  const metadata& m = o.about;
  CHECK(m.title == "The Whole Book");
  CHECK(m.title_sort == "Whole Book, The");
  CHECK(fact(o, "track_title") == "Part One");
  CHECK(m.subtitle == "With Everything");
  CHECK(authors(o) == "Ada Lark, Ben Wren");
  CHECK(m.authors.at(0) == person{"Ada Lark", "Lark, Ada", "aut"});
  CHECK(narrators(o) == "Nell Reader, Tom Voice");
  CHECK(m.series == "Garden");
  CHECK(m.series_index_text == "2.5");
  CHECK(m.series_index == 2.5);
  CHECK(m.publisher == "House");
  CHECK(m.published_on == "2019-06-01");
  CHECK(m.description_html == "<p>A <b>fine</b> book.</p>");
  CHECK(m.genres == std::vector<std::string>{"Fantasy", "Humour"});
  CHECK(m.languages == std::vector<std::string>{"en"});
  CHECK(identifier(o, "isbn_13") == "9780306406157");
  CHECK(identifier(o, "asin") == "B0ABCDEF12");
  CHECK(fact(o, "abridged") == "true");
  CHECK(fact(o, "track") == "3");
  CHECK(fact(o, "disc") == "1");
  CHECK(o.described);
  CHECK(codes(o) == "");
}

const std::string about = "<p>A <b>fine</b> book.<script>x</script></p>";

opened mp3_with(const std::string& frames) { return open_sound(mp3(frames), "x.mp3"); }
opened m4b_with(const std::string& items) { return open_sound(m4b{.items = items}.bytes(), "x.m4b"); }
opened flac_with(const comments& all) { return open_sound(flac(all), "x.flac"); }

}  // namespace

TEST_CASE("sound: every row of the table in ID3v2") {
  check_whole(mp3_with(id3_text("TALB", "The Whole Book") + id3_text("TIT2", "Part One") + id3_text("TIT3", "With Everything") +
                       id3_text("TPE1", "Ada Lark & Ben Wren") + id3_text("TPE2", "Somebody Else") +
                       id3_text("TCOM", "Nell Reader, Tom Voice") + id3_user("series", "Garden") +
                       id3_user("Series-Part", "2.5") + id3_text("TPUB", "House") + id3_text("TDRC", "2019-06-01") +
                       id3_user("DESCRIPTION", about) + id3_comment("", "not this") + id3_text("TCON", "Fantasy/Humour;fantasy") +
                       id3_text("TLAN", "eng") + id3_user("ISBN", "978-0-306-40615-7") + id3_user("AUDIBLE_ASIN", "b0abcdef12") +
                       id3_user("ABRIDGED", "Yes") + id3_text("TRCK", "3/12") + id3_text("TPOS", "1/2")));
}

TEST_CASE("sound: every row of the table in MP4") {
  check_whole(m4b_with(mp4_text("\xa9"
                                "alb",
                                "The Whole Book") +
                       mp4_text("\xa9nam", "Part One") + mp4_own("SUBTITLE", "With Everything") +
                       mp4_text("\xa9"
                                "ART",
                                "Ada Lark & Ben Wren") +
                       mp4_text("aART", "Somebody Else") + mp4_text("\xa9wrt", "Nell Reader, Tom Voice") +
                       mp4_own("Series", "Garden") + mp4_own("SERIES-PART", "2.5") + mp4_own("PUBLISHER", "House") +
                       mp4_text("\xa9"
                                "day",
                                "2019-06-01T00:00:00Z") +
                       mp4_text("desc", about) + mp4_text("\xa9gen", "Fantasy, Humour") + mp4_own("LANGUAGE", "English") +
                       mp4_own("ISBN", "0306406152") + mp4_text("CDEK", "B0ABCDEF12") + mp4_own("ABRIDGED", "1") +
                       mp4_data("trkn", big(3, 4) + big(12, 2) + big(0, 2), 0) + mp4_data("disk", big(1, 4) + big(2, 2), 0)));
}

TEST_CASE("sound: every row of the table in Vorbis comments, in each container that has them") {
  const comments all{{"Album", "The Whole Book"}, {"TITLE", "Part One"},     {"subtitle", "With Everything"},
                     {"ARTIST", "Ada Lark"},      {"artist", "Ben Wren"},    {"ALBUMARTIST", "Somebody Else"},
                     {"COMPOSER", "Nell Reader"}, {"COMPOSER", "Tom Voice"}, {"SERIES", "Garden"},
                     {"SERIES-PART", "2.5"},      {"LABEL", "House"},        {"DATE", "2019-06-01"},
                     {"DESCRIPTION", about},      {"GENRE", "Fantasy"},      {"GENRE", "Humour"},
                     {"LANGUAGE", "en"},          {"ISBN", "9780306406157"}, {"ASIN", "B0ABCDEF12"},
                     {"ABRIDGED", "true"},        {"TRACKNUMBER", "3"},      {"DISCNUMBER", "1"}};
  check_whole(flac_with(all));
  check_whole(open_sound(opus(all), "x.opus"));
  check_whole(open_sound(vorbis(all), "x.ogg"));
}

TEST_CASE("sound: the same in Windows Media") {
  check_whole(open_sound(asf({{"WM/AlbumTitle", "The Whole Book"},
                              {"Title", "Part One"},
                              {"WM/SubTitle", "With Everything"},
                              {"WM/AlbumArtist", "Ada Lark & Ben Wren"},
                              {"WM/Composer", "Nell Reader, Tom Voice"},
                              {"SERIES", "Garden"},
                              {"SERIES-PART", "2.5"},
                              {"WM/Publisher", "House"},
                              {"WM/Year", "2019-06-01"},
                              {"Description", about},
                              {"WM/Genre", "Fantasy, Humour"},
                              {"WM/Language", "en"},
                              {"ISBN", "9780306406157"},
                              {"ASIN", "B0ABCDEF12"},
                              {"ABRIDGED", "1"},
                              {"WM/TrackNumber", "3"},
                              {"WM/PartOfSet", "1/2"}}),
                         "x.wma"));
}

TEST_CASE("sound: a WAV file has an ID3 tag, or its own few names") {
  std::string tag = id3_tag(id3_text("TALB", "Told") + id3_text("TPE1", "Ada Lark") + id3_chapter("a", 0, "One"));
  opened o = open_sound(wav(riff_chunk("id3 ", tag)), "x.wav");
  CHECK(o.about.title == "Told");
  CHECK(chapters(o) == "0-2000 One");
  std::string info = "INFO" + riff_chunk("INAM", "Named") + riff_chunk("IART", "Ben Wren") + riff_chunk("ICRD", "2001");
  o = open_sound(wav(riff_chunk("LIST", info)), "x.wav");
  CHECK(o.about.title == "Named");
  CHECK(authors(o) == "Ben Wren");
  CHECK(o.about.published_on == "2001");
}

TEST_CASE("sound: the other names of each row count when the first is not there or blank") {
  opened o = mp3_with(id3_text("TALB", " ") + id3_text("TIT2", "T") + id3_user("SUBTITLE", "S") + id3_text("TPE2", "Ada Lark") +
                      id3_user("NARRATOR", "Nell Reader") + id3_text("MVNM", "Garden") + id3_text("MVIN", "4/7") +
                      id3_user("PUBLISHER", "House") + id3_text("TDRL", "2018") + id3_comment("iTunNORM", "0000") +
                      id3_comment("note", "Plain words") + id3_user("LANGUAGE", "deu") + id3_user("ASIN", "B0ABCDEF12"));
  CHECK(o.about.title == "T");
  CHECK(fact(o, "track_title") == "T");
  CHECK(o.about.subtitle == "S");
  CHECK(authors(o) == "Ada Lark");
  CHECK(narrators(o) == "Nell Reader");
  CHECK(o.about.series == "Garden");
  CHECK(o.about.series_index_text == "4");
  CHECK(o.about.publisher == "House");
  CHECK(o.about.published_on == "2018");
  CHECK(o.about.description_text == "Plain words");
  CHECK(o.about.languages == std::vector<std::string>{"de"});
  CHECK(identifier(o, "asin") == "B0ABCDEF12");

  o = m4b_with(mp4_text("\xa9nam", "T") + mp4_text("aART", "Ada Lark") + mp4_text("\xa9nrt", "Nell Reader") +
               mp4_text("\xa9mvn", "Garden") + mp4_data("\xa9mvi", big(4, 2), 21) + mp4_text("cprt", "House") +
               mp4_text("ldes", "Plain words") + mp4_data("gnre", big(102, 2), 0) + mp4_own("AUDIBLE_ASIN", "B0ABCDEF12"));
  CHECK(o.about.title == "T");
  CHECK(authors(o) == "Ada Lark");
  CHECK(narrators(o) == "Nell Reader");
  CHECK(o.about.series == "Garden");
  CHECK(o.about.series_index == 4);
  CHECK(o.about.publisher == "House");
  CHECK(o.about.description_text == "Plain words");
  CHECK(o.about.genres == std::vector<std::string>{"Speech"});
  CHECK(identifier(o, "asin") == "B0ABCDEF12");
  CHECK(m4b_with(mp4_text("cprt", "\xc2\xa9 2019 by Ada Lark, all rights reserved; (P) 2020 House of Sound and Sons"))
            .about.publisher == "");

  o = m4b_with(mp4_text("\xa9nam", "T") + mp4_text("tvsh", "Show") + mp4_text("tven", "9"));
  CHECK(o.about.series == "Show");
  CHECK(o.about.series_index == 9);
  o = flac_with({{"TITLE", "T"},
                 {"ALBUMARTIST", "Ada Lark"},
                 {"PERFORMER", "Nell Reader"},
                 {"SHOW", "Garden"},
                 {"PART", "4"},
                 {"ORGANIZATION", "House"},
                 {"YEAR", "2017"},
                 {"COMMENT", "Plain words"}});
  CHECK(authors(o) == "Ada Lark");
  CHECK(narrators(o) == "Nell Reader");
  CHECK(o.about.series + o.about.series_index_text == "Garden4");
  CHECK(o.about.publisher == "House");
  CHECK(o.about.published_on == "2017");
  CHECK(o.about.description_text == "Plain words");
}

TEST_CASE("sound: several series come in pairs, and the first is the book's") {
  opened o = flac_with({{"TITLE", "T"}, {"SERIES", "Garden; All of Lark"}, {"SERIES-PART", "3; 1.5"}});
  CHECK(o.about.series == "Garden");
  CHECK(o.about.series_index_text == "3");
  CHECK(fact(o, "series") == "Garden #3\nAll of Lark #1.5");
  // Not the same number of parts: nobody knows what belongs together.
  o = flac_with({{"TITLE", "T"}, {"SERIES", "Garden; Path"}, {"SERIES-PART", "3"}});
  CHECK(o.about.series == "Garden; Path");
  CHECK(o.about.series_index == 3);
  CHECK(fact(o, "series") == "");

  o = mp3_with(id3_text("TIT2", "T") + id3_text("GRP1", "Garden of #1 #3; Other #0.5; no number; Bad # 4"));
  CHECK(o.about.series == "Garden of #1");
  CHECK(o.about.series_index == 3);
  CHECK(fact(o, "series") == "Garden of #1 #3\nOther #0.5");
  CHECK(mp3_with(id3_text("TIT2", "T") + id3_text("TIT1", "Audiobook")).about.series == "");
  CHECK(m4b_with(mp4_text("\xa9nam", "T") + mp4_text("\xa9grp", "Path #2")).about.series == "Path");
  // A track's number is no place in a series.
  o = mp3_with(id3_text("TIT2", "T") + id3_user("SERIES", "Garden") + id3_text("TRCK", "5"));
  CHECK(o.about.series_index_text == "");
  CHECK_FALSE(o.about.series_index);
}

TEST_CASE("sound: people are divided as audio tags divide them") {
  auto people = [](const std::string& text) { return authors(mp3_with(id3_text("TPE1", text))); };
  CHECK(people("Ada Lark, Ben Wren, Cy Finch") == "Ada Lark, Ben Wren, Cy Finch");
  CHECK(people("Lark, Ada") == "Ada Lark");
  CHECK(people("Ada Lark; Ben Wren") == "Ada Lark, Ben Wren");
  CHECK(people("Ada Lark, Ben Wren and Cy Finch") == "Ada Lark, Ben Wren, Cy Finch");
  CHECK(people("Unknown") == "");
  CHECK(people("Ada Lark, Ada Lark") == "Ada Lark");
  CHECK(people(std::string("Ada Lark\0Ben Wren", 17)) == "Ada Lark, Ben Wren");
}

TEST_CASE("sound: ID3 tags of every version, encoding and disguise are read") {
  using namespace std::string_literals;
  auto title = [](const std::string& tag) { return open_sound(tag + mp3_frames(50), "x.mp3").about.title; };
  CHECK(title(id3_tag(id3_frame("TAL", "\0Old \x84quotes\x93"s, 2), 2)) == "Old „quotes“");
  CHECK(title(id3_tag(id3_frame("TALB", "\1\xff\xfeW\0i\0d\0e\0"s, 3), 3)) == "Wide");
  CHECK(title(id3_tag(id3_frame("TALB", "\1\xfe\xff\0W\0i\0d\0e\0\0"s, 3), 3)) == "Wide");
  CHECK(title(id3_tag(id3_frame("TALB", "\2\0W\4\x16"s, 4), 4)) == "WЖ");
  // A zero behind every 0xff, for the whole tag or for one frame; an extended header; a group's sign and a length in front.
  CHECK(title(id3_tag(id3_frame("TALB", "\1\xff\xfeW\0"s, 3).insert(12, "\0"s), 3, 0x80)) == "W");
  CHECK(title(id3_tag(id3_frame("TALB", "\1\xff\0\xfeW\0"s, 4, 0x02), 4)) == "W");
  CHECK(title(id3_tag(big(6, 4) + big(0, 6) + id3_text("TALB", "Behind", 3), 3, 0x40)) == "Behind");
  CHECK(title(id3_tag(id3_frame("TALB", "g" + big(5, 4) + "\3Flags", 4, 0x41), 4)) == "Flags");
  // Packed or encrypted frames are passed over, and so is what only looks like a tag.
  CHECK(title(id3_tag(id3_frame("TALB", "\3Packed", 4, 0x08) + id3_text("TIT2", "Plain"), 4)) == "Plain");
  // iTunes wrote plain sizes into 2.4.
  std::string words(300, 'w');
  CHECK(title(id3_tag("TALB" + big(301, 4) + big(0, 2) + "\3" + words + id3_text("TPE1", "x"), 4)) == words);
  // The second of two tags belongs to the sound no more than the first.
  CHECK(title(id3_tag(id3_text("TALB", "First")) + id3_tag(id3_text("TALB", "Second"))) == "First");
}

TEST_CASE("sound: genres may be numbers") {
  auto genres = [](const std::string& text) { return join(mp3_with(id3_text("TCON", text)).about.genres, "|"); };
  CHECK(genres("(101)") == "Speech");
  CHECK(genres("101") == "Speech");
  CHECK(genres("(101)(57)Own words") == "Speech|Comedy|Own words");
  CHECK(genres("Own (words)") == "Own (words)");
  CHECK(genres("(999)") == "(999)");
}

TEST_CASE("sound: values that mean nothing are told and left out") {
  opened o = mp3_with(id3_text("TALB", "T") + id3_text("TPE1", "Ada Lark") + id3_text("TDRC", "soon") + id3_text("TLAN", "qqq") +
                      id3_user("ISBN", "978-0-306-40615-8") + id3_user("SERIES", "S") + id3_user("SERIES-PART", "last") +
                      id3_text("TRCK", "A1") + id3_text("TPOS", "0") + id3_user("ABRIDGED", "maybe") + id3_user("ASIN", "none"));
  CHECK(codes(o) == "metadata_invalid_value metadata_invalid_value metadata_invalid_value metadata_invalid_value");
  CHECK(o.about.published_on == "");
  CHECK(o.about.languages.empty());
  CHECK(o.about.identifiers.empty());
  CHECK(o.about.series_index_text == "last");
  CHECK(o.about.facts.empty());
  CHECK(mp3_with(id3_text("TALB", "T\xff")).about.title == "T\xef\xbf\xbd");
  CHECK(warned(mp3_with(id3_text("TALB", "T\xff")), "text_invalid_utf8"));
}

TEST_CASE("sound: what the tags leave out is taken from the name") {
  auto named = [](const std::string& tag, const std::string& name) { return open_sound(mp3(tag), name); };
  opened o = named("", "Vol. 3 The Lost Garden (2019) [B0ABCDEF12] {Nell Reader}.mp3");
  CHECK(o.about.title == "The Lost Garden");
  CHECK(o.about.published_on == "2019");
  CHECK(identifier(o, "asin") == "B0ABCDEF12");
  CHECK(narrators(o) == "Nell Reader");
  CHECK(o.about.series_index_text == "");  // of which series?
  CHECK(codes(o) == "metadata_missing_title metadata_missing_author");
  o = named(id3_text("TALB", "The Lost Garden") + id3_text("TPE1", "Ada Lark") + id3_user("SERIES", "Garden") +
                id3_text("TCOM", "Tom Voice"),
            "6. The Lost Garden {Nell Reader}.mp3");
  CHECK(o.about.series_index == 6);
  CHECK(narrators(o) == "Tom Voice");
  CHECK(codes(o) == "");
  // A name that speaks of another title says nothing.
  o = named(id3_text("TALB", "The Lost Garden") + id3_text("TPE1", "Ada Lark"), "Another One (1999) {Nell Reader}.mp3");
  CHECK(o.about.published_on == "");
  CHECK(narrators(o) == "");
}
