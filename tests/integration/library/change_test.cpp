#include "library/change.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "library/candidate.hpp"
#include "library/imported.hpp"
#include "library/review.hpp"
#include "server/core/digest.hpp"
#include "tests/integration/library/shelf_of_books.hpp"

using namespace carrel;
using harness::library_db;
using strings = std::vector<std::string>;

namespace {

constexpr db::statement sql_candidate{"test.add_candidate", R"sql(
  insert into book_metadata_candidates (id, book_id, source, source_key, normalized, confidence, reasons)
  values ($1, $2, $3, $4, $5::jsonb, $6, $7::jsonb))sql"};
constexpr db::statement sql_cover{"test.add_cover", R"sql(
  insert into covers (id, sha256, mime, width, height, bytes, source, storage_path)
  values ($1, $2, 'image/jpeg', 600, 900, 10, 'sidecar', 'covers/x.jpg'))sql"};
constexpr db::statement sql_sources{"test.sources", "select field_sources::text from books where id = $1"};
constexpr db::statement sql_selected{"test.selected",
                                     "select selected_fields, status from book_metadata_candidates where id = $1"};

const library::actor ada{.user = std::nullopt, .name = "ada"};

struct shelf : library_db {
  library::book show(const uuid& book) {
    return *pool().read_now([&](db::tx& tx) { return library::find_book(tx, owner(), book); });
  }
  bool edit(const uuid& book, const json::object& changes) {
    return pool().write_now([&](db::tx& tx) { return library::edit_book(tx, book, changes, ada); }).value();
  }
  uuid candidate(const uuid& book, const std::string& source, const std::string& normalized, double confidence = 0.9) {
    uuid id = uuid::make();
    pool().write_now(
        [&](db::tx& tx) { tx.run(sql_candidate, id, book, source, id.text(), normalized, confidence, R"(["why"])"); });
    return id;
  }
  result<library::taken> take(const uuid& book, const uuid& from, const strings& fields) {
    std::vector<library::pick> picks;
    for (const std::string& f : fields) picks.push_back({from, f});
    return pool().write_now([&](db::tx& tx) { return library::take_fields(tx, book, picks, ada); });
  }
  library::undo_outcome undo(const uuid& book, const uuid& group) {
    return pool().write_now([&](db::tx& tx) { return library::undo_change(tx, book, group, ada); });
  }
  std::vector<library::change_group> history(const uuid& book) {
    return pool().read_now([&](db::tx& tx) { return library::changes_of(tx, book, std::nullopt, 50); });
  }
  std::string sources(const uuid& book) {
    return pool().read_now([&](db::tx& tx) { return tx.run(sql_sources, book)[0].text(0); });
  }
  strings selected(const uuid& candidate) {
    return pool().read_now([&](db::tx& tx) { return tx.run(sql_selected, candidate)[0].texts(0); });
  }
  std::string status(const uuid& candidate) {
    return pool().read_now([&](db::tx& tx) { return tx.run(sql_selected, candidate)[0].text(1); });
  }
  library::comparison compare(const uuid& book) {
    return *pool().read_now([&](db::tx& tx) { return library::compare(tx, book, 0.60); });
  }
};

const library::field_change& of_field(const library::change_group& g, const std::string& field) {
  auto found = std::find_if(g.fields.begin(), g.fields.end(), [&](const auto& f) { return f.field == field; });
  REQUIRE(found != g.fields.end());
  return *found;
}

const library::offer* offered(const library::candidate& c, const std::string& field) {
  auto found = std::find_if(c.offers.begin(), c.offers.end(), [&](const auto& o) { return o.field == field; });
  return found == c.offers.end() ? nullptr : &*found;
}

constexpr const char* provider_record = R"({
  "title": "The Deep Harbour", "subtitle": "A Novel", "authors": ["Ada Fenwick", "Tomás Quill"],
  "contributors": [{"name": "Mira Voss", "role": "trl"}], "narrators": ["Old Reader"],
  "series": [{"name": "Other", "position": 9}, {"name": "Coast", "position": 0, "primary": true}],
  "publisher": "Pier Press", "published_date": "2014-05", "language": "de", "isbn_13": "9780306406157",
  "identifiers": {"openlibrary_work": "OL1W", "isbn_10": "not one"}, "description": "<p>Deep<script>x</script> water</p>",
  "page_count": 340, "genres": ["Fiction"], "tags": ["Sea"], "cover": {"url": "https://covers.test/1.jpg", "width": 800, "height": 1200}})";

}  // namespace

