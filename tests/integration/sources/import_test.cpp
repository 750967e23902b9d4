// Import and the sources: books come in as fast as if there were none.
#include <catch2/catch.hpp>

#include "tests/integration/sources/stage.hpp"

using namespace carrel;
using namespace carrel::ingest::sources::test;
using ingest::test::book;
using ingest::test::epub;
using ingest::test::write;

TEST_CASE("an import with all sources hanging ends while they still hang") {
  stage s({{"metadata.timeout", "5m"}}, "open_library,google_books");
  auto hang = [](const harness::heard&) { return std::string(); };
  s.library.says(hang);
  s.google.says(hang);
  s.with.added = [&](db::tx& tx, const uuid& made) { library::fetch_after_import(tx, s.settings, made); };
  db::notifier bell(s.database.url());
  s.first.start(bell);
  write(s.inbox / "first.epub", epub({.title = "First", .text = "one"}));
  CHECK(s.take({s.inbox / "first.epub"}).added.size() == 1);
  CHECK(harness::eventually([&] { return s.library.count() == 1 && s.google.count() == 1; }));
  std::vector<fs::path> more;
  for (int i = 0; i < 20; ++i) {
    more.push_back(s.inbox / (std::to_string(i) + ".epub"));
    write(more.back(), epub({.title = "Book " + std::to_string(i), .text = std::to_string(i)}));
  }
  CHECK(s.take(more).added.size() == 20);
  CHECK(s.number("select count(*) from metadata_sources where asking_by is not null") == 2);  // still the first ones
  CHECK(s.number("select count(*) from metadata_jobs where job_id is null and done_at is null and priority = 2") == 42);
  s.client.stop();
  s.first.stop();
  CHECK(s.number("select count(*) from metadata_jobs where done_at is null") == 42);  // given back, and asked for after a restart
  CHECK(s.number("select count(*) from metadata_jobs where lease_by is not null") == 0);
  CHECK(s.number("select count(*) from metadata_sources where asking_by is not null") == 0);
}

TEST_CASE("an import without sources leaves nothing to ask") {
  stage s(settings_list{{"metadata.enabled", ""}});
  s.with.added = [&](db::tx& tx, const uuid& made) { library::fetch_after_import(tx, s.settings, made); };
  write(s.inbox / "first.epub", epub({.title = "First"}));
  CHECK(s.take({s.inbox / "first.epub"}).added.size() == 1);
  CHECK(s.number("select count(*) from metadata_jobs") == 0);
}

TEST_CASE("threads of their own ask what was queued, also what is queued while they wait") {
  stage s({{"metadata.rate", "1000/s"}, {"open_library.min_interval", "1ms"}, {"google_books.min_interval", "1ms"}},
          "open_library,google_books");
  db::notifier bell(s.database.url());
  s.first.start(bell);
  for (int i = 0; i < 3; ++i) s.ask(s.add_book("Book" + std::to_string(i)));
  CHECK(harness::eventually([&] { return s.number("select count(*) from jobs where state = 'done'") == 3; }));
  s.ask(s.add_book("Later"));
  CHECK(harness::eventually([&] { return s.number("select count(*) from jobs where state = 'done'") == 4; }));
  CHECK(s.number("select count(*) from book_metadata_candidates") == 8);
  uuid fresh = s.add_book("Fresh");
  s.pool.write_now([&](db::tx& tx) { library::fetch_after_import(tx, s.settings, fresh); });
  CHECK(harness::eventually([&] { return s.number("select count(*) from book_metadata_candidates") == 10; }));
  s.client.stop();
  s.first.stop();
}
