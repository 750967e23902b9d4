#include <cmath>
#include <limits>

#include "server/core/clock.hpp"
#include "server/db/pool.hpp"
#include "tests/harness/database.hpp"

using namespace carrel;
using db::statement;

namespace {

const std::vector<std::string> hostile{"",
                                       " ",
                                       "'; drop table books; --",
                                       "\"quoted\" and \\back\\slash\\",
                                       "{a,b}",
                                       "NULL",
                                       "null",
                                       "comma, brace } and \n newline \r\n\t tab",
                                       "\xF0\x9F\x93\x9A books \xE2\x80\x8F rtl",
                                       "$1 $2 %s %n",
                                       "\x01\x02\x7F",
                                       std::string(100'000, 'x')};

// One connection for all cases here: they only read, or write tables of their own.
db::pool& pool() {
  static db::pool p({.url = harness::fresh_database(), .connections = 1});
  return p;
}

template <class F>
auto ask(F f) {
  return pool().read_now(f);
}

}  // namespace

TEST_CASE("texts come back as they were, whatever is in them") {
  constexpr statement sql{"test.text", "select $1::text, $1::text is null"};
  for (const std::string& s : hostile) {
    ask([&](db::tx& t) {
      db::rows r = t.run(sql, s);
      CHECK(r[0].text(0) == s);
      CHECK(r[0].view(0) == s);
      CHECK_FALSE(r[0].flag(1));
    });
  }
  ask([&](db::tx& t) {
    db::rows r = t.run(sql, std::optional<std::string>());
    CHECK(r[0].is_null(0));
    CHECK(r[0].text(0).empty());
    CHECK_FALSE(r[0].maybe_text(0).has_value());
    CHECK(r[0].flag(1));
  });
}

TEST_CASE("arrays keep quotes, braces, line ends, empty strings and nulls apart") {
  constexpr statement sql{"test.texts", "select $1::text[], cardinality($1::text[]), array_position($1::text[], null)"};
  ask([&](db::tx& t) {
    db::rows r = t.run(sql, hostile);
    CHECK(r[0].texts(0) == hostile);
    CHECK(r[0].integer(1) == static_cast<std::int64_t>(hostile.size()));
    CHECK(r[0].is_null(2));

    std::vector<std::optional<std::string>> with_null{"a", std::nullopt, "NULL"};
    r = t.run(sql, with_null);
    CHECK(r[0].texts(0) == std::vector<std::string>{"a", "", "NULL"});
    CHECK(r[0].integer(2) == 2);

    r = t.run(sql, std::vector<std::string>());
    CHECK(r[0].texts(0).empty());
    CHECK(r[0].integer(1) == 0);
  });
}

TEST_CASE("an array of arrays is read one row after the other") {
  constexpr statement sql{"test.nested", "select array_agg(array[$1, v, null] order by v) from unnest('{a,b}'::text[]) v"};
  for (const std::string& item : hostile) {
    ask([&](db::tx& t) {
      db::rows r = t.run(sql, item);
      CHECK(r[0].texts(0) == std::vector<std::string>{item, "a", "", item, "b", ""});
    });
  }
}

TEST_CASE("arrays of uuids and integers") {
  constexpr statement sql{"test.ids", "select $1::uuid[], (select sum(x) from unnest($2::bigint[]) x), '[0:1]={a,b}'::text[]"};
  std::vector<uuid> ids{uuid::make(), uuid::make(), uuid{}};
  std::vector<int> numbers{1, -2, 40};
  ask([&](db::tx& t) {
    db::rows r = t.run(sql, ids, numbers);
    CHECK(r[0].ids(0) == ids);
    CHECK(r[0].integer(1) == 39);
    CHECK(r[0].texts(2) == std::vector<std::string>{"a", "b"});
    CHECK_THROWS_AS(r[0].ids(2), std::logic_error);
  });
}

TEST_CASE("a bytea keeps every byte") {
  constexpr statement sql{"test.bytes", "select $1::bytea, length($1::bytea), $2::bytea[]"};
  db::bytes all;
  for (int i = 0; i < 256; ++i) all.raw += static_cast<char>(i);
  std::vector<db::bytes> many{all, db::bytes{}};
  ask([&](db::tx& t) {
    db::rows r = t.run(sql, all, many);
    CHECK(r[0].raw(0) == all.raw);
    CHECK(r[0].integer(1) == 256);
    CHECK(r[0].texts(2).size() == 2);
  });
}

TEST_CASE("numbers come back as the same value") {
  constexpr statement sql{"test.numbers", "select $1::bigint, $2::double precision, $3::boolean"};
  for (std::int64_t i : {std::int64_t{0}, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
    ask([&](db::tx& t) { CHECK(t.run(sql, i, 0.0, true)[0].integer(0) == i); });
  }
  for (double d : {0.4213, 1.0 / 3, 1e-300, -1.7976931348623157e308, 5e-324, std::numeric_limits<double>::infinity()}) {
    ask([&](db::tx& t) { CHECK(t.run(sql, 0, d, false)[0].real(1) == d); });
  }
  ask([&](db::tx& t) {
    db::rows r = t.run(sql, 7U, std::nan(""), true);
    CHECK(std::isnan(r[0].real(1)));
    CHECK(r[0].flag(2));
  });
}

TEST_CASE("instants come back to the microsecond, whatever the zone and the century") {
  using namespace std::chrono;
  constexpr statement sql{"test.instants",
                          "select $1::timestamptz, (extract(epoch from $1::timestamptz) * 1000000)::numeric::text"};
  const instant moments[] = {instant{},
                             sys_days(2026y / 5 / 4) + 9h + 12min + 33s + 123456us,
                             sys_days(1969y / 12 / 31) + 23h + 59min + 59s + 999999us,
                             sys_days(2000y / 2 / 29) + 1us,
                             sys_days(12000y / 1 / 1) + 0us,
                             sys_days(year{-43} / 3 / 15) + 12h};
  for (instant at : moments) {
    ask([&](db::tx& t) {
      db::rows r = t.run(sql, at);
      CHECK(r[0].at(0) == at);
      CHECK(r[0].text(1).starts_with(std::to_string(at.time_since_epoch().count())));
    });
  }
  ask([&](db::tx& t) {
    CHECK(t.run(sql, instant::max())[0].at(0) == instant::max());
    for (const char* zone : {"Asia/Kolkata", "America/St_Johns", "UTC"}) {
      t.script(std::string("set timezone to '") + zone + "'");
      CHECK(t.run(sql, moments[1])[0].at(0) == moments[1]);
    }
    t.script("set timezone to 'Europe/Amsterdam'");  // +00:19:32 before 1937
    CHECK(t.run(sql, moments[2])[0].at(0) == moments[2]);
    instant early = sys_days(1900y / 1 / 1) + 1s;
    CHECK(t.run(sql, early)[0].at(0) == early);
    t.script("set timezone to 'UTC'");
    CHECK_FALSE(t.run(sql, std::optional<instant>())[0].maybe_at(0).has_value());
  });
}

TEST_CASE("a zero byte in a text is an error, not a shorter text") {
  constexpr statement sql{"test.zero", "select $1::text"};
  ask([&](db::tx& t) {
    try {
      t.run(sql, std::string("a\0b", 3));
      FAIL("nothing was thrown");
    } catch (const db::failure& f) {
      CHECK(f.sqlstate == "22021");
    }
    CHECK_THROWS_AS(t.run(sql, std::string("\xFF\xFE")), db::failure);
    CHECK(t.run(sql, "fine")[0].text(0) == "fine");
  });
}

TEST_CASE("getters of the wrong type, nulls and indexes out of range throw") {
  constexpr statement sql{"test.wrong", "select 'abc'::text, null::int"};
  ask([&](db::tx& t) {
    db::rows r = t.run(sql);
    CHECK_THROWS_AS(r[0].integer(0), std::logic_error);
    CHECK_THROWS_AS(r[0].id(0), std::logic_error);
    CHECK_THROWS_AS(r[0].at(0), std::logic_error);
    CHECK_THROWS_AS(r[0].raw(0), std::logic_error);
    CHECK_THROWS_AS(r[0].texts(0), std::logic_error);
    CHECK_THROWS_AS(r[0].flag(0), std::logic_error);
    CHECK_THROWS_AS(r[0].real(0), std::logic_error);
    CHECK_THROWS_AS(r[0].integer(1), std::logic_error);
    CHECK_THROWS_AS(r[0].text(2), std::logic_error);
    CHECK_THROWS_AS(r[1], std::out_of_range);
    CHECK(r.first(5).size() == 1);
    CHECK(r[0].texts(1).empty());
  });
}

TEST_CASE("rows survive being moved") {
  constexpr statement sql{"test.series", "select n from generate_series(1, 3) n"};
  db::rows kept = ask([&](db::tx& t) { return t.run(sql); });
  db::rows moved = std::move(kept);
  std::int64_t sum = 0;
  for (const db::row& r : moved) sum += r.integer(0);
  CHECK(sum == 6);
  CHECK(moved[2].integer(0) == 3);
}

TEST_CASE("copy takes any text and nulls") {
  constexpr statement sql{"test.copied", "select id, body from copied order by id"};
  pool().write_now([&](db::tx& t) {
    t.script("create table copied (id int, body text)");
    std::vector<std::vector<db::param>> data;
    for (std::size_t i = 0; i < hostile.size(); ++i) data.push_back({db::to_param(i), db::to_param(hostile[i])});
    data.push_back({db::to_param(1000), std::nullopt});
    data.push_back({db::to_param(1001), db::to_param("\\N")});
    t.copy_in("copied", {"id", "body"}, data);
    db::rows r = t.run(sql);
    REQUIRE(r.size() == hostile.size() + 2);
    for (std::size_t i = 0; i < hostile.size(); ++i) CHECK(r[i].text(1) == hostile[i]);
    CHECK(r[hostile.size()].is_null(1));
    CHECK(r[hostile.size() + 1].text(1) == "\\N");
  });
  CHECK_THROWS_AS(pool().write_now([](db::tx& t) {
    t.copy_in("copied", {"id", "body"}, {{db::to_param("not a number"), db::to_param("x")}});
  }),
                  db::failure);
  CHECK(ask([&](db::tx& t) { return t.run(sql).size(); }) == hostile.size() + 2);
}

TEST_CASE("affected rows are counted") {
  constexpr statement insert{"test.affected", "insert into counted select generate_series(1, 5)"};
  constexpr statement update{"test.affected2", "update counted set n = n + 1 where n > 3"};
  pool().write_now([&](db::tx& t) {
    t.script("create temporary table counted (n int) on commit drop");
    CHECK(t.run(insert).affected() == 5);
    CHECK(t.run(update).affected() == 2);
  });
}

TEST_CASE("one name with two texts is a broken promise") {
  constexpr statement one{"test.twice", "select 1"};
  constexpr statement two{"test.twice", "select 2"};
  ask([&](db::tx& t) {
    t.run(one);
    CHECK_THROWS_AS(t.run(two), std::logic_error);
  });
}
