// What the statements of a rule find is what a naive evaluation of the rule finds, for books and rules that chance makes; and
// what is kept book by book is what a look at everything finds.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "library/book.hpp"
#include "library/revision.hpp"
#include "library/rule_shelf.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"
#include "tests/integration/library/shelf_of_books.hpp"

using namespace carrel;
using namespace carrel::library;
using texts = std::vector<std::string>;

namespace {

constexpr db::statement sql_fill{"test.fill_book", R"sql(
  update books set page_count = $2, published_year = $3, published_on = $4, publisher = $5, genres = $6, tag_keys = $7,
                   cover_id = case when $8 then (select id from covers limit 1) end,
                   created_at = date_trunc('day', now()) - make_interval(days => $9), updated_at = now()
   where id = $1)sql"};
constexpr db::statement sql_file{"test.fill_file", "update book_files set format = $2, duration_ms = $3 where book_id = $1"};
constexpr db::statement sql_cover{"test.a_cover", R"sql(
  insert into covers (id, sha256, mime, width, height, bytes, source, storage_path) values ($1, 'c', 'image/png', 1, 1, 1, 'file', 'c'))sql"};
constexpr db::statement sql_opinion{"test.opinion", R"sql(
  insert into opinions (user_id, book_id, state, state_by, state_at, rating) values ($1, $2, $3, 'hand', now(), $4)
      on conflict (user_id, book_id) do update set state = excluded.state, rating = excluded.rating)sql"};
constexpr db::statement sql_trash{"test.trash_some", "update books set deleted_at = case when $2 then now() end where id = $1"};
constexpr db::statement sql_members{"test.members",
                                    "select book_id from shelf_books where shelf_id = $1 order by position, book_id"};

struct model {
  uuid id;
  std::string title, author, series, language, publisher, format, state = "unread";
  texts genres, tags;
  std::optional<int> pages, year;
  int minutes = 0, days_ago = 0, halves = 0;
  bool cover = false, on_hand = false, trashed = false;
};

class world : public harness::library_db {
 public:
  explicit world(unsigned seed) : random_(seed) {
    pool().write_now([&](db::tx& tx) {
      tx.run(sql_cover, uuid::make());
      hand_ = create_shelf(tx, reader(), "By hand", true)->id;
    });
    for (int i = 0; i < 60; ++i) add_one();
  }

  void add_one() {
    model m;
    m.title = "Book " + std::to_string(1000 + books_.size());
    m.author = pick({"Ada Fenwick", "Ben Okri", "Émile Zola", ""});
    m.series = pick({"", "", "Harbours", "The Deep Sea"});
    m.language = pick({"de", "en", "de-AT", "fr"});
    harness::book_spec spec;
    spec.title = m.title;
    spec.author = m.author;
    spec.series = m.series;
    spec.language = m.language;
    m.id = add(spec);
    books_.push_back(m);
    change(books_.back());
  }

