#include <catch2/catch.hpp>
#include <fstream>

#include "tests/integration/web/world.hpp"

using namespace carrel;
using namespace carrel::web::tests;

namespace fs = std::filesystem;

namespace {

void put(const fs::path& file, const std::string& bytes) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << bytes;
}

constexpr db::statement sql_refused{"test.refused", R"sql(
  insert into ingest_items (id, source, policy, display_name, state, error_code, quarantine_path)
  values ($1, 'upload', 'move', 'broken <b>.epub', 'rejected', 'archive_corrupt', 'quarantine/' || $1::uuid::text || '/broken.epub'))sql"};

uuid refuse(world& w) {
  uuid id = uuid::make();
  w.write([&](db::tx& tx) { tx.run(sql_refused, id); });
  put(w.data() / "quarantine" / id.text() / "broken.epub", "no book");
  return id;
}

}  // namespace

TEST_CASE("quarantine lists what was refused, gives it, and lets it be discarded and kept after all") {
  world w;
  uuid id = refuse(w);
  client c = w.as("librarian");
  std::string at = "/quarantine/" + id.text();
  reply page = c.get("/quarantine");
  CHECK(page.says("broken &lt;b&gt;.epub"));
  CHECK(page.says("stays until somebody decides"));
  reply file = c.get(at + "/file");
  CHECK(file.status == 200);
  CHECK(file.body == "no book");
  CHECK(file.header("Content-Type") == "application/octet-stream");
  CHECK(file.header("Content-Disposition").find("attachment") == 0);

  CHECK(c.post(at + "/retry").status == 303);
  CHECK(c.post(at + "/discard").status == 303);
  CHECK(c.get("/quarantine").says("deleted for good on"));
  CHECK(w.number("select count(*) from ingest_items where dismissed_at is not null") == 1);
  CHECK(c.post(at + "/discard").status == 404);
  CHECK(c.post(at + "/keep").status == 303);
  CHECK(w.number("select count(*) from ingest_items where dismissed_at is not null") == 0);
  CHECK(fs::exists(w.data() / "quarantine" / id.text() / "broken.epub"));

  for (const char* name : {"reader", "limited"}) {
    client other = w.as(name);
    CHECK(other.get(at + "/file").status == 404);
    for (const char* act : {"/retry", "/discard", "/keep"}) CHECK(other.post(at + act).status == 404);
  }
  std::string nothing = "/quarantine/" + uuid::make().text();
  CHECK(c.get(nothing + "/file").status == 404);
  CHECK(c.post(nothing + "/retry").status == 404);
}

TEST_CASE("quarantine and attic are read in pages of 50") {
  world w;
  for (int i = 0; i < 53; ++i) {
    refuse(w);
    put(w.data() / "attic" / uuid::make().text() / ("file" + std::to_string(i) + ".epub"), "x");
  }
  client c = w.as("owner");
  for (std::string path : {"/quarantine", "/attic"}) {
    reply first = c.get(path);
    auto entries = [](const reply& r) {
      int n = 0;
      for (std::size_t at = 0; (at = r.body.find("<li><div><b class=\"break\">", at)) != std::string::npos; ++at) ++n;
      return n;
    };
    CHECK(entries(first) == 50);
    std::size_t next = first.body.find("rel=\"next\" href=\"");
    REQUIRE(next != std::string::npos);
    std::string query = first.body.substr(next + 17, first.body.find('"', next + 17) - next - 17);
    CHECK(entries(c.get(path + query)) == 3);
  }
}

TEST_CASE("a replaced file comes back from the attic, and only to who sees its book") {
  world w;
  made_book book = w.add_book("The Open Harbour");
  uuid kept = uuid::make();
  fs::path file = w.data() / "attic" / kept.text() / "earlier.epub";
  put(file, "earlier bytes");
  w.write([&](db::tx& tx) {
    library::record(tx, {.user = w.owner, .name = "owner"}, "file.replace", "book", book.id,
                    json::object{{"file", book.file}, {"before", "a"}, {"after", "b"}, {"kept", kept}});
  });
  std::string given;
  w.replace = [&](uuid id, const fs::path& bytes, const library::actor&) -> std::optional<error> {
    CHECK(id == book.file);
    std::ifstream in(bytes, std::ios::binary);
    given.assign(std::istreambuf_iterator<char>(in), {});
    fs::remove(bytes);
    return std::nullopt;
  };
  client c = w.as("owner");
  reply page = c.get("/attic");
  CHECK(page.says("earlier.epub"));
  CHECK(page.says("The Open Harbour"));
  CHECK(c.get("/attic/" + kept.text() + "/file").body == "earlier bytes");
  CHECK(c.post("/attic/" + kept.text() + "/restore").status == 303);
  CHECK(given == "earlier bytes");
  CHECK(fs::exists(file));  // until its time has passed

  library::limits none;
  none.hidden_tags = {"Secret"};
  w.add_person("keeper", library::role::librarian, &none);
  REQUIRE(c.api("PATCH", book.path(), R"({"tags":["Secret"]})").status == 200);
  client keeper = w.as("keeper");
  CHECK_FALSE(keeper.get("/attic").says("earlier.epub"));
  CHECK(keeper.get("/attic/" + kept.text() + "/file").status == 404);
  CHECK(keeper.post("/attic/" + kept.text() + "/restore").status == 404);
}

TEST_CASE("the attic shows its own files and nothing else that lies there") {
  world w;
  client c = w.as("owner");
  fs::path attic = w.data() / "attic";
  put(attic / "mine" / "note.txt", "x");
  put(attic / "loose.txt", "x");
  uuid link = uuid::make(), empty = uuid::make(), several = uuid::make();
  fs::create_directories(attic / empty.text());
  fs::create_directories(attic / link.text());
  fs::create_symlink("/etc/passwd", attic / link.text() / "passwd");
  put(attic / several.text() / "a.mp3", "1");
  put(attic / several.text() / "b.mp3", "22");
  reply page = c.get("/attic");
  CHECK_FALSE(page.says("note.txt"));
  CHECK_FALSE(page.says("loose.txt"));
  CHECK_FALSE(page.says("passwd"));
  CHECK(page.says("and 1 more file"));
  CHECK(c.get("/attic/" + link.text() + "/file").status == 404);
  CHECK(c.get("/attic/" + several.text() + "/file").status == 404);
  CHECK(c.post("/attic/" + several.text() + "/restore").status == 404);
  CHECK(c.get("/attic/nonsense/file").status == 404);
}
