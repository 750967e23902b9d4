#include "kobo/delivery.hpp"

#include <catch2/catch.hpp>

using namespace carrel;
using namespace carrel::kobo;

namespace {

uuid book(std::uint8_t n) {
  uuid id;
  id.bytes.fill(n);
  return id;
}

target_book wanted(std::uint8_t n, std::int64_t meta = 1, std::int64_t file = 1, std::int64_t state = 0) {
  return {.id = book(n), .is = {meta, file}, .state = state};
}

// A finished session after which the device holds these.
position_view holding(std::vector<held_book> books) {
  position_view v;
  v.root = false;
  v.base.held.books = std::move(books);
  return v;
}

std::vector<op_kind> kinds(const std::vector<op>& ops) {
  std::vector<op_kind> out;
  for (const op& o : ops) out.push_back(o.kind);
  return out;
}

using list = std::vector<op_kind>;

}  // namespace

TEST_CASE("what the device surely holds is not said; what changed is said in the gentlest form") {
  position_view v = holding({{.id = book(1), .is = {1, 1}}, {.id = book(2), .is = {1, 1}}, {.id = book(3), .is = {1, 1}}});
  CHECK(plan_books(v, {wanted(1), wanted(2), wanted(3)}).ops.empty());
  CHECK(kinds(plan_books(v, {wanted(1, 2), wanted(2, 2, 2), wanted(3)}).ops) == list{op_kind::meta, op_kind::file});
  CHECK(kinds(plan_books(v, {wanted(1), wanted(2), wanted(3, 1, 1, 4)}).ops) == list{op_kind::state});
  book_plan p = plan_books(v, {wanted(4), wanted(2, 2), wanted(1, 1, 1, 7)});
  CHECK(kinds(p.ops) == list{op_kind::add, op_kind::meta, op_kind::remove, op_kind::state});
  CHECK(p.added.contains(book(4)));
  CHECK(p.held.size() == 3);
}

TEST_CASE("from the root every book is said, and what was ever announced is taken away") {
  position_view v;
  v.ever_books = {book(1), book(2)};
  book_plan p = plan_books(v, {wanted(1), wanted(3)});
  CHECK(kinds(p.ops) == list{op_kind::add, op_kind::add, op_kind::remove});
  CHECK(p.ops.back().id == book(2));
}

TEST_CASE("an answer that may or may not have arrived leaves both possible") {
  position_view v = holding({{.id = book(1), .is = {1, 1}}});
  v.later.push_back({.held = {}, .ops = {{.kind = op_kind::meta, .id = book(1), .result = {2, 1}}}, .unsure = {}});
  CHECK(kinds(plan_books(v, {wanted(1, 2)}).ops) == list{op_kind::meta});
  CHECK(kinds(plan_books(v, {wanted(1)}).ops) == list{op_kind::meta});  // there and back is not nothing
  v.later.push_back({.held = {}, .ops = {{.kind = op_kind::remove, .id = book(1), .result = {}}}, .unsure = {}});
  CHECK(kinds(plan_books(v, {wanted(1, 2)}).ops) == list{op_kind::add});
  CHECK(kinds(plan_books(v, {}).ops) == list{op_kind::remove});
}

TEST_CASE("doubt satisfies nothing, not even itself") {
  position_view v = holding({{.id = book(1), .is = {1, 1}}});
  v.base.unsure.books = {book(1), book(9)};
  CHECK(kinds(plan_books(v, {wanted(1)}).ops) == list{op_kind::add, op_kind::remove});
  v.base.unsure = {};
  v.base.unsure.states = {{book(1), std::nullopt}};
  CHECK(kinds(plan_books(v, {wanted(1)}).ops) == list{op_kind::state});
  v.base.unsure.states = {{book(1), 5}};
  CHECK(plan_books(v, {wanted(1, 1, 1, 5)}).ops.empty());
}