TEST_CASE("every edit by hand is in the history with value, source and lock, and can be taken back") {
  shelf s;
  uuid id = s.add({.title = "The Lighthouse", .series = "Lights", .index = 2.0});
  std::string sources = s.sources(id);
  REQUIRE(s.edit(id, {{"title", "A Harbour"}, {"series", nullptr}, {"page_count", 200}}));
  std::vector<library::change_group> groups = s.history(id);
  REQUIRE(groups.size() == 1);
  CHECK(groups[0].actor == "ada");
  const library::field_change& title = of_field(groups[0], "title");
  CHECK(*title.before.value.as_text() == "The Lighthouse");
  CHECK_FALSE(title.before.locked);
  CHECK(*title.after.value.as_text() == "A Harbour");
  CHECK(title.after.source == "user");
  CHECK(title.after.locked);
  CHECK(of_field(groups[0], "series").after.value.is_null());
  CHECK(*of_field(groups[0], "title_sort").after.value.as_text() == "Harbour, A");  // it follows from the title

  CHECK(s.undo(id, groups[0].id) == library::undo_outcome::done);
  library::book back = s.show(id);
  CHECK(back.title == "The Lighthouse");
  CHECK(back.title_sort == "Lighthouse, The");
  CHECK(back.series == "Lights");
  CHECK(back.series_index == 2.0);
  CHECK_FALSE(back.page_count);
  CHECK(back.locked_fields.empty());
  CHECK(s.sources(id) == sources);
  groups = s.history(id);
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].undoes == groups[1].id);
  CHECK(groups[1].undone);
  CHECK(s.undo(id, groups[1].id) == library::undo_outcome::already);
  CHECK(s.undo(id, groups[0].id) == library::undo_outcome::done);  // an undo is a change like any other
  CHECK(s.show(id).title == "A Harbour");
  CHECK(s.show(id).locked_fields == strings{"page_count", "series", "title"});
}

TEST_CASE("what was changed again since is not overwritten by an undo") {
  shelf s;
  uuid id = s.add({.title = "First"}), other = s.add({.title = "Other"});
  REQUIRE(s.edit(id, {{"title", "Second"}, {"publisher", "Pier"}}));
  REQUIRE(s.edit(id, {{"title", "Third"}}));
  std::vector<library::change_group> groups = s.history(id);
  CHECK(s.undo(id, groups[1].id) == library::undo_outcome::overtaken);
  CHECK(s.show(id).title == "Third");
  CHECK(s.show(id).publisher == "Pier");
  CHECK(s.undo(id, groups[0].id) == library::undo_outcome::done);
  CHECK(s.undo(id, groups[1].id) == library::undo_outcome::done);
  CHECK(s.show(id).title == "First");
  CHECK(s.undo(other, groups[1].id) == library::undo_outcome::unknown);
  CHECK(s.undo(id, uuid::make()) == library::undo_outcome::unknown);
}

TEST_CASE("authors and people come back with the names under which they are sorted, and with their roles") {
  shelf s;
  uuid id = s.add({.title = "x", .author = "Ludwig van Beethoven"});
  uuid from = s.candidate(
      id, "calibre", R"({"contributors":[{"name":"Mira Voss","sort":"V., Mira","role":"aut"},{"name":"A B","role":"ill"}]})");
  result<library::taken> done = s.take(id, from, {"authors", "narrators"});
  REQUIRE(done);
  CHECK(s.show(id).authors.front().sort == "V., Mira");
  CHECK(s.show(id).contributors.front().role == "ill");
  REQUIRE(s.undo(id, *done->group) == library::undo_outcome::done);
  CHECK(s.show(id).authors.front().name == "Ludwig van Beethoven");
  CHECK(s.show(id).contributors.empty());
}

