// The end of a story: everybody syncs in peace, and is then equal to what it should be, and silent.
#include <catch2/catch.hpp>

#include "tests/integration/kobo/story.hpp"

namespace carrel::kobo::tests {
namespace {

using namespace std::chrono_literals;

constexpr db::statement sql_ledger{"test.ledger", "select id from kobo_ledger where kobo_id = $1 and subject = 1"};
constexpr db::statement sql_entitlement{"test.entitlement_of", "select entitlement from books where id = $1"};

std::set<std::string> without(std::set<std::string> all, const std::set<std::string>& these) {
  for (const std::string& id : these) all.erase(id);
  return all;
}

}  // namespace

// I1; I2 when nothing is excused.
void story::check_books(const holder& h, bool with_missed) {
  const place& p = place_of(h);
  std::map<std::string, shown_book> shown = h.now.r.library, target = s_.target(p.kobo, p.hash);
  std::set<std::string> pending = s_.pending(p.kobo, p.hash), there;
  for (const auto& [id, shown_there] : target) there.insert(id);
  CHECK(there == without(without(judge_.on_shelves(p.kobo, false), p.buried), pending));  // I13
  for (const std::string& id : pending) shown.erase(id), target.erase(id);
  for (const std::string& id : h.now.missed) {
    if (!with_missed && !shown.contains(id)) target.erase(id);
  }
  CHECK(shown == target);
}

// I15. A list that has no book there may be missing, or empty.
void story::check_collections(const holder& h) {
  const place& p = place_of(h);
  const reader& r = h.now.r;
  std::set<std::string> left_out = s_.pending(p.kobo, p.hash);
  left_out.insert(h.now.missed.begin(), h.now.missed.end());
  std::unordered_set<uuid> held;
  for (const auto& [id, shown_there] : r.library) held.insert(*uuid::parse(id));
  std::vector<collection> all;
  with_row(h, [&](db::tx& tx, const kobo_row& k) { all = read_collections(tx, k.ids, held); });
  std::set<std::string> known;
  for (const collection& c : all) {
    INFO("collection " << c.name);
    std::set<std::string> members;
    for (const uuid& id : c.members) members.insert(id.text());
    members = without(std::move(members), left_out);
    known.insert(c.id.text());
    auto at = r.tags.find(c.id.text());
    CHECK((at != r.tags.end() || members.empty()));
    if (at == r.tags.end()) continue;
    CHECK(at->second.first == c.name);
    CHECK(without(at->second.second, left_out) == members);
  }
  for (const auto& [id, content] : r.tags) {
    CHECK(known.contains(id));
    for (const std::string& id_there : content.second) CHECK(r.library.contains(id_there));
  }
}

// I14. What a copy of a reader read before it was restored is nobody's but its own.
void story::check_states(const holder& h) {
  const place& p = place_of(h);
  if (p.lineages > 1 && h.went_back) return;
  std::set<std::string> pending = s_.pending(p.kobo, p.hash);
  for (const auto& [id, at] : h.now.r.positions) {
    INFO("state of " << id);
    if (greatest_.contains(id) && !pending.contains(id)) CHECK(at == greatest_.at(id));
  }
}

// I3.
void story::check_quiet(holder& h) {
  if (h.now.r.keeps == token_use::none) return;
  heard quiet = ask(h, h.now.r.token);
  INFO("reader " << &h - holders_.data() << " of " << place_of(h).lineages);
  CHECK(quiet.answer.body == "[]");
  CHECK(quiet.answer.token == h.now.r.token);
}

// I16: the ledger has what was announced, once.
void story::check_ledger(const place& p) {
  std::set<std::string> ledger;
  auto read = [&](db::tx& tx, const kobo_row& k) {
    for (const db::row& r : tx.run(sql_ledger, k.ids.row)) ledger.insert(r.id(0).text());
  };
  s_.with_row(p.kobo, read, p.hash);
  CHECK(ledger == p.announced);
}

void story::settle(holder& h) {
  INFO("reader " << &h - holders_.data() << ", keeps its token " << static_cast<int>(h.now.r.keeps));
  REQUIRE(talk(h, weather::calm));
  check_books(h, false);
  check_collections(h);
  check_states(h);
  if (place_of(h).lineages == 1) check_quiet(h);
}

// What was told as a sample is whole with the sync after that.
void story::hear_samples() {
  for (int i = 0; sampled_ && i < 2; ++i) {
    for (holder& h : holders_) {
      REQUIRE(talk(h, weather::calm));
      pass(30min);
    }
  }
}

// I2: after a reset nothing is excused any more.
void story::start_again() {
  for (const place& p : places_)
    s_.with_row(
        p.kobo, [](db::tx& tx, const kobo_row& k) { reset_sync(tx, k); }, p.hash);
  for (holder& h : holders_) {
    INFO("after a reset, reader " << &h - holders_.data());
    REQUIRE(talk(h, weather::calm));
    h.now.missed.clear();
    check_books(h, true);
    check_collections(h);
  }
}

void story::end() {
  for (holder& h : holders_) {
    if (!gentle_ && !chance(6)) trouble(h);
  }
  come_back();
  for (std::size_t k = 0; k < kobos_.size(); ++k)
    choose(k, {{"paused", false}, {"collections", true}, {"positions", true}, {"largest", 0}});
  for (holder& h : holders_) tell(h, h.went_back && place_of(h).lineages == 1);
  pass(30min);  // later that evening
  hear_samples();
  for (holder& h : holders_) settle(h);
  for (holder& h : holders_) check_quiet(h);
  for (const place& p : places_) check_ledger(p);
  if (gentle_) {  // I17
    for (const holder& h : holders_) CHECK(h.now.r.lost_downloads == 0);
  }
  start_again();
  s_.db.pool().read_now([&](db::tx& tx) {  // I10
    for (const book& b : books_) CHECK(tx.run(sql_entitlement, b.id)[0].id(0).text() == b.entitlement);
  });
}

}  // namespace carrel::kobo::tests