  // Everything that a rule asks of a book, anew.
  void change(model& m) {
    m.pages = chance() ? std::nullopt : std::optional(100 * static_cast<int>(below(6)));
    m.year = chance() ? std::nullopt : std::optional(1990 + static_cast<int>(below(5)));
    m.publisher = pick({"", "Reclam", "Penguin Books", "Édition"});
    m.genres = subset({"Fiction", "Crime", "Poetry"});
    m.tags = subset({"sea", "Long Walk"});
    m.cover = chance();
    m.days_ago = static_cast<int>(below(50));
    m.format = pick({"epub", "pdf", "m4b"});
    m.minutes = m.format == "m4b" ? 60 * static_cast<int>(1 + below(3)) : 0;
    texts keys;
    for (const texts* all : {&m.genres, &m.tags})
      for (const std::string& t : *all) keys.push_back(publication::fold(t));
    pool().write_now([&](db::tx& tx) {
      tx.run(sql_fill, m.id, m.pages, m.year, m.year ? std::to_string(*m.year) : "",
             m.publisher.empty() ? std::nullopt : std::optional(m.publisher), m.genres, keys, m.cover, m.days_ago);
      tx.run(sql_file, m.id, m.format, m.minutes * 60'000);
    });
  }
  void read(model& m) {
    m.state = pick({"unread", "read", "reading", "wanted", "abandoned"});
    m.halves = static_cast<int>(below(11));
    pool().write_now(
        [&](db::tx& tx) { tx.run(sql_opinion, reader(), m.id, m.state, m.halves > 0 ? std::optional(m.halves) : std::nullopt); });
  }
  void put(model& m) {
    m.on_hand = !m.on_hand;
    pool().write_now([&](db::tx& tx) {
      if (m.on_hand)
        add_to_shelf(tx, reader(), hand_, {m.id});
      else
        remove_from_shelf(tx, reader(), hand_, {m.id});
    });
    if (m.trashed) m.on_hand = false;  // what is not seen is not put on a shelf
  }
  void trash(model& m) {
    m.trashed = !m.trashed;
    pool().write_now([&](db::tx& tx) { tx.run(sql_trash, m.id, m.trashed); });
  }
  void something() {
    model& m = books_[below(books_.size())];
    switch (below(6)) {
      case 0: return add_one();
      case 1: return change(m);
      case 2: return m.trashed ? trash(m) : put(m);
      case 3: return trash(m);
      default: return read(m);
    }
  }

  // ---- rules -------------------------------------------------------------------------------------------------------

  rule_test any_test() {
    std::span<const rule_field> fields = rule_fields();
    rule_field f = fields[below(fields.size())];
    std::span<const rule_op> ops = rule_ops_of(f);
    std::string typed = value_for(f);
    rule_op o = ops[below(ops.size())];
    if (o == rule_op::since || o == rule_op::before) typed = day(static_cast<int>(below(50)));
    result<rule_test> t = read_rule_test(name_of(f), name_of(o), typed);
    INFO(name_of(f) << " " << name_of(o) << " " << typed);
    REQUIRE(t);
    return *t;
  }

  rule_node any_node(int depth) {
    rule_node out;
    if (depth > 0 && (depth < 3 && below(3) > 0)) {
      out.test = any_test();
      return out;
    }
    constexpr std::array kinds{rule_node::what::all, rule_node::what::any, rule_node::what::none};
    if (depth >= 3) {
      out.test = any_test();
      return out;
    }
    out.is = kinds[below(3)];
    for (std::size_t i = 1 + below(3); i > 0; --i) out.parts.push_back(any_node(depth + 1));
    return out;
  }

  rule any_rule() {
    rule r;
    r.when = any_node(0);
    r.sort = rule_sorts()[below(rule_sorts().size())];
    r.descending = chance();
    if (below(4) == 0) r.limit = static_cast<int>(1 + below(10));
    CHECK(read_rule_text(json::dump(to_json(r))).value() == r);
    return r;
  }

  // ---- what it should find -----------------------------------------------------------------------------------------

  bool holds(const rule_node& n, const model& m) const {
    auto part = [&](const rule_node& p) { return holds(p, m); };
    switch (n.is) {
      case rule_node::what::test: return holds(n.test, m);
      case rule_node::what::all: return std::all_of(n.parts.begin(), n.parts.end(), part);
      case rule_node::what::any: return std::any_of(n.parts.begin(), n.parts.end(), part);
      case rule_node::what::none: return std::none_of(n.parts.begin(), n.parts.end(), part);
    }
    return false;
  }

  std::set<uuid> expected(const rule& r) const {
    std::set<uuid> out;
    for (const model& m : books_) {
      if (!m.trashed && holds(r.when, m)) out.insert(m.id);
    }
    return out;
  }

  // The order by which the sort can be told from the model: a number, more is later; nothing comes last.
  static std::optional<double> key(rule_sort s, const model& m) {
    switch (s) {
      case rule_sort::added: return -m.days_ago;
      case rule_sort::published: return m.year;
      case rule_sort::pages: return m.pages;
      case rule_sort::duration: return m.minutes > 0 ? std::optional<double>(m.minutes) : std::nullopt;
      case rule_sort::rating: return m.halves > 0 ? std::optional<double>(m.halves) : std::nullopt;
      default: return 0;
    }
  }
  void check_order(const rule& r, const std::vector<uuid>& found) const {
    if (r.sort == rule_sort::author || r.sort == rule_sort::series) return;
    for (std::size_t i = 1; i < found.size(); ++i) {
      const model &a = model_of(found[i - 1]), &b = model_of(found[i]);
      std::optional<double> x = key(r.sort, a), y = key(r.sort, b);
      INFO(name_of(r.sort) << (r.descending ? " descending: " : ": ") << a.title << ", " << b.title);
      if (x && y && *x != *y)
        CHECK((*x < *y) != r.descending);
      else if (x.has_value() != y.has_value())
        CHECK(x.has_value());
      else
        CHECK((a.title < b.title) != (r.descending && r.sort == rule_sort::title));
    }
  }
  const model& model_of(const uuid& id) const {
    return *std::find_if(books_.begin(), books_.end(), [&](const model& m) { return m.id == id; });
  }

  rule_preview preview(const rule& r) {
    return pool().snapshot_now([&](db::tx& tx) { return preview_rule(tx, reader(), r, 10'000); });
  }
  uuid make_shelf(const rule& r) {
    std::string name = "Rule " + std::to_string(++shelves_);
    return pool().write_now([&](db::tx& tx) { return create_rule_shelf(tx, reader(), name, true, r).value().id; });
  }
  std::vector<uuid> members(const uuid& shelf) {
    return pool().read_now([&](db::tx& tx) {
      std::vector<uuid> out;
      for (const db::row& row : tx.run(sql_members, shelf)) out.push_back(row.id(0));
      return out;
    });
  }

 private:
  bool has(const texts& all, const std::string& one) const {
    return std::any_of(all.begin(), all.end(),
                       [&](const std::string& t) { return publication::fold(t) == publication::fold(one); });
  }
  static bool part_of(const texts& parts, const texts& all) {
    return std::any_of(all.begin(), all.end(), [&](const std::string& whole) {
      return std::any_of(parts.begin(), parts.end(), [&](const std::string& p) {
        return publication::fold(whole).find(publication::fold(p)) != std::string::npos;
      });
    });
  }

  texts names(rule_field f, const model& m) const {
    auto one = [](const std::string& s) { return s.empty() ? texts{} : texts{s}; };
    switch (f) {
      case rule_field::state: return {m.state};
      case rule_field::language: return {m.language, m.language.substr(0, 2)};
      case rule_field::genre: return m.genres;
      case rule_field::tag: {
        texts all = m.genres;
        all.insert(all.end(), m.tags.begin(), m.tags.end());
        return all;
      }
      case rule_field::author: return one(m.author);
      case rule_field::series: return one(m.series);
      case rule_field::publisher: return one(m.publisher);
      case rule_field::format: return {m.format};
      case rule_field::library: return {"00000000-0000-7000-8000-000000000001"};
      case rule_field::shelf: return m.on_hand ? texts{hand_.text()} : texts{};
      case rule_field::cover: return m.cover ? texts{"x"} : texts{};
      case rule_field::text: {
        texts all = split(m.title + " " + m.author + " " + m.series, ' ');
        return all;
      }
      default: return {};
    }
  }
  static std::optional<double> number(rule_field f, const model& m) {
    switch (f) {
      case rule_field::rating: return m.halves > 0 ? std::optional<double>(m.halves / 2.0) : std::nullopt;
      case rule_field::year: return m.year;
      case rule_field::pages: return m.pages;
      case rule_field::duration: return m.minutes > 0 ? std::optional<double>(m.minutes) : std::nullopt;
      default: return std::nullopt;
    }
  }
  static bool is_number(rule_field f) {
    return f == rule_field::rating || f == rule_field::year || f == rule_field::pages || f == rule_field::duration;
  }

  bool holds(const rule_test& t, const model& m) const {
    std::optional<double> n = number(t.field, m);
    texts all = names(t.field, m);
    bool known = is_number(t.field) ? n.has_value() : !all.empty();
    bool same = is_number(t.field)
                    ? n && *n == t.number
                    : std::any_of(t.texts.begin(), t.texts.end(), [&](const std::string& one) { return has(all, one); });
    switch (t.op) {
      case rule_op::is: return same;
      case rule_op::is_not: return !same;
      case rule_op::present: return known;
      case rule_op::missing: return !known;
      case rule_op::contains: return t.field == rule_field::text ? same : part_of(t.texts, all);
      case rule_op::at_least: return n && *n >= t.number;
      case rule_op::at_most: return n && *n <= t.number;
      case rule_op::above: return n && *n > t.number;
      case rule_op::below: return n && *n < t.number;
      case rule_op::since: return day(m.days_ago) >= t.texts.front();
      case rule_op::before: return day(m.days_ago) < t.texts.front();
      case rule_op::within_days: return m.days_ago <= t.number;
      case rule_op::older_than_days: return m.days_ago > t.number;
    }
    return false;
  }

  std::string day(int ago) const { return rfc3339(today_ - std::chrono::hours(24 * ago)).substr(0, 10); }

  std::string value_for(rule_field f) {
    switch (f) {
      case rule_field::state: return pick({"unread", "read", "reading; wanted", "abandoned"});
      case rule_field::rating: return pick({"0.5", "2", "3.5", "5"});
      case rule_field::language: return pick({"de", "en; fr", "de-AT"});
      case rule_field::genre: return pick({"Fiction", "crime", "Poetry; Fiction", "po"});
      case rule_field::tag: return pick({"sea", "LONG walk", "Crime", "a"});
      case rule_field::author: return pick({"Ada Fenwick", "emile zola", "Okri", "Ben Okri; Ada Fenwick"});
      case rule_field::series: return pick({"harbours", "Deep Sea", "The Deep Sea; Harbours"});
      case rule_field::publisher: return pick({"reclam", "Penguin Books", "pen"});
      case rule_field::year: return pick({"1990", "1992", "1995"});
      case rule_field::format: return pick({"epub", "PDF; m4b"});
      case rule_field::pages: return pick({"0", "100", "300"});
      case rule_field::duration: return pick({"60", "120"});
      case rule_field::added: return pick({"0", "10", "30"});
      case rule_field::library: return pick({"00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002"});
      case rule_field::text: return pick({"1007", "fenwick", "harbours"});
      case rule_field::cover: return "";
      case rule_field::shelf: return hand_.text();
    }
    return "";
  }

  std::size_t below(std::size_t n) { return random_() % n; }
  bool chance() { return below(2) == 0; }
  std::string pick(const texts& from) { return from[below(from.size())]; }
  texts subset(const texts& from) {
    texts out;
    std::copy_if(from.begin(), from.end(), std::back_inserter(out), [&](const std::string&) { return below(3) == 0; });
    return out;
  }

  std::mt19937 random_;
  std::vector<model> books_;
  uuid hand_;
  int shelves_ = 0;
  instant today_ = pool().read_now([](db::tx& tx) { return tx.run({"test.today", "select date_trunc('day', now())"})[0].at(0); });
};

std::set<uuid> set_of(const std::vector<uuid>& v) { return {v.begin(), v.end()}; }

}  // namespace

TEST_CASE("a rule finds what a look at every book finds, in its order") {
  world w(GENERATE(1U, 2U, 3U));
  for (int i = 0; i < 40; ++i) w.something();
  for (int i = 0; i < 150; ++i) {
    rule r = w.any_rule();
    INFO(json::dump(to_json(r)));
    std::set<uuid> should = w.expected(r);
    rule_preview found = w.preview(r);
    std::size_t most = r.limit > 0 ? static_cast<std::size_t>(r.limit) : should.size();
    CHECK(found.count == static_cast<std::int64_t>(std::min(most, should.size())));
    CHECK(found.first.size() == std::min(most, should.size()));
    std::set<uuid> is = set_of(found.first);
    CHECK(std::includes(should.begin(), should.end(), is.begin(), is.end()));
    w.check_order(r, found.first);
  }
}

TEST_CASE("what is kept change by change is what a look at everything finds") {
  world w(GENERATE(11U, 12U));
  std::map<uuid, rule> shelves;
  for (int i = 0; i < 12; ++i) {
    rule r = w.any_rule();
    shelves.emplace(w.make_shelf(r), r);
  }
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i <= round % 4; ++i) w.something();
    w.pool().write_now(settle_rules);
    CHECK_FALSE(w.pool().read_now(rules_waiting));
    for (const auto& [shelf, r] : shelves) {
      INFO("round " << round << " " << json::dump(to_json(r)));
      CHECK(w.members(shelf) == w.preview(r).first);
      if (r.limit == 0) CHECK(set_of(w.members(shelf)) == w.expected(r));
    }
  }
}
