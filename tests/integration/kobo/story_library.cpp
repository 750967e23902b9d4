// What happens in the library while its readers are on their way.
#include <catch2/catch.hpp>

#include "library/device.hpp"
#include "library/kobo_acts.hpp"
#include "library/kobo_options.hpp"
#include "library/shelf.hpp"
#include "tests/integration/kobo/story.hpp"

namespace carrel::kobo::tests {
namespace {

using namespace std::chrono_literals;

constexpr db::statement sql_rename{"test.set_entitlement", "update books set entitlement = $2 where id = $1"};

}  // namespace

// The ids are the same for the same seed, and no two books of a story have the same.
void story::add_book() {
  std::string name = "Book " + std::to_string(++numbers_) + ".";
  book b{.id = s_.add_book(name), .entitlement = {}};
  uuid entitlement = uuid::of_name({}, name);
  s_.db.pool().write_now([&](db::tx& tx) { tx.run(sql_rename, b.id, entitlement); });
  b.entitlement = entitlement.text();
  judge_.names[b.entitlement] = name;
  books_.push_back(b);
}

void story::note_left() {
  for (place& p : places_) {
    if (p.buried.empty()) continue;
    std::set<std::string> there = judge_.on_shelves(p.kobo, true);
    std::erase_if(p.buried, [&](const std::string& id) { return !there.contains(id); });
  }
}

void story::shelve(const uuid& shelf, const book& b, bool on) {
  s_.db.pool().write_now([&](db::tx& tx) {
    if (on)
      library::add_to_shelf(tx, s_.db.reader(), shelf, {b.id});
    else
      library::remove_from_shelf(tx, s_.db.reader(), shelf, {b.id});
  });
  note_left();
}

void story::feed(const uuid& shelf, const uuid& kobo, bool on) {
  s_.db.pool().write_now([&](db::tx& tx) { library::feed_device(tx, kobo, shelf, on); });
  note_left();
}

void story::rename(const uuid& shelf) {
  library::shelf_change wish;
  wish.name = "List " + std::to_string(++numbers_);
  if (chance(4)) wish.collection = chance(2);
  s_.db.pool().write_now([&](db::tx& tx) { library::change_shelf(tx, s_.db.reader(), shelf, wish).value(); });
}

// To the trash and back.
void story::discard_gently(book& b) {
  b.trashed = !b.trashed;
  b.trashed ? s_.purge(b.id) : s_.restore(b.id);
}

// The same, or away for good.
void story::discard(book& b) {
  discard_gently(b);
  if (!b.trashed || !chance(3)) return;
  s_.erase(b.id);
  auto at = static_cast<std::size_t>(&b - books_.data());
  std::erase_if(out_, [&](const auto& o) { return o.first == at; });
  add_book();
  books_[at] = books_.back();
  books_.pop_back();
  note_left();
}

void story::choose(std::size_t kobo, const json::object& wish) {
  s_.db.pool().write_now([&](db::tx& tx) { REQUIRE(library::change_kobo_options(tx, kobos_[kobo], wish).value()); });
  for (const auto& [name, value] : wish.members()) chosen_[kobo].set(name, value);
  bool paused = false;
  chosen_[kobo].take("paused", paused);
  for (place& p : places_) {
    if (p.kobo == kobos_[kobo]) p.paused = paused;
  }
}

void story::choose_something() {
  auto kobo = static_cast<std::size_t>(roll(static_cast<int>(kobos_.size())));
  bool paused = false;
  chosen_[kobo].take("paused", paused);
  if (paused) return choose(kobo, {{"paused", false}});
  switch (roll(7)) {
    case 0: return choose(kobo, {{"paused", true}});
    case 1:
    case 2: return choose(kobo, {{"collections", chance(2)}});
    case 3:
    case 4: return choose(kobo, {{"positions", chance(2)}});
    default: return choose(kobo, {{"largest", chance(2) ? 0 : 1001 + roll(2 * static_cast<int>(books_.size()))}});
  }
}

// What the owner asks for on the web, done with the next request of each reader behind that credential.
void story::ask_the_server() {
  const uuid kobo = any(kobos_);
  int what = roll(5);
  if (what == 4) return take_off(kobo);
  bool lift = chance(2), anew = chance(3);
  std::vector<uuid> some{any(books_).id, any(books_).id};
  s_.db.pool().write_now([&](db::tx& tx) {
    if (what == 0) library::reset_kobo(tx, kobo, lift);
    if (what == 1) library::take_back_kobo_acts(tx, kobo);
    if (what >= 2) library::announce_again(tx, kobo, some, {.only_removed = lift, .fetch_again = anew});
  });
  sampled_ = sampled_ || (what >= 2 && anew);
  std::set<std::string> there = judge_.on_shelves(kobo, true);
  for (place& p : places_) {
    if (p.kobo != kobo) continue;
    if (what == 0) p.all_lifted = lift;
    if (what == 1) p.all_lifted = false;
    if (what == 1) p.lifted.clear();
    for (const book& b : books_) {
      bool meant = what >= 2 && (b.id == some[0] || b.id == some[1]) && there.contains(b.entitlement);
      if (meant && !p.announced.contains(b.entitlement)) p.buried.erase(b.entitlement);  // there is nothing to say again
      meant = meant && (!lift || p.buried.contains(b.entitlement));
      if (meant && p.announced.contains(b.entitlement)) p.lifted.insert(b.entitlement);
    }
  }
}

// Its owner wants a book to leave the device; whatever was asked for it before is not done any more.
void story::take_off(const uuid& kobo) {
  const book& b = any(books_);
  s_.db.pool().write_now([&](db::tx& tx) { library::take_off(tx, kobo, {b.id}); });
  if (!judge_.on_shelves(kobo, true).contains(b.entitlement)) return;
  for (place& p : places_) {
    if (p.kobo != kobo) continue;
    p.buried.insert(b.entitlement);
    p.lifted.erase(b.entitlement);
  }
}

// Most of a library is gone at once: a device keeps what it holds for a day, or until its owner agrees, or until it is back.
void story::vanish(holder& h) {
  for (const book& b : books_) shelve(s_.shelf, b, true);
  REQUIRE(talk(h, weather::calm));
  REQUIRE(talk(h, weather::calm));
  const std::map<std::string, shown_book> before = h.now.r.library;
  CHECK(before.size() == books_.size());
  for (std::size_t i = 0; i < books_.size() - 3; ++i) discard_gently(books_[i]);
  for (int i = 0; i < 3; ++i) {
    if (i == 1) s_.retitle(books_.back().id, judge_.names.at(books_.back().entitlement) + " " + std::to_string(++numbers_));
    REQUIRE(talk(h, weather::calm));
    pass(7h);
  }
  for (const auto& [id, shown] : before) CHECK(h.now.r.library.contains(id));
  int end = roll(3);
  if (end == 0) pass(24h);
  if (end == 1) s_.db.pool().write_now([&](db::tx& tx) { CHECK(library::agree_to_removal(tx, place_of(h).kobo)); });
  if (end == 2) {
    for (book& b : books_) {
      if (b.trashed) discard_gently(b);
    }
  }
  REQUIRE(talk(h, weather::calm));
  check_books(h, false);
  for (book& b : books_) {
    if (b.trashed) discard_gently(b);
  }
}

// A book that is away while a page or two are said, and is then back as it was.
void story::step_out() {
  auto which = static_cast<std::size_t>(roll(static_cast<int>(books_.size())));
  bool file = chance(3);
  out_.emplace_back(which, file);
  file ? s_.lose_file(books_[which].id, true) : shelve(s_.shelf, books_[which], false);
}

void story::come_back() {
  for (auto [which, file] : std::exchange(out_, {}))
    file ? s_.lose_file(books_[which].id, false) : shelve(s_.shelf, books_[which], true);
}

void story::edit_book(book& b) {
  switch (roll(6)) {
    case 0: return s_.retitle(b.id, judge_.names.at(b.entitlement) + " " + std::to_string(++numbers_));
    case 1: return s_.replace_file(b.id);
    case 2: return discard(b);
    case 3: return chance(2) ? s_.begin_conversion(b.id) : s_.end_conversion(b.id);
    default: return s_.lose_file(b.id, chance(2));
  }
}

void story::edit_lists(book& b) {
  switch (roll(10)) {
    case 0:
    case 1:
    case 2: return shelve(s_.shelf, b, true);
    case 3: return shelve(s_.shelf, b, false);
    case 4: return shelve(s_.shelf, b, false), shelve(s_.shelf, b, true);
    case 5: return shelve(second_, b, true);
    case 6: return shelve(second_, b, false);
    case 7: return rename(chance(2) ? s_.shelf : second_);
    default: return feed(second_, any(kobos_), chance(2));
  }
}

void story::edit() {
  if (!out_.empty() && !chance(4)) return come_back();
  switch (roll(10)) {
    case 0:
    case 1: return step_out();
    case 2: return choose_something();
    case 3: return chance(2) ? ask_the_server() : edit_book(any(books_));
    case 4:
    case 5:
    case 6: return edit_book(any(books_));
    default: return edit_lists(any(books_));
  }
}

// What takes no download from a reader that is never disturbed.
void story::gentle_edit() {
  if (chance(5)) return choose_something();
  chance(2) ? edit_book(any(books_)) : edit_lists(any(books_));
}

}  // namespace carrel::kobo::tests
