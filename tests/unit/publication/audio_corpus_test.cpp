// The audiobooks of the synthetic corpus, where it exists (contract.md 2).

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "audio_maker.hpp"
#include "epub_maker.hpp"
#include "publication/unicode.hpp"
#include "server/core/digest.hpp"
#include "server/core/json.hpp"
#include "server/core/text.hpp"
#include "tests/harness/folder.hpp"

using namespace carrel;
using namespace carrel::publication;
namespace fs = std::filesystem;

namespace {

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
double real(const json::object& o, std::string_view name) {
  double out = -1;
  o.take(name, out);
  return out;
}

void check_chapters(const opened& o, const json::object& entry) {
  const json::array& wanted = *entry.find("chapters")->as_array();
  REQUIRE(o.about.chapters.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const json::object& c = *wanted[i].as_object();
    CHECK(o.about.chapters[i].title == clean_text(text(c, "title"), std::string::npos));
    CHECK(std::abs(static_cast<double>(o.about.chapters[i].start) - real(c, "start") * 1000) < 2);
  }
  CHECK(o.about.chapters.back().end == o.about.duration);
}

void check_book(const opened& o, const json::object& entry) {
  const json::object& expected = *entry.find("expected")->as_object();
  const metadata& about = o.about;
  CHECK(o.format == text(entry, "format"));
  CHECK(about.title == text(expected, "title"));
  std::vector<std::string> names;
  for (const person& p : about.authors) names.push_back(p.name);
  CHECK(names == texts(expected, "authors"));
  CHECK(test::narrators(o) == join(texts(entry, "narrators"), ", "));
  CHECK(about.series == text(expected, "series"));
  CHECK(about.series_index_text == text(expected, "series_index"));
  CHECK(about.languages == std::vector<std::string>{text(expected, "language")});
  CHECK(about.published_on.substr(0, 4) == text(expected, "published").substr(0, 4));
  CHECK(about.genres == texts(expected, "subjects"));
  CHECK(clean_text(about.description_text, std::string::npos) == text(expected, "description"));
  // The writer of the corpus rounds down to whole frames, of at most a quarter of a second.
  CHECK(std::abs(static_cast<double>(about.duration) - real(entry, "duration_seconds") * 1000) < 300);
  CHECK(o.content_hash.size() == 64);
  if (const json::value* cover = entry.find("cover"); cover != nullptr && cover->as_object() != nullptr) {
    REQUIRE(o.cover);
    CHECK(sha256_hex(o.cover->bytes) == text(*cover->as_object(), "sha256"));
    CHECK(o.cover->mime == text(*cover->as_object(), "media_type"));
    CHECK(o.cover->width == real(*cover->as_object(), "width"));
  } else {
    CHECK_FALSE(o.cover);
  }
}

}  // namespace

TEST_CASE("sound: the audiobooks of the corpus are read as their manifest says") {
  fs::path maker = harness::shared_folder() / "corpus" / "make_corpus.py";
  if (!fs::exists(maker)) {
    WARN("no corpus beside the repository (" << maker.string() << "): not checked");
    return;
  }
  harness::scratch_folder out;
  std::string command = "python3 '" + maker.string() + "' --out '" + out.path.string() +
                        "' --epub 0 --cbz 0 --fb2 0 --pdf 0 --txt 0 --audio 12 >/dev/null";
  REQUIRE(std::system(command.c_str()) == 0);
  auto manifest = json::read_object(harness::read_file(out.path / "manifest.json"));
  REQUIRE(manifest);
  int seen = 0;
  for (const json::value& v : *manifest->find("files")->as_array()) {
    const json::object& entry = *v.as_object();
    fs::path path = out.path / text(entry, "path");
    INFO(path.string());
    opened o = test::open_sound(harness::read_file(path), path.filename().string());
    check_book(o, entry);
    check_chapters(o, entry);
    ++seen;
  }
  CHECK(seen == 12);
}
