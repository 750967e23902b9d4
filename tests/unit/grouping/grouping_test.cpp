// ingest.md 3.4 and 15.
#include "ingest/grouping.hpp"

#include <catch2/catch.hpp>

using namespace carrel;
using namespace carrel::ingest;

namespace {

std::vector<finding> in_folder(const std::vector<std::string>& names) {
  std::vector<finding> out;
  for (const std::string& n : names) out.push_back({"/drop/" + n, {}});
  return out;
}

// "a.epub a.pdf + a.opf | b.epub"
std::string shown(const std::vector<std::string>& files, const std::vector<std::string>& beside = {}) {
  std::string out;
  for (const unit& u : units_of({in_folder(files), in_folder(beside), false, ""})) {
    out += out.empty() ? "" : " | ";
    std::string line;
    for (const finding& f : u.files) line += (line.empty() ? "" : " ") + f.path.substr(6);
    for (std::size_t i = 0; i < u.beside.size(); ++i) line += (i == 0 ? " + " : " ") + u.beside[i].what.path.substr(6);
    out += line;
  }
  return out;
}

}  // namespace

TEST_CASE("files of one name and several formats are one book") {
  CHECK(shown({"b.epub", "a.pdf", "a.epub"}) == "a.epub a.pdf | b.epub");
  CHECK(shown({"a.kepub.epub", "a.epub", "a.fb2.zip"}) == "a.epub a.fb2.zip a.kepub.epub");
  CHECK(shown({"Vol. 1.epub", "Vol. 2.epub"}) == "Vol. 1.epub | Vol. 2.epub");
  CHECK(shown({}) == "");
}

TEST_CASE("two files of one name and one format are two books") {
  CHECK(shown({"a.epub", "a.EPUB", "a.pdf"}) == "a.EPUB | a.epub | a.pdf");
}

TEST_CASE("what bears a book's name is its, whatever else is in the folder") {
  CHECK(shown({"a.epub", "b.epub"}, {"b.opf", "B.jpg", "b.metadata.json", "c.opf"}) ==
        "a.epub | b.epub + b.opf b.metadata.json B.jpg");
}

TEST_CASE("what bears no book's name is that of the only book of its folder") {
  CHECK(shown({"a.epub", "a.pdf"}, {"folder.png", "cover.jpg", "metadata.json", "back.jpg"}) ==
        "a.epub a.pdf + metadata.json cover.jpg folder.png");
  CHECK(shown({"a.epub", "b.epub"}, {"cover.jpg", "metadata.json"}) == "a.epub | b.epub");
  CHECK(shown({"cover.epub"}, {"cover.jpg"}) == "cover.epub + cover.jpg");
}

TEST_CASE("a folder with metadata.opf is one book, as Calibre lays it out, unless a format is there twice") {
  CHECK(shown({"One - Ada.epub", "Uno - Ada.pdf"}, {"metadata.opf", "cover.jpg"}) ==
        "One - Ada.epub Uno - Ada.pdf + metadata.opf cover.jpg");
  CHECK(shown({"a.epub", "b.epub"}, {"metadata.opf", "b.opf"}) == "a.epub | b.epub + b.opf");
}

namespace {

std::string in_audio_folder(const std::string& named, const std::vector<std::string>& files,
                            const std::vector<std::string>& beside = {}, bool loose = false) {
  std::string out;
  for (const unit& u : units_of({in_folder(files), in_folder(beside), loose, named})) {
    out += out.empty() ? "" : " | ";
    std::string line = u.tracks ? "T:" : "";
    for (const finding& f : u.files) line += (line.empty() ? "" : " ") + f.path.substr(6);
    for (std::size_t i = 0; i < u.beside.size(); ++i) line += (i == 0 ? " + " : " ") + u.beside[i].what.path.substr(6);
    out += line;
  }
  return out;
}

}  // namespace

