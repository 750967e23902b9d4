// With deliver.metadata on, the API and the book's page hand out a copy that says what the library says, and the stored file to
// who wants that.
#include <catch2/catch.hpp>

#include "server/core/digest.hpp"
#include "tests/harness/database.hpp"
#include "tests/harness/folder.hpp"
#include "tests/integration/ingest/small_epub.hpp"
#include "tests/integration/program/carrel.hpp"
#include "tests/integration/web/client.hpp"

using namespace carrel;
using namespace carrel::program::tests;
namespace fs = std::filesystem;

TEST_CASE("a corrected copy and the stored file are both to be had") {
  fs::path data = harness::fresh_folder("delivered");
  std::string bytes = ingest::test::epub({.title = "Misprint", .author = "Ada Lark", .text = "Once."});
  ingest::test::write(data / "in" / "a.epub", bytes);
  for (const char* setting : {"on", "off"}) {
    INFO(setting);
    server carrel(data, 0, {{"DELIVER_METADATA", setting}});
    if (std::string(setting) == "on") {
      add_owner(data);
      run(data, {"ingest", (data / "in").string(), "--approve", "--wait"});
      run(data, {"book", "set", "Misprint", "title=Rain"});
    }
    json::object book = run(data, {"book", "show", "Rain"});
    const json::object& file = *(*book.find("files")->as_array())[0].as_object();
    std::string id, file_id, checksum, key;
    REQUIRE((book.take("id", id) && file.take("id", file_id) && file.take("checksum", checksum)));
    REQUIRE(run(data, {"token", "create", "test " + std::string(setting), "--user", "ada", "--scope", "read"}).take("key", key));
    CHECK(checksum == sha256_hex(bytes));

    web::tests::client http(carrel.port());
    http.always = {{"Authorization", "Bearer " + key}};
    std::string at = "/api/v1/books/" + id + "/files/" + file_id;
    CHECK(http.get(at).body == bytes);
    CHECK(http.get(at + "?metadata=original").body == bytes);
    CHECK(http.get(at + "?metadata=other").status == 400);
    web::tests::reply copy = http.get(at + "?metadata=corrected");
    CHECK(copy.status == 200);
    CHECK(copy.header("ETag") == "\"" + sha256_hex(copy.body) + "\"");
    if (std::string(setting) == "off") {
      CHECK(copy.body == bytes);
      continue;
    }
    CHECK(copy.body != bytes);
    ingest::test::write(data / "copy.epub", copy.body);
    std::string partial;
    REQUIRE(run(data, {"hash", (data / "copy.epub").string()}).take("koreader_partial_md5", partial));
    CHECK(library_of(data).number(
              "select count(*) from book_file_hashes where variant = 'served' and kind = 'partial' and hash = '" + partial +
              "'") == 1);
  }
}
