#include "library/opinion.hpp"

#include <catch2/catch.hpp>

#include "library/position.hpp"
#include "library/revision.hpp"
#include "tests/integration/library/shelf_of_books.hpp"

using namespace carrel;
using namespace carrel::library;
using publication::heard_opinion;
using publication::reading_state;

namespace {

constexpr db::statement sql_link{"test.link_document", R"sql(
  update documents set book_id = $2, link = 'manual' where user_id = $1 and document = $3)sql"};
constexpr db::statement sql_aged{"test.age_progress", R"sql(
  update reading_progress set timestamp = $2 where user_id = $1)sql"};
constexpr db::statement sql_kobo{"test.kobo_state", R"sql(
  insert into kobo_states (user_id, entitlement, created_at, status, status_at, finished_at)
  select $1, entitlement, now(), jsonb_build_object('Status', $3::text), $4::timestamptz, $5::timestamptz from books where id = $2)sql"};
constexpr db::statement sql_trash{"test.trash_book", "update books set deleted_at = now() where id = $1"};
constexpr db::statement sql_rows{"test.count_opinions", "select count(*) from opinions"};

struct study : harness::library_db {
  study() { book = add({.title = "Harbour"}); }

  template <class F>
  auto write(F f) {
    return pool().write_now(std::move(f));
  }

  void say(const opinion_change& c, std::optional<uuid> who = {}) {
    auto said = write([&](db::tx& tx) { return change_opinion(tx, who.value_or(reader()), book, c); });
    REQUIRE(said);
    REQUIRE(*said);
  }
  void say(reading_state s) { say({.state = s}); }

  import_end hear(const heard_opinion& h, const std::string& from = "goodreads", bool store = true, bool old = false) {
    const std::vector<import_word> words{{book, h}};
    const import_source source{.name = from, .old = old};
    return write([&](db::tx& tx) { return hear_import(tx, reader(), source, words, store); }).at(0);
  }

  // A reader is at this place of the book since then.
  void at_place(double percentage, instant since = now(), const std::string& document = "d") {
    write([&](db::tx& tx) {
      position p;
      p.user = reader();
      p.document = document;
      p.progress = "x";
      p.device = "Reader";
      p.device_key = "n:Reader/";
      p.percentage = percentage;
      p.timestamp = unix_seconds(since);
      put_positions(tx, {p}, {});
      tx.run(sql_link, reader(), book, document);
      tx.run(sql_aged, reader(), unix_seconds(since));
    });
  }
  void kobo(const std::string& status, instant at, std::optional<instant> finished = {}) {
    write([&](db::tx& tx) { tx.run(sql_kobo, reader(), book, status, at, finished); });
  }

  opinion now_said(std::optional<uuid> who = {}) {
    return write([&](db::tx& tx) { return find_opinion(tx, who.value_or(reader()), book); }).value_or(opinion{});
  }
  book_mark mark(std::optional<uuid> who = {}) {
    return mark_of(write([&](db::tx& tx) { return marks_of(tx, who.value_or(reader()), {book}); }), book);
  }
  reading_state state() { return mark().state; }

  uuid book;
};

const instant long_ago = std::chrono::sys_days(std::chrono::year(2020) / 1 / 1);

heard_opinion heard(std::optional<reading_state> state, int rating = 0, const std::string& finished = "") {
  heard_opinion out;
  out.state = state;
  out.rating = rating;
  out.finished = finished;
  return out;
}

opinion_change change_of(const std::string& text) {
  result<json::object> o = json::read_object(text);
  REQUIRE(o);
  result<opinion_change> c = read_opinion_change(*o);
  REQUIRE(c);
  return *c;
}

std::string wrong_field(const std::string& text) {
  result<json::object> o = json::read_object(text);
  REQUIRE(o);
  result<opinion_change> c = read_opinion_change(*o);
  return c ? "" : c.error().field;
}

}  // namespace

