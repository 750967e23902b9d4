// Collections as a Kobo makes, changes and deletes them (kobo.md 11, 18.6).
#include "library/kobo_options.hpp"
#include "tests/integration/kobo/storefront.hpp"

using namespace carrel;
using namespace carrel::kobo::tests;

namespace {

std::string item(const std::string& id) { return R"({"RevisionId":")" + id + R"(","Type":"ProductRevisionTagItem"})"; }
std::string items(const std::string& list) { return R"({"Items":[)" + list + "]}"; }

// A JSON string with the id of the new collection.
std::string id_in(const reply& r) {
  REQUIRE(r.status == 201);
  REQUIRE(r.body.size() == 38);
  return r.body.substr(1, 36);
}

struct with_books : storefront {
  reader r;
  std::string one, two;
  with_books() {
    shelve("One");
    shelve("Two");
    sync(r);
    one = r.library.begin()->first;
    two = std::next(r.library.begin())->first;
  }
  std::vector<library::shelf> shelves() {
    return db.pool().read_now([&](db::tx& tx) { return library::shelves(tx, db.reader()); });
  }
};

}  // namespace

TEST_CASE("a collection made on the device is a list of its reader and is confirmed with the next sync") {
  with_books s;
  std::string tag = id_in(s.ask("POST", "/v1/library/tags", {}, R"({"Name":"Winter","Items":[)" + item(s.one) + "]}"));
  s.sync(s.r);
  REQUIRE(s.r.tags.contains(tag));
  CHECK(s.r.tags.at(tag) == std::pair{std::string("Winter"), std::set{s.one}});
  REQUIRE(s.shelves().size() == 2);

  CHECK(s.ask("POST", "/v1/library/tags/" + tag + "/Items", {}, items(item(s.two))).status == 201);
  CHECK(s.ask("PUT", "/v1/library/tags/" + tag, {}, R"({"Name":"Winter 2026"})").status == 200);
  CHECK(s.ask("POST", "/v1/library/tags/" + tag + "/items/delete", {}, items(item(s.one))).status == 200);
  s.sync(s.r);
  CHECK(s.r.tags.at(tag) == std::pair{std::string("Winter 2026"), std::set{s.two}});
  std::string token = s.r.token;
  s.sync(s.r);
  CHECK(s.r.token == token);

  CHECK(s.ask("DELETE", "/v1/library/tags/" + tag).status == 200);
  s.sync(s.r);
  CHECK_FALSE(s.r.tags.contains(tag));
  CHECK(s.shelves().size() == 1);
  CHECK(s.r.library.size() == 2);
}

TEST_CASE("two collections of one name with other books are two") {
  with_books s;
  auto make = [&](const std::string& list) {
    return id_in(s.ask("POST", "/v1/library/tags", {}, R"({"Name":"Winter","Items":[)" + list + "]}"));
  };
  std::string first = make(item(s.one)), second = make(item(s.two));
  CHECK(first != second);
  CHECK(make(item(s.one)) == first);
  s.sync(s.r);
  CHECK(s.r.tags.at(first).second == std::set{s.one});
  CHECK(s.r.tags.at(second).second == std::set{s.two});
}

TEST_CASE("a collection that is made again because its answer was lost is the same") {
  with_books s;
  const std::string body = R"({"Name":"Winter"})";
  std::string tag = id_in(s.ask("POST", "/v1/library/tags", {}, body));
  CHECK(id_in(s.ask("POST", "/v1/library/tags", {}, body)) == tag);
  s.sync(s.r);
  CHECK(s.r.tags.at(tag).second.empty());  // an empty one stays where it was made
  s.sync(s.r);
  // Now it is known to have arrived: another of that name is another.
  CHECK(id_in(s.ask("POST", "/v1/library/tags", {}, body)) != tag);
}

TEST_CASE("a shelf is changed from the device, and hidden there rather than deleted") {
  with_books s;
  std::string tag = s.shelf.text();
  REQUIRE(s.r.tags.contains(tag));
  CHECK(s.ask("PUT", "/v1/library/tags/" + tag, {}, R"({"Name":"Evenings"})").status == 200);
  s.sync(s.r);
  CHECK(s.r.tags.at(tag).first == "Evenings");
  CHECK(s.shelves().front().name == "Evenings");

  CHECK(s.ask("DELETE", "/v1/library/tags/" + tag).status == 200);
  s.sync(s.r);
  CHECK_FALSE(s.r.tags.contains(tag));
  CHECK(s.r.library.size() == 2);
  CHECK(s.shelves().size() == 1);
}

