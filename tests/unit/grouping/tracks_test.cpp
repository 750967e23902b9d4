// audiobooks.md A2, ingest.md 14.5.
#include "ingest/tracks.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace carrel::ingest;

namespace {

struct said {
  std::string path, album = "The Voyage";
  std::optional<int> disc = {}, track = {};
};

std::vector<recording> recordings(const std::vector<said>& all) {
  std::vector<recording> out;
  for (const said& s : all) {
    recording r;
    r.path = s.path;
    r.album = s.album;
    r.disc = s.disc;
    r.track = s.track;
    r.is_sound = is_recording(s.path);
    out.push_back(r);
  }
  return out;
}

// "part: a b | part: c", parts and files in their order.
std::string shown(std::vector<recording> all) {
  std::sort(all.begin(), all.end(), [](const recording& a, const recording& b) {
    return std::tuple(a.part, a.position == 0, a.position, a.path) < std::tuple(b.part, b.position == 0, b.position, b.path);
  });
  std::string out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i == 0 || all[i].part != all[i - 1].part) out += (out.empty() ? "" : " | ") + all[i].part + ":";
    out += " " + all[i].path + (all[i].position == 0 ? "*" : "");
  }
  return out;
}

std::string sorted(const std::vector<said>& all, bool loose = false, const std::string& title = "The Voyage") {
  std::vector<recording> r = recordings(all);
  sort_recordings(r, loose, title);
  return shown(r);
}

}  // namespace

TEST_CASE("disc and track decide when every file has them") {
  CHECK(sorted({{"c.mp3", "V", 1, 2}, {"b.mp3", "V", 2, 1}, {"a.mp3", "V", 1, 1}}) == ": a.mp3 c.mp3 b.mp3");
  CHECK(sorted({{"c.mp3", "V", {}, 10}, {"b.mp3", "V", {}, 9}, {"a.mp3", "V", {}, 11}}) == ": b.mp3 c.mp3 a.mp3");
  CHECK(sorted({{"x.mp3", "V", {}, 2}, {"y.mp3", "V", 1, 1}}) == ": y.mp3 x.mp3");  // not all have a disc, and tracks are unique
}

TEST_CASE("tracks that two files share, or that one lacks, are no order; then the numbers of the names are") {
  CHECK(sorted({{"Part 10.mp3", "V", {}, 1}, {"Part 9.mp3", "V", {}, 1}}) == ": Part 9.mp3 Part 10.mp3");
  CHECK(sorted({{"Part 10.mp3", "V", {}, 1}, {"Part 9.mp3", "V", {}, {}}}) == ": Part 9.mp3 Part 10.mp3");
  CHECK(sorted({{"CD2/1.mp3"}, {"CD1/2.mp3"}, {"CD1/1.mp3"}}) == ": CD1/1.mp3 CD1/2.mp3 CD2/1.mp3");
  CHECK(sorted({{"CD10/1.mp3"}, {"CD9/1.mp3"}}) == ": CD9/1.mp3 CD10/1.mp3");
}

TEST_CASE("numbers of title and year are not those of the parts") {
  CHECK(sorted({{"Station 11 - 2014 - 2.mp3", "Station 11"}, {"Station 11 - 2014 - 10.mp3", "Station 11"}}, false,
               "Station 11") == ": Station 11 - 2014 - 2.mp3 Station 11 - 2014 - 10.mp3");
}

TEST_CASE("names without numbers are in their natural order") {
  CHECK(sorted({{"epilogue.mp3"}, {"Beginning.mp3"}, {"middle.mp3"}}) == ": Beginning.mp3 epilogue.mp3 middle.mp3");
  CHECK(sorted({{"Part 10b.mp3"}, {"intro.mp3"}, {"Part 2.mp3"}}) == ": intro.mp3 Part 2.mp3 Part 10b.mp3");
}