TEST_CASE("what a reader says of a book is theirs, changes field by field, and is nobody else's") {
  study s;
  s.say(change_of(R"({"state":"read","rating":4.5,"started":"2021-03","finished":"2021-03-15","review":" Good.\r\nVery. "})"));
  s.say(change_of(R"({"rating":3})"));
  opinion o = s.now_said();
  CHECK(o.state == reading_state::read);
  CHECK(o.rating == 6);
  CHECK(o.started == "2021-03");
  CHECK(o.finished == "2021-03-15");
  CHECK(o.review == "Good.\nVery.");
  CHECK(json::dump(to_json(o)) ==
        R"({"state":"read","rating":3,"started":"2021-03","finished":"2021-03-15","review":"Good.\nVery."})");
  CHECK(s.now_said(s.owner()) == opinion{});
  CHECK(s.mark(s.owner()).state == reading_state::unread);
  CHECK(json::dump(to_json(s.mark())) == R"({"state":"read","rating":3})");
  s.say(change_of(R"({"state":null,"rating":null,"review":null})"));
  CHECK(json::dump(to_json(s.now_said())) ==
        R"({"state":null,"rating":null,"started":"2021-03","finished":"2021-03-15","review":null})");
}

TEST_CASE("a value that cannot be is refused by the name of its field") {
  CHECK(wrong_field(R"({"state":"Read"})") == "state");
  CHECK(wrong_field(R"({"state":1})") == "state");
  for (const char* rating : {"5.5", "-1", "4.2", "\"4\"", "1e400", "100000000000000000000"})
    CHECK(wrong_field(std::string(R"({"rating":)") + rating + "}") == "rating");
  for (const char* day : {"2021-02-30", "15.03.2021", "soon", "2021-3", "99999-01-01"})
    CHECK(wrong_field(std::string(R"({"finished":")") + day + "\"}") == "finished");
  CHECK(wrong_field(R"({"review":"a\u0000b"})") == "review");
  CHECK(wrong_field("{\"review\":\"" + std::string(20'001, 'x') + "\"}") == "review");
  CHECK(wrong_field(R"({"stars":5})") == "stars");
  CHECK(wrong_field(R"({"rating":0,"state":"","started":"","review":""})").empty());

  opinion before;
  before.started = "2021-03-15";
  CHECK_FALSE(said_by_hand(before, change_of(R"({"finished":"2021-03-14"})"), now()));
  CHECK_FALSE(said_by_hand(before, change_of(R"({"finished":"2020"})"), now()));
  CHECK(said_by_hand(before, change_of(R"({"finished":"2021"})"), now()));  // may be after it
}

TEST_CASE("a change can be taken back once, with who said it and when") {
  study s;
  CHECK_FALSE(s.write([&](db::tx& tx) { return undo_opinion(tx, s.reader(), s.book); }));
  s.hear(heard(reading_state::read, 8, "2021-03-15"));
  opinion before = s.now_said();
  s.say(change_of(R"({"state":"abandoned","rating":1,"finished":null})"));
  CHECK_FALSE(s.write([&](db::tx& tx) { return undo_opinion(tx, s.owner(), s.book); }));
  CHECK(s.write([&](db::tx& tx) { return undo_opinion(tx, s.reader(), s.book); }));
  CHECK(s.now_said() == before);
  CHECK_FALSE(s.write([&](db::tx& tx) { return undo_opinion(tx, s.reader(), s.book); }));
}

TEST_CASE("of a book that one does not see nothing can be said, by hand or by an import") {
  study s;
  s.book = s.add({.title = "Waits", .status = "review"});
  CHECK_FALSE(s.write([&](db::tx& tx) { return change_opinion(tx, s.reader(), s.book, {.rating = 4}); }));
  CHECK(s.hear(heard(reading_state::read)) == import_end::unseen);
  CHECK(s.hear(heard(reading_state::read), "csv", false) == import_end::unseen);
  CHECK(s.write([&](db::tx& tx) { return tx.run(sql_rows)[0].integer(0); }) == 0);
  s.say({.rating = 4}, s.owner());
  s.write([&](db::tx& tx) { tx.run(sql_trash, s.book); });
  CHECK_FALSE(s.write([&](db::tx& tx) { return change_opinion(tx, s.owner(), s.book, {.rating = 5}); }));
  CHECK_FALSE(s.write([&](db::tx& tx) { return find_opinion(tx, s.owner(), s.book); }));
  CHECK_FALSE(s.write([&](db::tx& tx) { return undo_opinion(tx, s.owner(), s.book); }));
}

TEST_CASE("where nothing was said the devices tell how far a reader is") {
  study s;
  CHECK(s.state() == reading_state::unread);
  s.at_place(0.001);
  CHECK(s.state() == reading_state::unread);
  s.at_place(0.4);
  CHECK(s.state() == reading_state::reading);
  s.at_place(0.995);
  CHECK(s.state() == reading_state::read);
  s.at_place(0.1, now(), "another file");
  CHECK(s.state() == reading_state::read);
  CHECK(s.mark(s.owner()).state == reading_state::unread);
}

TEST_CASE("a Kobo tells it too, and a book that is read again was read") {
  study s;
  s.kobo("Reading", now());
  CHECK(s.state() == reading_state::reading);
  study again;
  again.kobo("Reading", now(), long_ago);
  CHECK(again.state() == reading_state::read);
  study done;
  done.kobo("Finished", now());
  CHECK(done.state() == reading_state::read);
  study fresh;
  fresh.kobo("ReadyToRead", now());
  CHECK(fresh.state() == reading_state::unread);
}

TEST_CASE("what a reader said holds, but for what devices have done since with a book that was wanted or being read") {
  study s;
  s.at_place(1, long_ago);
  for (reading_state said : {reading_state::unread, reading_state::wanted, reading_state::reading, reading_state::abandoned}) {
    s.say(said);
    CHECK(s.state() == said);
  }
  s.say(opinion_change{.state = std::optional<reading_state>()});  // as the devices tell
  CHECK(s.state() == reading_state::read);

  instant later = now() + std::chrono::hours(1);
  s.say(reading_state::wanted);
  s.at_place(0.5, later);
  CHECK(s.state() == reading_state::reading);
  s.say(reading_state::reading);
  s.at_place(1, later);
  CHECK(s.state() == reading_state::read);
  s.say(reading_state::abandoned);
  CHECK(s.state() == reading_state::abandoned);
  s.say(reading_state::unread);
  CHECK(s.state() == reading_state::unread);
  s.say(reading_state::read);
  s.at_place(0.2, later);
  CHECK(s.state() == reading_state::read);
}

TEST_CASE("a book that an import calls unread is what the devices tell") {
  study s;
  CHECK(s.hear(heard(reading_state::unread), "calibre") == import_end::changed);
  CHECK(s.state() == reading_state::unread);
  s.at_place(0.5, long_ago);
  CHECK(s.state() == reading_state::reading);
}

TEST_CASE("an import brings what it knows, and the same again changes nothing") {
  study s;
  heard_opinion h = heard(reading_state::read, 8, "2021-03-15");
  h.review = "Good.";
  CHECK(s.hear(h, "goodreads", false) == import_end::changed);
  CHECK(s.now_said() == opinion{});
  CHECK(s.hear(h) == import_end::changed);
  opinion after = s.now_said();
  CHECK(after.state == reading_state::read);
  CHECK(after.rating == 8);
  CHECK(after.of_state.by == "goodreads");
  CHECK(after.of_state.at == instant(std::chrono::sys_days(std::chrono::year(2021) / 3 / 15)));
  CHECK(s.hear(h) == import_end::unchanged);
  CHECK(s.now_said() == after);
  CHECK(s.hear({}) == import_end::unchanged);  // says nothing, takes nothing away
  CHECK(s.now_said() == after);
  CHECK(s.hear(heard(std::nullopt, 9)) == import_end::changed);
  CHECK(s.now_said().rating == 9);
  CHECK(s.now_said().review == "Good.");
}

TEST_CASE("what was set by hand stays, and so does what was taken back by hand, unless the import tells of a later day") {
  study s;
  s.hear(heard(reading_state::reading, 4));
  s.say(change_of(R"({"state":"abandoned","rating":null})"));
  CHECK(s.hear(heard(reading_state::read, 8, "2021-03-15")) == import_end::kept);
  CHECK(s.now_said().state == reading_state::abandoned);
  CHECK(s.now_said().rating == 0);

  std::string tomorrow = rfc3339(now() + std::chrono::hours(24)).substr(0, 10);
  CHECK(s.hear(heard(reading_state::read, 8, tomorrow)) == import_end::changed);
  CHECK(s.now_said().state == reading_state::read);
  CHECK(s.now_said().rating == 8);
  CHECK(s.now_said().finished == tomorrow);
  CHECK(s.hear(heard(reading_state::read, 8, tomorrow)) == import_end::unchanged);
}

TEST_CASE("days that were left open are filled where the state agrees, and those that were set are not") {
  study s;
  s.say(change_of(R"({"state":"read","started":"2020"})"));
  heard_opinion h = heard(reading_state::read, 0, "2021-03-15");
  h.started = "2021-03-01";
  CHECK(s.hear(h) == import_end::changed);
  CHECK(s.now_said().started == "2020");
  CHECK(s.now_said().finished == "2021-03-15");
  CHECK(s.now_said().of_state.by == "hand");
  CHECK(s.hear(h) == import_end::unchanged);
}

TEST_CASE("an import that has nothing new leaves what another import said since, and may correct itself") {
  study s;
  s.hear(heard(reading_state::reading, 4), "calibre");
  s.hear(heard(reading_state::read, 8), "goodreads");
  CHECK(s.hear(heard(reading_state::reading, 4), "calibre", true, true) == import_end::kept);
  CHECK(s.now_said().rating == 8);
  CHECK(s.hear(heard(reading_state::abandoned, 2), "goodreads", true, true) == import_end::changed);
  CHECK(s.hear(heard(reading_state::reading, 4), "calibre") == import_end::changed);
  CHECK(s.now_said().rating == 4);
}

TEST_CASE("a book that was laid aside does not wait to be read on, until it is opened again") {
  study s;
  auto waits = [&] { return s.write([&](db::tx& tx) { return continue_reading(tx, s.reader(), 10).size(); }); };
  s.at_place(0.5, now() - std::chrono::hours(1));
  CHECK(waits() == 1);
  s.say(reading_state::abandoned);
  CHECK(waits() == 0);
  s.at_place(0.6, now() + std::chrono::hours(1));
  CHECK(waits() == 1);
}

TEST_CASE("the list narrows to a state and to stars of its viewer, in every order, page by page") {
  harness::library_db db;
  std::vector<std::string> read, wanted;
  for (int i = 0; i < 24; ++i) {
    std::string title = "Book " + std::string(1, static_cast<char>('A' + i));
    uuid id = db.add(
        {.title = title, .author = "Ada " + std::string(1, static_cast<char>('Z' - i)), .language = i % 2 == 0 ? "en" : "de"});
    opinion_change c;
    if (i % 3 == 0) c = {.state = reading_state::read, .rating = i % 10 + 1};
    if (i % 3 == 1) c = {.state = reading_state::wanted};
    if (i % 3 == 0) read.push_back(title);
    if (i % 3 == 1) wanted.push_back(title);
    db.pool().write_now([&](db::tx& tx) { REQUIRE(change_opinion(tx, db.reader(), id, c)); });
  }
  auto walk = [&](const filter& f, const uuid& viewer) {
    std::vector<std::string> out;
    cursor at;
    for (;;) {
      page p = db.pool().read_now([&](db::tx& tx) { return browse(tx, viewer, f, at, 3); });
      for (const std::string& title : harness::titles(p.books)) out.push_back(title);
      if (!p.next) return out;
      at = *p.next;
    }
  };
  for (const std::string status : {"organized", ""}) {
    filter f{.status = status, .state = "read", .order = list::of::title};
    CHECK(walk(f, db.reader()) == read);
    CHECK(walk(f, db.owner()).empty());
    f.state = "wanted";
    CHECK(walk(f, db.reader()) == wanted);
    f.state = "unread";
    CHECK(walk(f, db.reader()).size() == 8);
    CHECK(walk(f, db.owner()).size() == 24);
    f.language = "de";  // a single filter beside it
    CHECK(walk(f, db.reader()) == std::vector<std::string>{"Book F", "Book L", "Book R", "Book X"});
    f.state = "read";
    CHECK(walk(f, db.reader()) == std::vector<std::string>{"Book D", "Book J", "Book P", "Book V"});
    f.language.clear();
    f.order = list::of::author;
    CHECK(walk(f, db.reader()) == std::vector<std::string>(read.rbegin(), read.rend()));
    f.order = list::of::newest;
    CHECK(walk(f, db.reader()) == std::vector<std::string>(read.rbegin(), read.rend()));
    f = {.status = status, .rating = 8, .order = list::of::title};
    CHECK(walk(f, db.reader()) == std::vector<std::string>{"Book J", "Book S"});  // 10 and 9 halves
    f.state = "wanted";
    CHECK(walk(f, db.reader()).empty());
    f = {.status = status, .text = "book", .state = "read", .order = list::of::title};
    CHECK(walk(f, db.reader()) == read);
    f.closest_first = true;
    CHECK(walk(f, db.reader()).size() == read.size());
    f.state = "unread";
    CHECK(walk(f, db.reader()).size() == 8);
  }
  filter one{.state = "read"}, other{.state = "wanted"}, stars{.rating = 3};
  CHECK(one.token_name() != other.token_name());
  CHECK(filter{}.token_name() != stars.token_name());
}
