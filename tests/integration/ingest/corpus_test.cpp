// The synthetic library beside the repository, where there is one.

#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <map>
#include <set>

#include "publication/isolated/sandbox.hpp"
#include "server/core/digest.hpp"
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

namespace {

struct expectation {
  std::string name, outcome, code;
  bool may_be_ok = false;
};

std::vector<expectation> bad_files(const fs::path& root) {
  std::vector<expectation> out;
  for (const json::value& v : list(root, "bad")) {
    const json::object& o = *v.as_object();
    std::string name = o.find("path_hex") != nullptr ? unhex(member(o, "path_hex")).value_or("") : member(o, "path");
    // The generator means to cut its truncated.fb2 behind 500 bytes and writes fewer.
    bool is_whole = name == "bad/truncated.fb2" && read(root / name).ends_with("</FictionBook>");
    bool may_be_ok = is_whole || member(o, "note").find("'ok' is right too") != std::string::npos;
    out.push_back({fs::path(name).filename().native(), member(o, "outcome"), member(o, "code"), may_be_ok});
  }
  return out;
}

// Everything below the folder but not in Carrel's own: what it is, when it was changed, what it holds.
std::map<std::string, std::string> surroundings(const workbench& b) {
  std::map<std::string, std::string> out;
  for (fs::recursive_directory_iterator at(b.folder), end; at != end; ++at) {
    if (at->path() == b.data || at->path() == b.store.cache()) {
      at.disable_recursion_pending();
      continue;
    }
    struct stat s {};
    ::lstat(at->path().c_str(), &s);
    out[at->path().native()] = std::to_string(s.st_mode) + " " + std::to_string(s.st_ino) + " " +
                               std::to_string(s.st_mtim.tv_sec) + "." + std::to_string(s.st_mtim.tv_nsec) + " " +
                               (at->is_regular_file() ? sha256_hex(read(at->path())) : "");
  }
  return out;
}

bool has_code(const added_file& f, const std::string& code) {
  return std::any_of(f.warnings.begin(), f.warnings.end(), [&](const publication::warning& w) { return w.code == code; });
}

// What came of each file by name.
struct results {
  explicit results(const outcome& o) {
    for (const added_file& f : o.added) added[fs::path(f.path).filename()] = f;
    for (const duplicate_file& f : o.duplicates) duplicates.insert(fs::path(f.path).filename());
    for (const failed_file& f : o.failed) failed[fs::path(f.path).filename()] = f.code;
  }
  std::map<std::string, added_file> added;
  std::set<std::string> duplicates;
  std::map<std::string, std::string> failed;
};

void check(const results& r, const expectation& e) {
  INFO(e.name);
  if (e.code == "ignored_name") {
    CHECK_FALSE((r.added.contains(e.name) || r.duplicates.contains(e.name) || r.failed.contains(e.name)));
  } else if (e.outcome == "reject") {
    REQUIRE(r.failed.contains(e.name));
    CHECK(r.failed.at(e.name) == e.code);
  } else {
    CHECK((r.added.contains(e.name) || r.duplicates.contains(e.name)));
    if (e.outcome == "warn" && !e.may_be_ok && r.added.contains(e.name)) CHECK(has_code(r.added.at(e.name), e.code));
  }
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_counts = false;
#else
constexpr bool memory_counts = true;
#endif

}  // namespace

TEST_CASE(
    "every bad file of the corpus, of every format, ends as its manifest says, untouched with keep, in quarantine without") {
  auto root = corpus();
  if (!root) return;
  bool keep = GENERATE(true, false);
  workbench b;
  // Each in a folder of its own: files of one name are one book.
  std::vector<expectation> all = bad_files(*root);
  REQUIRE(all.size() > 90);
  fs::path bad = b.folder / "bad";
  std::size_t rejected = 0, ignored = 0, turn = 0;
  for (const expectation& e : all) {
    fs::create_directories(bad / std::to_string(turn));
    fs::copy(*root / "bad" / e.name, bad / std::to_string(turn++) / e.name);
    ignored += e.code == "ignored_name" ? 1 : 0;
    rejected += e.outcome == "reject" && e.code != "ignored_name" ? 1 : 0;
  }
  write(b.inbox / "first.epub", epub({.title = "First", .text = "first"}));
  b.take({b.inbox}, false);  // what the process needs once
  std::map<std::string, std::string> before = surroundings(b);
  std::uint64_t resident = publication::isolated::resident_bytes();
  outcome out = b.take({bad}, keep);
  std::uint64_t grown = std::max(publication::isolated::resident_bytes(), resident) - resident;
  if (memory_counts) CHECK(grown < (64ULL << 20));
  results r(out);
  for (const expectation& e : all) check(r, e);
  CHECK(out.failed.size() == rejected);
  CHECK(static_cast<std::size_t>(out.ignored) == ignored);
  CHECK(out.added.size() + out.duplicates.size() == all.size() - rejected - ignored);
  CHECK(b.files("staging").empty());
  if (keep) {
    bool same = surroundings(b) == before;
    CHECK(same);
    CHECK(b.files("quarantine").empty());
    CHECK(b.files("attic").size() == 1);
  } else {
    CHECK(b.files("quarantine").size() == rejected);
    std::map<std::string, std::string> after = surroundings(b);
    for (const auto& [path, what] : after) {
      if (fs::is_regular_file(path)) CHECK(before.at(path) == what);
    }
    CHECK(std::count_if(after.begin(), after.end(), [](const auto& e) { return fs::is_regular_file(e.first); }) ==
          static_cast<std::ptrdiff_t>(ignored));
  }
}