TEST_CASE("fields of a candidate are taken one by one, with source and lock, and the rest stays") {
  shelf s;
  uuid id = s.add({.title = "The Harbour"});
  uuid from = s.candidate(id, "open_library", provider_record);
  result<library::taken> done = s.take(id, from, {"title", "series", "identifiers"});
  REQUIRE(done);
  CHECK(done->fields == strings{"title", "series", "identifiers"});
  library::book b = s.show(id);
  CHECK(b.title == "The Deep Harbour");
  CHECK(b.series == "Coast");  // the primary one, and 0 is a place (metadata-providers.md 9.2)
  CHECK(b.series_index == 0.0);
  CHECK(b.subtitle.empty());
  CHECK(b.identifiers.size() == 3);
  CHECK(b.locked_fields == strings{"identifiers", "series", "title"});
  CHECK(s.sources(id).find(R"("title": "open_library")") != std::string::npos);
  CHECK(s.selected(from) == strings{"identifiers", "series", "title"});
  CHECK(s.status(from) == "applied");
  CHECK(of_field(s.history(id)[0], "title").candidate == from);

  REQUIRE(s.undo(id, *done->group) == library::undo_outcome::done);
  CHECK(s.show(id).title == "The Harbour");
  CHECK(s.show(id).locked_fields.empty());
  CHECK(s.selected(from).empty());
  CHECK(s.status(from) == "new");
}

TEST_CASE("a whole candidate leaves locked fields alone, and a person's own choice does not") {
  shelf s;
  uuid id = s.add({.title = "The Harbour"});
  REQUIRE(s.edit(id, {{"publisher", "Mine"}, {"subtitle", "x"}}));
  REQUIRE(s.edit(id, {{"subtitle", nullptr}}));  // emptied by hand: locked too
  uuid from = s.candidate(id, "google_books", provider_record);
  result<library::taken> done = s.pool().write_now([&](db::tx& tx) { return library::take_all(tx, id, from, ada); });
  REQUIRE(done);
  library::book b = s.show(id);
  CHECK(b.publisher == "Mine");
  CHECK(b.subtitle.empty());
  CHECK(b.title == "The Deep Harbour");
  CHECK(b.published_on == "2014-05");
  CHECK(b.languages == strings{"de"});
  CHECK(b.page_count == 340);
  CHECK(b.contributors.size() == 2);
  CHECK(b.description.find("script") == std::string::npos);
  CHECK(b.genres == strings{"Fiction"});
  REQUIRE(s.take(id, from, {"publisher"}));
  CHECK(s.show(id).publisher == "Pier Press");
}

TEST_CASE("taking what is there already locks it and leaves updated_at and version alone") {
  shelf s;
  uuid id = s.add({.title = "The Harbour", .isbn = "9780306406157"});
  uuid from =
      s.candidate(id, "embedded", R"({"title":"The Harbour","identifiers":{"isbn_13":"9780306406157"},"languages":["en"]})");
  library::book before = s.show(id);
  result<library::taken> done = s.take(id, from, {"title", "languages"});
  REQUIRE(done);
  library::book after = s.show(id);
  CHECK(after.updated_at == before.updated_at);
  CHECK(after.version == before.version);
  CHECK(after.locked_fields == strings{"languages", "title"});
  result<library::taken> again = s.take(id, from, {"title", "languages"});
  REQUIRE(again);
  CHECK_FALSE(again->group);
  CHECK(s.history(id).size() == 1);
  REQUIRE(s.undo(id, *done->group) == library::undo_outcome::done);
  CHECK(s.show(id).locked_fields.empty());
  CHECK(s.show(id).updated_at == before.updated_at);
}

