// The synthetic corpus and the sample files beside the repository, where they exist (contract.md 2).

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "epub_maker.hpp"
#include "publication/fingerprint.hpp"
#include "publication/unicode.hpp"
#include "server/core/digest.hpp"
#include "server/core/json.hpp"
#include "server/core/text.hpp"
#include "tests/harness/folder.hpp"

using namespace carrel;
using namespace carrel::publication;
namespace fs = std::filesystem;

namespace {

class descriptor {
 public:
  explicit descriptor(const fs::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) { REQUIRE(fd_ >= 0); }
  ~descriptor() { ::close(fd_); }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

result<opened, refusal> open_file(const fs::path& path) {
  descriptor file(path);
  return publication::open(file.get(), path.filename().string());
}

std::string text(const json::object& o, std::string_view name) {
  std::string out;
  o.take(name, out);
  return out;
}
std::vector<std::string> texts(const json::object& o, std::string_view name) {
  std::vector<std::string> out;
  o.take(name, out);
  return out;
}
std::int64_t number(const json::object& o, std::string_view name) {
  std::int64_t out = -1;
  o.take(name, out);
  return out;
}
const json::object& object(const json::object& o, std::string_view name) {
  const json::value* v = o.find(name);
  REQUIRE(v != nullptr);
  REQUIRE(v->as_object() != nullptr);
  return *v->as_object();
}

std::string one_line(const std::string& s) { return clean_text(s, std::string::npos); }

std::string identifier(const opened& o, std::string_view scheme) {
  auto found =
      std::find_if(o.about.identifiers.begin(), o.about.identifiers.end(), [&](const auto& i) { return i.first == scheme; });
  return found == o.about.identifiers.end() ? "" : found->second;
}

void check_fingerprints(const fs::path& path, const json::object& expected) {
  descriptor file(path);
  auto f = fingerprint(file.get());
  REQUIRE(f);
  CHECK(f->sha256 == text(expected, "sha256"));
  CHECK(f->md5 == text(expected, "md5"));
  CHECK(f->koreader_md5 == text(expected, "koreader_partial_md5"));
  CHECK(static_cast<std::int64_t>(f->size) == number(expected, "size"));
  CHECK(file_name_md5(path.string()) == text(expected, "filename_md5"));
}

void check_people(const metadata& about, const json::object& expected) {
  std::vector<std::string> names, sorts;
  for (const person& p : about.authors) {
    names.push_back(p.name);
    sorts.push_back(p.sort);
  }
  CHECK(names == texts(expected, "authors"));
  CHECK(sorts == texts(expected, "author_sort"));
  std::vector<std::string> found, wanted;
  for (const person& p : about.contributors) found.push_back(p.name + "/" + p.role);
  for (const json::value& v : *expected.find("contributors")->as_array())
    wanted.push_back(text(*v.as_object(), "name") + "/" + text(*v.as_object(), "role"));
  CHECK(found == wanted);
}

void check_cover(const opened& o, const json::object& entry) {
  if (const json::value* cover = entry.find("cover"); cover != nullptr && cover->as_object() != nullptr) {
    REQUIRE(o.cover);
    CHECK(sha256_hex(o.cover->bytes) == text(*cover->as_object(), "sha256"));
    CHECK(o.cover->mime == text(*cover->as_object(), "media_type"));
    CHECK(o.cover->width == number(*cover->as_object(), "width"));
    CHECK(o.cover->height == number(*cover->as_object(), "height"));
  } else {
    CHECK_FALSE(o.cover);
  }
}

void check_epub(const opened& o, const json::object& entry) {
  const json::object& expected = object(entry, "expected");
  const metadata& about = o.about;
  CHECK(about.title == text(expected, "title"));
  CHECK(about.subtitle == text(expected, "subtitle"));
  CHECK(about.title_sort == text(expected, "title_sort"));
  check_people(about, expected);
  CHECK(about.series == text(expected, "series"));
  CHECK(about.series_index_text == text(expected, "series_index"));
  CHECK(about.languages == std::vector<std::string>{text(expected, "language")});
  CHECK(about.publisher == text(expected, "publisher"));
  CHECK(about.published_on == text(expected, "published"));
  CHECK(identifier(o, "isbn_13") == text(expected, "isbn_13"));
  CHECK(identifier(o, "uuid") == text(expected, "uuid"));
  CHECK(about.subjects == texts(expected, "subjects"));
  CHECK(one_line(about.description_text) == text(expected, "description"));
  // EPUB 2 of the corpus does not say its direction.
  bool rtl = text(expected, "reading_direction") == "rtl" && text(entry, "epub_version") == "3";
  CHECK((about.reading == direction::rtl) == rtl);
  CHECK(std::string(o.content_hash) == text(entry, "content_hash"));
  bool fixed = false, kepub = false;
  entry.take("fixed_layout", fixed);
  entry.take("is_kepub", kepub);
  CHECK(about.fixed_layout == fixed);
  CHECK(about.is_kepub == kepub);
  CHECK(o.format == (kepub ? "kepub" : "epub"));
  CHECK(about.page_count == number(entry, fixed ? "spine_items" : "estimated_pages"));
  CHECK(about.drm.empty());

  std::vector<std::string> toc, wanted = texts(entry, "toc");
  for (const toc_entry& e : about.toc) {
    if (e.title != "Cover") toc.push_back(e.title);
  }
  for (std::string& t : wanted) t = one_line(t);
  CHECK(toc == wanted);

  check_cover(o, entry);
  std::string expected_warnings = texts(expected, "authors").empty() ? "metadata_missing_author" : "";
  CHECK(test::codes(o) == expected_warnings);
}

// What the generator writes of a book into an FB2: of contributors the translators, of dates the year when there is a publisher.
void check_fiction(const opened& o, const json::object& entry) {
  const json::object& expected = object(entry, "expected");
  const metadata& about = o.about;
  CHECK(about.title == text(expected, "title"));
  CHECK(about.title_sort == text(expected, "title_sort"));
  std::vector<std::string> names, sorts, found, wanted;
  for (const person& p : about.authors) {
    names.push_back(p.name);
    sorts.push_back(p.sort);
  }
  CHECK(names == texts(expected, "authors"));
  CHECK(sorts == texts(expected, "author_sort"));
  for (const person& p : about.contributors) found.push_back(p.name + "/" + p.role);
  for (const json::value& v : *expected.find("contributors")->as_array()) {
    if (text(*v.as_object(), "role") == "trl") wanted.push_back(text(*v.as_object(), "name") + "/trl");
  }
  CHECK(found == wanted);
  bool published = !text(expected, "publisher").empty();
  CHECK(about.series == text(expected, "series"));
  CHECK(about.series_index_text == text(expected, "series_index"));
  CHECK(about.languages == std::vector<std::string>{text(expected, "language")});
  CHECK(about.publisher == text(expected, "publisher"));
  CHECK(about.published_on == text(expected, "published").substr(0, published ? 4 : 10));
  CHECK(identifier(o, "isbn_13") == (published ? text(expected, "isbn_13") : ""));
  CHECK(identifier(o, "fb2") == text(expected, "uuid"));
  CHECK(about.subjects == texts(expected, "subjects"));
  CHECK(one_line(about.description_text) == text(expected, "description"));
  CHECK(o.content_hash == text(entry, "content_hash"));
  CHECK(about.page_count_source == "estimate");
  check_cover(o, entry);
  CHECK(test::codes(o) == (names.empty() ? "metadata_missing_author" : ""));
}

// XMP tells more than Info; some files of the corpus have only one of them.
void check_pdf(const opened& o, const json::object& entry) {
  const json::object& expected = object(entry, "expected");
  bool has_info = false, has_xmp = false;
  entry.take("has_info", has_info);
  entry.take("has_xmp", has_xmp);
  CHECK(o.about.title == text(expected, "title"));
  CHECK(o.about.title_sort == text(expected, "title_sort"));
  check_people(o.about, {{"authors", texts(expected, "authors")},
                         {"author_sort", texts(expected, "author_sort")},
                         {"contributors", json::array{}}});
  CHECK(o.about.page_count == number(entry, "pages"));
  CHECK(o.about.page_count_source == "counted");
  CHECK(o.about.fixed_layout);
  CHECK(o.content_hash.size() == 64);
  if (has_info) CHECK(one_line(o.about.description_text) == text(expected, "description"));
  if (has_xmp) {
    CHECK(o.about.languages == std::vector<std::string>{text(expected, "language")});
    CHECK(o.about.subjects == texts(expected, "subjects"));
    CHECK(identifier(o, "isbn_13") == text(expected, "isbn_13"));
    CHECK(o.about.series == text(expected, "series"));
    CHECK(o.about.series_index_text == text(expected, "series_index"));
  }
  CHECK(test::codes(o) == (texts(expected, "authors").empty() ? "metadata_missing_author" : ""));
}

void check_comic(const opened& o, const json::object& entry) {
  const json::object& expected = object(entry, "expected");
  const metadata& about = o.about;
  bool described = false;
  entry.take("has_comicinfo", described);
  CHECK(about.title == text(expected, "title"));
  CHECK(about.page_count == number(entry, "pages"));
  CHECK(about.page_count_source == "counted");
  CHECK(about.fixed_layout);
  CHECK(o.content_hash == text(entry, "content_hash"));
  REQUIRE(o.cover);
  CHECK(sha256_hex(o.cover->bytes) == text(object(entry, "cover"), "sha256"));
  CHECK(o.cover->entry == texts(entry, "page_names").at(0));
  std::vector<std::string> names;
  for (const person& p : about.authors) names.push_back(p.name);
  CHECK(names == texts(expected, "authors"));
  std::string wanted = names.empty() ? "metadata_missing_author" : "";
  CHECK(test::codes(o) == (described ? wanted : "metadata_missing_title metadata_missing_author"));
  if (!described) return;
  CHECK(about.series == text(expected, "series"));
  CHECK(about.series_index_text == text(expected, "series_index"));
  CHECK(about.languages == std::vector<std::string>{text(expected, "language")});
  CHECK(about.publisher == text(expected, "publisher"));
  CHECK(about.published_on == text(expected, "published"));
  CHECK(identifier(o, "isbn_13") == text(expected, "isbn_13"));
  CHECK(about.genres == texts(expected, "subjects"));
  CHECK(one_line(about.description_text) == text(expected, "description"));
  CHECK(about.reading == (text(expected, "reading_direction") == "rtl" ? direction::rtl : direction::ltr));
}

fs::path bad_path(const fs::path& root, const json::object& entry) {
  std::string hex = text(entry, "path_hex");
  return root / (hex.empty() ? text(entry, "path") : "bad/" + *unhex(hex));
}

// The generator means to cut its truncated.fb2 behind 500 bytes and writes fewer.
bool is_not_cut(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream all;
  all << in.rdbuf();
  return path.filename() == "truncated.fb2" && all.str().ends_with("</FictionBook>");
}

void check_bad(const fs::path& root, const json::object& entry) {
  fs::path path = bad_path(root, entry);
  std::string outcome = text(entry, "outcome"), code = text(entry, "code");
  INFO(path.filename().string() << ": " << outcome << " " << code);
  auto o = open_file(path);
  if (code == "ignored_name") return;  // decided by the name alone, before a file is opened
  if (outcome == "reject") {
    REQUIRE_FALSE(o);
    CHECK(o.error().code == code);
    return;
  }
  if (!o) FAIL("refused: " << o.error().code << " " << o.error().detail);
  bool may_be_ok = text(entry, "note").find("'ok' is right too") != std::string::npos || is_not_cut(path);
  if (outcome == "warn" && !may_be_ok) CHECK(test::warned(*o, code));
  for (const warning& w : o->warnings) {
    bool expected = w.code == code || w.code == "metadata_missing_author" ||
                    (w.code == "metadata_missing_title" && code == "xml_entities_not_allowed");  // which nothing is taken from
    if (!expected) FAIL_CHECK("unexpected warning " << w.code << " " << w.detail);
  }
}

}  // namespace

TEST_CASE("the synthetic corpus is read as its manifest says") {
  fs::path maker = harness::shared_folder() / "corpus" / "make_corpus.py";
  if (!fs::exists(maker)) {
    WARN("no corpus beside the repository (" << maker.string() << "): not checked");
    return;
  }
  harness::scratch_folder out;
  std::string command =
      "python3 '" + maker.string() + "' --out '" + out.path.string() + "' --epub 24 --cbz 24 --bad --bomb-mib 64 >/dev/null";
  REQUIRE(std::system(command.c_str()) == 0);
  std::ifstream in(out.path / "manifest.json");
  std::stringstream all;
  all << in.rdbuf();
  auto manifest = json::read_object(all.str());
  REQUIRE(manifest);

  for (const json::value& v : *manifest->find("files")->as_array()) {
    const json::object& entry = *v.as_object();
    fs::path path = out.path / text(entry, "path");
    INFO(path.string() << " " << text(entry, "feature"));
    auto o = open_file(path);
    if (!o) FAIL_CHECK("refused: " << o.error().code);
    if (!o) continue;
    check_fingerprints(path, object(entry, "file"));
    if (text(entry, "format") == "epub") {
      check_epub(*o, entry);
    } else if (text(entry, "format") == "cbz") {
      check_comic(*o, entry);
    } else {
      std::string format = text(entry, "format");
      if (path.string().ends_with(".fb2.zip")) format = "fbz";
      CHECK(o->format == format);
      CHECK_FALSE(o->about.title.empty());
      if (text(entry, "format") == "fb2") check_fiction(*o, entry);
      if (format == "txt") {
        CHECK(o->described);
        CHECK(o->about.title == text(object(entry, "expected"), "title"));
        CHECK(o->content_hash.size() == 64);
      }
    }
    if (o->format == "pdf") check_pdf(*o, entry);
  }
  for (const json::value& v : *manifest->find("bad")->as_array()) check_bad(out.path, *v.as_object());
  for (const json::value& v : *manifest->find("duplicates")->as_array()) {
    const json::object& d = *v.as_object();
    auto copy = open_file(out.path / text(d, "path")), first = open_file(out.path / text(d, "duplicate_of"));
    REQUIRE((copy && first));
    auto key = [](const opened& o) { return dup_key(o.about.title, o.about.languages.at(0), o.about.authors.at(0).name); };
    CHECK(key(*copy) == key(*first));
    CHECK((copy->content_hash == first->content_hash) == (text(d, "kind") != "same_title_and_author"));
  }
}

TEST_CASE("the sample files open or are refused by name") {
  fs::path samples = harness::shared_folder() / "samples";
  if (!fs::exists(samples)) {
    WARN("no samples beside the repository (" << samples.string() << "): not checked");
    return;
  }
  auto about = [&](const std::string& name) {
    auto o = open_file(samples / name);
    if (!o) FAIL("refused: " << name << " " << o.error().code);
    return *o;
  };
  for (const fs::directory_entry& file : fs::directory_iterator(samples)) {
    if (file.path().extension() != ".epub") continue;
    INFO(file.path().filename().string());
    auto o = open_file(file.path());
    if (!o) FAIL_CHECK("refused: " << o.error().code);
    if (!o) continue;
    CHECK_FALSE(o->about.title.empty());
    CHECK(o->about.drm.empty());
    CHECK(o->content_hash.size() == 64);
  }
  CHECK(about("pkg-spine-progression_rtl.epub").about.reading == direction::rtl);
  CHECK(about("lay-fxl-layout-pre-paginated.epub").about.fixed_layout);
  CHECK(about("ocf-font_obfuscation.epub").about.drm.empty());
  CHECK(about("pub-cmt-webp.epub").format == "epub");
  CHECK(about("regime-anticancer-arabic.epub").cover);
  CHECK(about("wasteland.epub").about.title == "The Waste Land");
  CHECK(about("childrens-literature.epub").about.toc.size() > 3);
}