TEST_CASE("differing albums are books of their own, those of one album one book") {
  CHECK(sorted({{"a.m4b", "One"}, {"b.m4b", "Two"}, {"c.m4b", "one!"}}) == "album one: a.m4b c.m4b | album two: b.m4b");
  CHECK(sorted({{"CD1/1.mp3", "One (Disc 1)"}, {"CD2/1.mp3", "One (Disc 2)"}}) == ": CD1/1.mp3 CD2/1.mp3");
  CHECK(sorted({{"1.mp3", "One, CD 1"}, {"2.mp3", ""}}) == ": 1.mp3 2.mp3");
}

TEST_CASE("the disc is no part of the book's title when there are several") {
  auto title = [](const std::string& first, const std::string& second) {
    std::vector<recording> r = recordings({{"CD1/1.mp3", first}, {"CD2/1.mp3", second}});
    sort_recordings(r, false, "");
    auto leader = std::find_if(r.begin(), r.end(), [](const recording& x) { return x.leads; });
    return leader == r.end() ? "nobody leads" : leader->title;
  };
  CHECK(title("One (Disc 1)", "One (Disc 2)") == "One");
  CHECK(title("One, CD 1", "One, CD 2") == "One");
  CHECK(title("Two Cities - Teil 03", "Two Cities - Teil 04") == "Two Cities");
  CHECK(title("One [CD1]", "One [CD2]") == "One");
  CHECK(title("One", "one!") == "One");
  CHECK(title("Dune Part 1", "Dune Part 1").empty());
  CHECK(title("CD 1", "CD 2").empty());  // two books
}

TEST_CASE("what lies loose and names no album is a book by itself") {
  CHECK(sorted({{"a.mp3", ""}, {"b.mp3", ""}, {"1.mp3", "One"}, {"2.mp3", "One"}}, true) ==
        "album one: 1.mp3 2.mp3 | file a.mp3: a.mp3 | file b.mp3: b.mp3");
}

TEST_CASE("one recording in two formats is played once") {
  CHECK(sorted({{"x.mp3"}, {"x.m4b"}}) == ": x.m4b x.mp3*");
  CHECK(sorted({{"1.mp3"}, {"1.ogg"}, {"2.mp3"}, {"2.ogg"}}) == ": 1.mp3 2.mp3 1.ogg* 2.ogg*");
}

TEST_CASE("other formats go with the recording of their title") {
  CHECK(sorted({{"1.mp3"}, {"x.epub", ""}}) == ": 1.mp3 x.epub*");
  CHECK(sorted({{"a.m4b", "The Voyage"}, {"b.m4b", "Zebras"}, {"Zebras.epub", ""}, {"Quux.pdf", ""}}) ==
        "album the voyage: a.m4b | album zebras: b.m4b Zebras.epub* | text Quux: Quux.pdf*");
}

TEST_CASE("with several recordings only a text of their title goes with them") {
  CHECK(sorted({{"1.mp3"}, {"2.mp3"}, {"Quux.epub", ""}}) == ": 1.mp3 2.mp3 | text Quux: Quux.epub*");
  CHECK(sorted({{"1.mp3"}, {"2.mp3"}, {"The Voyage.epub", ""}}) == ": 1.mp3 2.mp3 The Voyage.epub*");
  CHECK(sorted({{"1.mp3"}, {"2.mp3"}, {"x.epub", "The Voyage"}}) == ": 1.mp3 2.mp3 x.epub*");
  CHECK(sorted({{"1.mp3", ""}, {"2.mp3", ""}, {"x.epub", "The Voyage"}}) == ": 1.mp3 2.mp3 x.epub*");  // as the folder is called
  CHECK(sorted({{"1.mp3"}, {"x.epub", "Quux"}, {"x.pdf", ""}}) == ": 1.mp3 x.epub* x.pdf*");
  CHECK(sorted({{"1.mp3"}, {"x.epub", "Quux"}, {"y.pdf", ""}}) == ": 1.mp3 | text x: x.epub* | text y: y.pdf*");
}