TEST_CASE("a candidate offers what a book can have, and hostile values of it are no offer") {
  shelf s;
  uuid id = s.add({.title = "The Harbour"});
  uuid bad =
      s.candidate(id, "google_books", R"({"title": 7, "subtitle": ["x"], "authors": "Ada", "contributors": [1, {"name": 2}],
    "series": [{"name": ""}], "published_date": "yesterday", "language": "klingonish", "isbn_13": "9780306406158", "page_count": -3,
    "genres": {"a": 1}, "tags": [1], "description": 1, "narrators": [1, ""], "cover": "x", "publisher": "", "identifiers": [1]})");
  uuid good = s.candidate(id, "open_library", provider_record, 0.8);
  library::comparison c = s.compare(id);
  REQUIRE(c.candidates.size() == 4);  // and what the file and its name say
  CHECK(c.fields.front().name == "title");
  CHECK(c.fields.front().source == "embedded");
  for (const library::candidate& one : c.candidates) {
    if (one.id == bad) CHECK(one.offers.empty());
    if (one.id != good) continue;
    CHECK(one.offers.size() == 13);
    REQUIRE(offered(one, "languages"));
    CHECK(json::dump(offered(one, "languages")->value) == R"(["de"])");
    CHECK_FALSE(offered(one, "cover"));  // it lies elsewhere
    CHECK(one.cover->width == 800);
    CHECK(one.reasons == strings{"why"});
  }
  for (const char* field : {"title", "cover", "status", "nothing"}) {
    result<library::taken> refused = s.take(id, bad, {field});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().field == "fields");
  }
  CHECK(s.take(id, uuid::make(), {"title"}).error().field == "candidate");
  CHECK(s.take(s.add({.title = "Other"}), good, {"title"}).error().field == "candidate");
  CHECK(s.history(id).empty());
}

TEST_CASE("unlikely records of providers and rejected ones are out of sight, files never") {
  shelf s;
  uuid id = s.add({.title = "The Harbour"});
  uuid unlikely = s.candidate(id, "google_books", provider_record, 0.59),
       likely = s.candidate(id, "open_library", provider_record, 0.6);
  uuid name = s.candidate(id, "path", R"({"title":"harbour"})", 0.3);
  auto shown = [&](const uuid& which) {
    library::comparison c = s.compare(id);
    return std::any_of(c.candidates.begin(), c.candidates.end(), [&](const auto& one) { return one.id == which; });
  };
  CHECK_FALSE(shown(unlikely));
  CHECK(shown(likely));
  CHECK(shown(name));
  auto reject = [&](const uuid& which, bool on) {
    return s.pool().write_now([&](db::tx& tx) { return library::reject_candidate(tx, id, which, on, ada); });
  };
  REQUIRE(s.take(id, likely, {"title"}));
  CHECK(reject(likely, true));
  CHECK_FALSE(reject(likely, true));
  CHECK_FALSE(shown(likely));
  CHECK(s.show(id).title == "The Deep Harbour");
  CHECK(reject(likely, false));
  CHECK(s.status(likely) == "applied");
  CHECK_FALSE(reject(uuid::make(), true));
}

TEST_CASE("a field is free again after it is unlocked, and only then follows what is imported") {
  shelf s;
  uuid id = s.add({.title = "The Harbour"});
  REQUIRE(s.edit(id, {{"title", "Mine"}}));
  library::curated c{.source = "calibre",
                     .library = "l",
                     .book = "b",
                     .last_modified = "1",
                     .about = {},
                     .columns = {},
                     .created_at = {},
                     .raw = {}};
  c.about.title = "Theirs";
  auto import = [&] { return s.pool().write_now([&](db::tx& tx) { return library::update_imported(tx, id, c, ada); }); };
  auto lock = [&](const std::string& field, bool on) {
    return s.pool().write_now([&](db::tx& tx) { return library::set_lock(tx, id, field, on, ada); });
  };
  CHECK_FALSE(import());
  CHECK(s.show(id).title == "Mine");
  std::int64_t version = s.show(id).version;
  CHECK(lock("title", false).value());
  CHECK_FALSE(lock("title", false).value());
  CHECK(lock("nothing", true).error().field == "field");
  CHECK(s.show(id).version == version);
  CHECK(import());
  CHECK(s.show(id).title == "Theirs");
  library::change_group last = s.history(id).front();
  CHECK(of_field(last, "title").after.source == "calibre");
  REQUIRE(s.undo(id, last.id) == library::undo_outcome::done);
  CHECK(s.show(id).title == "Mine");
  CHECK(s.sources(id).find(R"("title": "user")") != std::string::npos);
}