TEST_CASE("of a book that cannot be served just now nothing is said") {
  target_book away = wanted(1, 2, 2);
  away.pending = true;
  book_plan held = plan_books(holding({{.id = book(1), .is = {1, 1}}}), {away});
  CHECK(held.ops.empty());
  REQUIRE(held.held.size() == 1);
  CHECK(held.held[0].is == content{1, 1});
  CHECK(held.held[0].sure);
  book_plan never = plan_books(holding({}), {away});
  CHECK(never.ops.empty());
  CHECK(never.held.empty());
}

TEST_CASE("a collection is said again with a book that is new, begun only with a book, and emptied before it goes") {
  position_view v = holding({});
  target_tag empty{.id = book(7), .revision = 1, .members = {}}, full{.id = book(7), .revision = 2, .members = {book(1)}};
  CHECK(plan_tags(v, {empty}, {}).ops.empty());
  CHECK(kinds(plan_tags(v, {full}, {}).ops) == list{op_kind::tag_new});
  v.base.held.tags = {{.id = book(7), .revision = 2}};
  CHECK(plan_tags(v, {full}, {}).ops.empty());
  CHECK(kinds(plan_tags(v, {full}, {book(1)}).ops) == list{op_kind::tag_changed});
  empty.revision = 3;
  CHECK(kinds(plan_tags(v, {empty}, {}).ops) == list{op_kind::tag_changed});
  CHECK(kinds(plan_tags(v, {}, {}).ops) == list{op_kind::tag_deleted});
}

TEST_CASE("stored sessions read back as they were, and damaged ones are refused") {
  std::vector<op> ops{{.kind = op_kind::add, .id = book(1), .result = {-1, INT64_MAX}, .state = 3},
                      {.kind = op_kind::tag_deleted, .id = book(2), .result = {}}};
  std::string packed = pack(ops);
  CHECK(packed.size() == ops.size() * op_bytes);
  CHECK(unpack_ops(packed) == ops);
  CHECK(unpack_ops(std::string_view(packed).substr(op_bytes)).size() == 1);
  snapshot s{.books = {{.id = book(1), .is = {2, 3}, .state = 4, .sure = false, .state_sure = true}},
             .tags = {{.id = book(5), .revision = 6}}};
  CHECK(unpack_snapshot(pack(s, ops), ops) == s);
  CHECK(unpack_snapshot(pack(s, {}), {}) == s);
  CHECK_THROWS(unpack_ops(packed.substr(1)));
  CHECK_THROWS(unpack_ops(std::string(op_bytes, '\0')));
  CHECK_THROWS(unpack_snapshot("short", {}));
  CHECK_THROWS(unpack_snapshot(std::string("\x7f\xff\xff\xff\xff\xff\xff\xff", 8), {}));
}

TEST_CASE("what a session brings is not stored a second time as what it leaves") {
  std::vector<op> ops;
  snapshot s{.books = {}, .tags = {{.id = book(90), .revision = 2}}};
  for (std::uint8_t i = 8; i > 0; i -= 2) ops.push_back({.kind = op_kind::add, .id = book(i), .result = {i, 1}, .state = i});
  for (std::uint8_t i = 2; i <= 8; i += 2) s.books.push_back({.id = book(i), .is = {i, 1}, .state = i});
  std::string brought = pack(s, ops);
  CHECK(unpack_snapshot(brought, ops) == s);
  CHECK(brought.size() < 41);  // the tag alone
  // Held before, held otherwise than told, and changed.
  s.books.insert(s.books.begin(), {.id = book(1), .is = {5, 5}, .state = 1});
  s.books.insert(s.books.begin() + 3, {.id = book(5), .is = {6, 6}, .state = 0, .state_sure = false});
  s.books.push_back({.id = book(9), .is = {7, 7}, .state = 2});
  s.books[1] = {.id = book(2), .is = {}, .state = 0, .sure = false, .state_sure = false};
  ops.push_back({.kind = op_kind::meta, .id = book(9), .result = {7, 7}});
  CHECK(unpack_snapshot(pack(s, ops), ops) == s);
  CHECK_THROWS(unpack_snapshot(brought.substr(0, brought.size() - 1), ops));
}