TEST_CASE("what lies where others lay takes their place when it is the same recording") {
  struct file {
    std::string path, album;
    int track;
    std::int64_t length;
    char was;  // g: gone, taken by Carrel; w: withdrawn; s: still there; n: new
  };
  auto outdated = [](const std::vector<file>& all) {
    std::vector<recording> r;
    for (const file& f : all) {
      recording one;
      one.path = f.path;
      one.album = f.album;
      if (f.track > 0) one.track = f.track;
      one.length = f.length;
      one.gone = f.was == 'g' || f.was == 'w';
      one.withdrawn = f.was == 'w';
      one.was_sorted = f.was != 'n';
      r.push_back(one);
    }
    sort_recordings(r, false, "One");
    std::string out;
    for (const recording& one : r) {
      if (one.outdated) out += one.path + " ";
      if (one.outdated) CHECK(one.position == 0);
    }
    return out;
  };
  CHECK(outdated({{"1.mp3", "One", 1, 1000, 'w'}, {"2.mp3", "One", 2, 1000, 'w'}, {"x.m4b", "One", 0, 500, 'n'}}) ==
        "1.mp3 2.mp3 ");
  CHECK(outdated({{"1.mp3", "One", 1, 1000, 'g'}, {"2.mp3", "One", 2, 1000, 'g'}, {"x.m4b", "One", 0, 1950, 'n'}}) ==
        "1.mp3 2.mp3 ");
  CHECK(outdated({{"1.mp3", "One", 1, 1000, 'g'}, {"2.mp3", "One", 2, 1000, 'g'}, {"3.mp3", "One", 3, 1000, 'n'}}).empty());
  CHECK(outdated({{"1.mp3", "One", 1, 1000, 'g'}, {"2.mp3", "One", 2, 3000, 'g'}, {"1.mp3", "One", 1, 2000, 'n'}}).empty());
  CHECK(outdated({{"1.mp3", "One", 1, 1000, 'g'}, {"2.mp3", "One", 2, 3000, 'g'}, {"n.mp3", "One", 1, 1010, 'n'}}) == "1.mp3 ");
  CHECK(outdated({{"1.mp3", "One", 1, 1000, 's'}, {"2.mp3", "One", 2, 1000, 'w'}, {"n.mp3", "One", 2, 10, 'n'}}) == "2.mp3 ");
  CHECK(outdated({{"1.mp3", "One", 1, 1000, 's'}, {"2.mp3", "One", 2, 1000, 'w'}, {"n.mp3", "One", 3, 10, 'n'}}).empty());
  CHECK(outdated({{"1.mp3", "One", 1, 1000, 'w'}, {"n.mp3", "Two", 1, 1000, 'n'}}).empty());
  CHECK(outdated({{"1.mp3", "One", 1, 1000, 'w'}}).empty());
}

TEST_CASE("what comes later joins those of its album and does not move what is there") {
  std::vector<recording> all = recordings({{"1.mp3", "One", {}, 1}, {"3.mp3", "One", {}, 3}});
  sort_recordings(all, false, "One");
  for (recording& r : all) r.was_sorted = true;
  std::vector<recording> later = recordings({{"2.mp3", "One", {}, 2}, {"x.mp3", "Other", {}, 1}});
  all.insert(all.end(), later.begin(), later.end());
  sort_recordings(all, false, "One");
  CHECK(shown(all) == ": 1.mp3 2.mp3 3.mp3 | album other: x.mp3");
}

TEST_CASE("the first that names the book and its author speaks for all") {
  std::vector<recording> all = recordings({{"1.mp3", ""}, {"2.mp3", "One"}, {"3.mp3", "One"}});
  all[2].author = "Ada";
  sort_recordings(all, false, "One");
  CHECK((!all[0].leads && !all[1].leads && all[2].leads));
}

TEST_CASE("folders of discs") {
  for (const char* name : {"CD1", "CD 01", "Disc 2", "Disk3", "Part 1", "Teil 2", "disc-12", "cd_3"}) CHECK(is_disc_folder(name));
  for (const char* name : {"CD", "Disco 2", "Party 1", "1", "CD 1 of 2", "Part One", "cd1234", ""})
    CHECK_FALSE(is_disc_folder(name));
}