TEST_CASE("whatever is not known of collections is accepted, and what cannot be named is not") {
  with_books s;
  std::string unknown = "/v1/library/tags/" + uuid::make().text();
  CHECK(s.ask("PUT", unknown, {}, R"({"Name":"x"})").status == 200);
  CHECK(s.ask("POST", unknown + "/items", {}, items(item(s.one))).status == 201);
  CHECK(s.ask("POST", unknown + "/items/delete", {}, items(item(s.one))).status == 200);
  CHECK(s.ask("DELETE", unknown).status == 200);
  CHECK(s.ask("DELETE", "/v1/library/tags/not-an-id").status == 200);
  for (const char* body : {"", "[]", "{", R"({"Items":[]})", R"({"Name":""})", R"({"Name":"  "})", R"({"Name":7})"}) {
    INFO(body);
    CHECK(s.ask("POST", "/v1/library/tags", {}, body).status == 400);
  }
  std::string odd = R"({"Name":"a\u0000b\nc","Items":[7,null,{},{"RevisionId":"x"},{"RevisionId":")" + s.one +
                    R"(","Type":"Other"},)" + item(uuid::make().text()) + "," + item(s.two) + "," + item(s.two) + "]}";
  std::string tag = id_in(s.ask("POST", "/v1/library/tags", {}, odd));
  std::string long_name(300, 'x');
  std::string other = id_in(s.ask("POST", "/v1/library/tags", {}, R"({"Name":")" + long_name + R"("})"));
  s.sync(s.r);
  CHECK(s.r.tags.at(tag) == std::pair{std::string("a b c"), std::set{s.two}});
  CHECK(s.r.tags.at(other).first == std::string(255, 'x'));
  // The name of another shelf of this reader: the device is told the name that it keeps.
  std::string shelf = s.shelf.text();
  s.db.pool().write_now([&](db::tx& tx) { library::create_shelf(tx, s.db.reader(), "Taken", false).value(); });
  CHECK(s.ask("PUT", "/v1/library/tags/" + shelf, {}, R"({"Name":"taken"})").status == 200);
  s.sync(s.r);
  CHECK(s.r.tags.at(shelf).first == "To read");
}

TEST_CASE("a collection made on one device goes to the other devices of its reader that hold its books") {
  with_books s;
  std::string first = s.token, other;
  s.db.pool().write_now([&](db::tx& tx) {
    library::new_device made = library::add_device(tx, s.db.reader(), "Libra", "kobo").value();
    other = made.token;
    library::feed_device(tx, made.made.id, s.shelf, true);
  });
  std::string tag = id_in(s.ask("POST", "/v1/library/tags", {}, R"({"Name":"Winter","Items":[)" + item(s.one) + "]}"));
  reader second;
  s.token = other;
  s.sync(second);
  CHECK(second.tags.at(tag).second == std::set{s.one});
  CHECK(s.ask("DELETE", "/v1/library/tags/" + tag).status == 200);
  s.token = first;
  s.sync(s.r);
  CHECK_FALSE(s.r.tags.contains(tag));
}

TEST_CASE("of a Kobo that may only read nothing is taken over, and it is told what is true") {
  with_books s;
  std::string shelf = s.shelf.text();
  auto choose = [&](bool on) {
    s.db.pool().write_now([&](db::tx& tx) { REQUIRE(library::change_kobo_options(tx, s.device, {{"read_only", on}}).value()); });
  };
  const std::string state = "/v1/library/" + s.one + "/state";
  auto put = [&](int percent, const char* at) {
    return s.ask("PUT", state, {},
                 R"({"ReadingStates":[{"EntitlementId":")" + s.one + R"(","LastModified":")" + at +
                     R"(","StatusInfo":{"Status":"Reading","LastModified":")" + at +
                     R"("},"CurrentBookmark":{"ProgressPercent":)" + std::to_string(percent) + R"(,"LastModified":")" + at +
                     R"("}}]})");
  };
  auto progress = [&](const char* percent) { return s.ask("GET", state).body.find(percent) != std::string::npos; };
  CHECK(put(30, "2026-03-01T08:00:00Z").status == 200);
  CHECK(progress(R"("ProgressPercent":30)"));

  choose(true);
  reply ignored = put(60, "2026-03-02T08:00:00Z");
  CHECK(ignored.status == 200);
  CHECK(ignored.body.find(R"("CurrentBookmarkResult":{"Result":"Ignored"})") != std::string::npos);
  CHECK(progress(R"("ProgressPercent":30)"));

  CHECK(s.ask("PUT", "/v1/library/tags/" + shelf, {}, R"({"Name":"Mine"})").status == 200);
  CHECK(s.ask("POST", "/v1/library/tags/" + shelf + "/items/delete", {}, items(item(s.one))).status == 200);
  std::string own = id_in(s.ask("POST", "/v1/library/tags", {}, R"({"Name":"Own","Items":[)" + item(s.one) + "]}"));
  // So it shows them until the next sync.
  s.r.tags[shelf] = {"Mine", {s.two}};
  s.r.tags[own] = {"Own", {s.one}};
  s.sync(s.r);
  CHECK(s.r.tags.at(shelf).first != "Mine");
  CHECK(s.r.tags.at(shelf).second == std::set{s.one, s.two});
  CHECK_FALSE(s.r.tags.contains(own));
  CHECK(s.shelves().size() == 1);
  std::string token = s.r.token;
  s.sync(s.r);
  CHECK(s.r.token == token);

  // What is taken off or hidden concerns this device alone.
  CHECK(s.ask("DELETE", "/v1/library/tags/" + shelf).status == 200);
  CHECK(s.ask("DELETE", "/v1/library/" + s.two).status == 204);
  s.sync(s.r);
  CHECK_FALSE(s.r.tags.contains(shelf));
  CHECK_FALSE(s.r.library.contains(s.two));
  CHECK(s.shelves().size() == 1);

  choose(false);
  CHECK(put(60, "2026-03-02T08:00:00Z").status == 200);
  CHECK(progress(R"("ProgressPercent":60)"));
}