TEST_CASE("recordings of a folder are one book with what lies beside them") {
  CHECK(in_audio_folder("Author/The Voyage", {"2.mp3", "10.mp3", "desc.txt", "reader.txt", "x.cue"},
                        {"cover.jpg", "metadata.json", "metadata.opf"}) ==
        "T: 10.mp3 2.mp3 + metadata.opf metadata.json cover.jpg desc.txt reader.txt x.cue");
  CHECK(in_audio_folder("A/B", {"CD1/1.mp3", "CD2/1.mp3"}) == "T: CD1/1.mp3 CD2/1.mp3");
}

TEST_CASE("an e-book among recordings is of the same book when it is alone or has the folder's title") {
  CHECK(in_audio_folder("Ada/The Voyage", {"1.mp3", "2.mp3", "x.epub", "x.pdf"}) == "T: 1.mp3 2.mp3 x.epub x.pdf");
  CHECK(in_audio_folder("Ada/The Voyage", {"1.mp3", "2.mp3", "Zebras.epub", "The Voyage.epub"}) ==
        "T: 1.mp3 2.mp3 The Voyage.epub | Zebras.epub");
  CHECK(in_audio_folder("Ada/Misc", {"1.mp3", "Zebras.epub", "The Voyage.epub"}) == "T: 1.mp3 | The Voyage.epub | Zebras.epub");
}

TEST_CASE("recordings of which each has its own description are books of their own") {
  CHECK(in_audio_folder("Ada", {"One.m4b", "Two.m4b"}, {"One.jpg", "Two.opf"}) == "One.m4b + One.jpg | Two.m4b + Two.opf");
}

TEST_CASE("recordings that lie in the drop folder itself belong together only by what they say") {
  CHECK(in_audio_folder("", {"a.mp3"}, {}, true) == "a.mp3");
  CHECK(in_audio_folder("", {"a.mp3", "b.mp3", "x.epub", "c.m4b", "c.epub"}, {}, true) ==
        "T: a.mp3 b.mp3 | c.epub c.m4b | x.epub");
}

TEST_CASE("folders of discs in the drop folder itself are one book with each other, and not with what lies beside them") {
  listing l{in_folder({"a.mp3", "b.epub"}), in_folder({"cover.jpg"}), true, "."};
  l.discs = in_folder({"CD2/1.mp3", "CD1/1.mp3"});
  std::vector<unit> all = units_of(std::move(l));
  REQUIRE(all.size() == 3);
  CHECK(all[2].tracks);
  CHECK_FALSE(all[2].loose);
  CHECK(all[2].named.empty());
  CHECK(all[2].beside.empty());
  REQUIRE(all[2].files.size() == 2);
  CHECK(all[2].files[0].path == "/drop/CD1/1.mp3");
}

TEST_CASE("more than 5,000 recordings are refused together") {
  std::vector<std::string> files;
  for (int i = 0; i < 5001; ++i) files.push_back(std::to_string(i) + ".mp3");
  std::vector<unit> all = units_of({in_folder(files), {}, false, "x"});
  REQUIRE(all.size() == 1);
  CHECK(all[0].refused == "audio_too_many_files");
  files.pop_back();
  CHECK(units_of({in_folder(files), {}, false, "x"})[0].refused.empty());
}

TEST_CASE("sidecars alone are no book") { CHECK(shown({}, {"metadata.opf", "cover.jpg"}) == ""); }

TEST_CASE("a large flat folder is divided in time that grows with it") {
  std::vector<std::string> files, beside;
  for (int i = 0; i < 20'000; ++i) {
    files.push_back(std::to_string(i) + ".epub");
    beside.push_back(std::to_string(i) + ".jpg");
  }
  std::vector<unit> all = units_of({in_folder(files), in_folder(beside), false, ""});
  CHECK(all.size() == 20'000);
  CHECK(std::all_of(all.begin(), all.end(), [](const unit& u) { return u.beside.size() == 1; }));
}
