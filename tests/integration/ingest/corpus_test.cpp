// The synthetic library beside the repository, where there is one.

#include <catch2/catch.hpp>
#include <cstdlib>
#include <map>

#include "server/core/json.hpp"
#include "server/core/text.hpp"
#include "workbench.hpp"

using namespace carrel;
using namespace carrel::ingest;
using namespace carrel::ingest::test;

namespace {

std::optional<fs::path> corpus() {
  static const std::optional<fs::path> made = []() -> std::optional<fs::path> {
    fs::path maker = fs::path(CARREL_SOURCE_DIR) / ".." / "shared" / "corpus" / "make_corpus.py";
    if (!fs::exists(maker)) return std::nullopt;
    fs::path out = fs::absolute(harness::fresh_folder("corpus")) / "lib";
    std::string command =
        "python3 '" + maker.native() + "' --out '" + out.native() + "' --epub 24 --bad --bomb-mib 64 > /dev/null";
    if (std::system(command.c_str()) != 0) return std::nullopt;
    return out;
  }();
  if (!made) WARN("no ../shared/corpus here: these checks did not run");
  return made;
}

json::array list(const fs::path& root, const char* name) {
  auto all = json::read_object(read(root / "manifest.json"));
  REQUIRE(all);
  const json::value* found = all->find(name);
  REQUIRE(found != nullptr);
  return *found->as_array();
}

std::string member(const json::object& o, const char* name) {
  std::string out;
  o.take(name, out);
  return out;
}

}  // namespace

TEST_CASE("every good file of the corpus comes in with the fingerprints of its manifest") {
  auto root = corpus();
  if (!root) return;
  workbench b;
  outcome out = b.take({*root / "epub", *root / "cbz", *root / "fb2", *root / "pdf", *root / "txt", *root / "audio"});
  INFO(codes(out));
  CHECK(out.failed.empty());
  json::array files = list(*root, "files");
  CHECK(out.added.size() + out.duplicates.size() == files.size());
  std::map<std::string, uuid> ids;
  for (const added_file& f : out.added) ids[fs::relative(f.path, *root).native()] = f.file;
  for (const duplicate_file& f : out.duplicates) ids[fs::relative(f.path, *root).native()] = f.file;
  for (const json::value& v : files) {
    const json::object& o = *v.as_object();
    const json::object& facts = *o.find("file")->as_object();
    std::string path = member(o, "path");
    INFO(path);
    REQUIRE(ids.contains(path));
    std::string where = " from book_files f join books b on b.id = f.book_id where f.id = '" + ids[path].text() + "'";
    CHECK(b.text("select checksum" + where) == member(facts, "sha256"));
    CHECK(b.text("select md5" + where) == member(facts, "md5"));
    CHECK(b.text("select koreader_md5" + where) == member(facts, "koreader_partial_md5"));
    if (!path.starts_with("epub/")) continue;
    const json::object& expected = *o.find("expected")->as_object();
    CHECK(b.text("select title" + where) == member(expected, "title"));
    CHECK(b.text("select coalesce(content_hash, '')" + where) == member(o, "content_hash"));
  }
  CHECK(b.number("select count(*) from books where kobo_file is not null") > 0);
  CHECK(b.number("select count(*) from books b where kobo_file is distinct from (select id from kobo_file_of(b.id, 0))") == 0);
}

TEST_CASE("duplicates of the corpus are recognised by their kind") {
  auto root = corpus();
  if (!root) return;
  workbench b;
  b.take({*root / "epub"});
  outcome out = b.take({*root / "duplicates"});
  std::map<std::string, std::string> how;
  for (const duplicate_file& f : out.duplicates) how[fs::path(f.path).filename()] = "same_file";
  for (const added_file& f : out.added) {
    std::string like = b.text("select coalesce(possible_duplicate_of::text, '') from books where id = '" + f.book.text() + "'");
    how[fs::path(f.path).filename()] = like.empty() ? f.status : f.status + "?";
  }
  for (const json::value& v : list(*root, "duplicates")) {
    std::string path = member(*v.as_object(), "path"), kind = member(*v.as_object(), "kind");
    INFO(path);
    CHECK(how[fs::path(path).filename()] == (kind == "same_file" ? "same_file" : "review?"));
  }
}

TEST_CASE("every bad file of the corpus ends as its manifest says, untouched with keep, in quarantine without") {
  auto root = corpus();
  if (!root) return;
  bool keep = GENERATE(true, false);
  workbench b;
  fs::path bad = b.folder / "bad";
  fs::copy(*root / "bad", bad, fs::copy_options::recursive);
  std::size_t before = static_cast<std::size_t>(std::distance(fs::directory_iterator(bad), {}));
  outcome out = b.take({bad}, keep);
  std::map<std::string, std::string> code;
  for (const failed_file& f : out.failed) code[fs::path(f.path).filename()] = f.code;
  std::size_t rejected = 0, ignored = 0;
  for (const json::value& v : list(*root, "bad")) {
    const json::object& o = *v.as_object();
    std::string name = fs::path(member(o, "path")).filename(), wanted = member(o, "code"), outcome_wanted = member(o, "outcome");
    if (o.find("path_hex") != nullptr) name = fs::path(unhex(member(o, "path_hex")).value_or("")).filename();
    if (!name.ends_with(".epub") || outcome_wanted != "reject") continue;
    INFO(name);
    if (wanted == "ignored_name") {
      ++ignored;
      CHECK(fs::exists(bad / name));
      continue;
    }
    ++rejected;
    CHECK(code[name] == wanted);
  }
  CHECK(rejected > 20);
  CHECK(static_cast<std::size_t>(out.ignored) >= ignored);
  if (keep) {
    CHECK(static_cast<std::size_t>(std::distance(fs::directory_iterator(bad), {})) == before);
    CHECK(b.files("quarantine").empty());
  } else {
    CHECK(b.files("quarantine").size() == out.failed.size());
    CHECK(static_cast<std::int64_t>(std::distance(fs::directory_iterator(bad), {})) == out.ignored);
  }
  CHECK(b.files("staging").empty());
}