TEST_CASE("a cover that Carrel holds is taken and given back") {
  shelf s;
  uuid id = s.add({.title = "x"});
  std::string sha256 = sha256_hex("picture");
  s.pool().write_now([&](db::tx& tx) { tx.run(sql_cover, uuid::make(), sha256); });
  uuid from = s.candidate(id, "sidecar_opf", R"({"cover":{"sha256":")" + sha256 + R"(","width":600,"height":900}})");
  std::int64_t version = s.show(id).version;
  result<library::taken> done = s.take(id, from, {"cover"});
  REQUIRE(done);
  REQUIRE(s.show(id).cover);
  CHECK(s.show(id).cover->sha256 == sha256);
  CHECK(s.show(id).version > version);
  CHECK(s.show(id).locked_fields == strings{"cover"});
  REQUIRE(s.undo(id, *done->group) == library::undo_outcome::done);
  CHECK_FALSE(s.show(id).cover);
}

TEST_CASE("a picture that was fetched for a source's record is offered, whatever the record says of it") {
  static constexpr db::statement hold{"test.hold_cover", "update book_metadata_candidates set cover_id = $2 where id = $1"};
  shelf s;
  uuid id = s.add({.title = "x"}), cover = uuid::make();
  std::string sha256 = sha256_hex("fetched");
  const char* said = GENERATE(R"({"cover":{"url":"https://covers.test/1.jpg","width":1,"height":1}})", R"({"cover":"x"})", "{}");
  uuid from = s.candidate(id, "open_library", said);
  auto offered_by = [&] { return s.pool().read_now([&](db::tx& tx) { return library::find_offered_cover(tx, id, sha256); }); };
  CHECK_FALSE(s.take(id, from, {"cover"}));
  CHECK_FALSE(offered_by());
  s.pool().write_now([&](db::tx& tx) {
    tx.run(sql_cover, cover, sha256);
    tx.run(hold, from, cover);
  });
  CHECK(offered_by());
  REQUIRE(s.take(id, from, {"cover"}));
  REQUIRE(s.show(id).cover);
  CHECK(s.show(id).cover->sha256 == sha256);
}

TEST_CASE("a field belongs to the candidate of which it was taken last") {
  shelf s;
  uuid id = s.add({.title = "x"});
  uuid one = s.candidate(id, "open_library", R"({"title":"One"})"), two = s.candidate(id, "google_books", R"({"title":"Two"})");
  REQUIRE(s.take(id, one, {"title"}));
  result<library::taken> second = s.take(id, two, {"title"});
  REQUIRE(second);
  CHECK(s.selected(one).empty());
  CHECK(s.selected(two) == strings{"title"});
  REQUIRE(s.undo(id, *second->group) == library::undo_outcome::done);
  CHECK(s.selected(one) == strings{"title"});
  CHECK(s.show(id).title == "One");
  REQUIRE(s.edit(id, {{"title", "By hand"}}));
  CHECK(s.selected(one).empty());
}

TEST_CASE("an approval is taken back within 30 days, with the book that it may be a duplicate of") {
  shelf s;
  uuid first = s.add({.title = "First"}), id = s.add({.title = "Second", .status = "review"});
  constexpr db::statement same{"test.same", "update books set possible_duplicate_of = $2 where id = $1"};
  constexpr db::statement old{"test.old", "update books set approved_at = now() - interval '31 days' where id = $1"};
  auto approve = [&](const uuid& who) {
    return s.pool().write_now([&](db::tx& tx) { return library::approve_waiting(tx, who, id, ada); });
  };
  auto back = [&](const uuid& book) {
    return s.pool().write_now([&](db::tx& tx) { return library::unapprove_book(tx, book, ada); });
  };
  auto lately = [&](const uuid& who) {
    return s.pool().read_now([&](db::tx& tx) { return library::approved_lately(tx, who, std::nullopt, 50).size(); });
  };
  s.pool().write_now([&](db::tx& tx) { tx.run(same, id, first); });
  CHECK(approve(s.reader()) == library::approval::gone);
  CHECK(approve(s.owner()) == library::approval::done);
  CHECK(approve(s.owner()) == library::approval::already);
  CHECK_FALSE(s.show(id).possible_duplicate_of);
  CHECK(lately(s.owner()) == 1);
  library::book_file file = s.show(id).files.front();
  CHECK(back(id));
  CHECK_FALSE(back(id));
  library::book waiting = s.show(id);
  CHECK(waiting.status == "review");
  CHECK(waiting.possible_duplicate_of == first);
  CHECK(waiting.files.front().storage_path == file.storage_path);
  CHECK(lately(s.owner()) == 0);
  CHECK(approve(s.owner()) == library::approval::done);
  CHECK(lately(s.owner()) == 1);
  s.pool().write_now([&](db::tx& tx) { tx.run(old, id); });
  CHECK_FALSE(back(id));
  CHECK(lately(s.owner()) == 0);
}

TEST_CASE("an approval that is taken back gives back the fields that were taken for it") {
  shelf s;
  uuid id = s.add({.title = "Second", .status = "review"});
  uuid from = s.candidate(id, "open_library", R"({"title":"Second Best","publisher":"Pier Press"})");
  auto approve = [&](const strings& fields) {
    result<library::taken> taken = s.take(id, from, fields);
    REQUIRE(taken);
    s.pool().write_now([&](db::tx& tx) { library::approve_with(tx, id, taken->group, ada); });
  };
  auto back = [&] { return s.pool().write_now([&](db::tx& tx) { return library::unapprove_book(tx, id, ada); }); };
  approve({"title", "publisher"});
  CHECK(s.show(id).title == "Second Best");
  REQUIRE(back());
  CHECK(s.show(id).title == "Second");
  CHECK(s.show(id).publisher.empty());
  CHECK(s.status(from) == "new");
  CHECK(s.history(id).front().undoes.has_value());

  // What somebody has changed since is not taken back with it.
  approve({"title"});
  REQUIRE(s.edit(id, {{"title", "Third"}}));
  REQUIRE(back());
  CHECK(s.show(id).title == "Third");
  CHECK(s.show(id).status == "review");
  // An approval with nothing chosen takes back nothing of the one before.
  REQUIRE(s.edit(id, {{"title", "Second Best"}}));
  s.pool().write_now([&](db::tx& tx) { library::approve_with(tx, id, std::nullopt, ada); });
  REQUIRE(back());
  CHECK(s.show(id).title == "Second Best");
}

TEST_CASE("how likely an answer must be to be shown is a setting") {
  shelf s;
  uuid id = s.add({.title = "x"});
  s.candidate(id, "open_library", R"({"title":"y"})", 0.55);
  auto shown = [&](double least) {
    return s.pool().read_now([&](db::tx& tx) { return library::compare(tx, id, least)->candidates.size(); });
  };
  std::size_t own = shown(0.60);
  CHECK(shown(0.50) == own + 1);
  CHECK(library::least_shown(config()) == Approx(0.60));
}

TEST_CASE("only what waits is rejected, and it lies in the trash") {
  shelf s;
  uuid waiting = s.add({.title = "Waiting", .status = "review"}), there = s.add({.title = "There"});
  CHECK(s.pool().write_now([&](db::tx& tx) { return library::reject_waiting(tx, {waiting, there}, ada); }) == 1);
  CHECK_FALSE(s.pool().read_now([&](db::tx& tx) { return library::find_book(tx, s.owner(), waiting); }));
  CHECK(s.show(there).status == "organized");
  CHECK(s.pool().write_now([&](db::tx& tx) { return library::untrash_books(tx, {waiting}, ada); }) == 1);
  CHECK(s.show(waiting).status == "review");
}

TEST_CASE("the queue says how sure the best source is, why, and what is wrong with the file") {
  shelf s;
  uuid id = s.add({.title = "x", .status = "review"});
  s.candidate(id, "sidecar_opf", R"({"title":"y"})", 0.95);
  constexpr db::statement warn{"test.warn",
                               R"(update book_files set warnings = '[{"code":"cover_missing","detail":""}]' where book_id = $1)"};
  s.pool().write_now([&](db::tx& tx) { tx.run(warn, id); });
  std::vector<library::queue_note> notes = s.pool().read_now([&](db::tx& tx) { return library::queue_notes(tx, {id}); });
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].source == "sidecar_opf");
  CHECK(notes[0].confidence == Approx(0.95));
  CHECK(notes[0].reasons == strings{"why"});
  REQUIRE(notes[0].warnings.size() == 1);
  CHECK(notes[0].warnings[0].code == "cover_missing");
}
