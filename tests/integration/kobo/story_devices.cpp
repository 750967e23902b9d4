// What happens to the Kobos and on them.
#include <catch2/catch.hpp>

#include "kobo/collections.hpp"
#include "kobo/signals.hpp"
#include "kobo/states.hpp"
#include "tests/integration/kobo/story.hpp"

namespace carrel::kobo::tests {
namespace {

using namespace std::chrono_literals;

json::object state_at(const std::string& at, int number, bool finished) {
  auto part = [&](const char* name, json::value v) { return json::object{{name, std::move(v)}, {"LastModified", at}}; };
  return {{"LastModified", at},
          {"StatusInfo", part("Status", finished ? "Finished" : "Reading")},
          {"Statistics", part("SpentReadingMinutes", number)},
          {"CurrentBookmark", part("ProgressPercent", finished ? 0 : number)}};  // of its first document, as devices have it
}

}  // namespace

std::optional<std::string> story::some_of(const holder& h) {
  if (h.now.r.library.empty()) return std::nullopt;
  return any(h.now.r.library).first;
}

void story::restore_backup(holder& h) {
  h.now = h.backup;
  h.same_life = h.went_back = true;
}

void story::factory_reset(holder& h) {
  token_use keeps = h.now.r.keeps;
  h.now = {};
  h.now.r.keeps = keeps;
  h.same_life = false;
}

// Another reader that was set up from the same card.
void story::clone(holder& h) {
  if (holders_.size() > 3 || place_of(h).lineages > 1) return;
  tell(h, h.went_back);
  place_of(h).lineages = 2;
  holder other = h;
  holders_.push_back(std::move(other));
}

// DELETE from the device; what its reader removed is away at once.
void story::remove_on(holder& h) {
  std::optional<std::string> id = some_of(h);
  if (!id) return;
  bool put_back = chance(3);
  h.now.r.remove(*id);
  with_row(h, [&](db::tx& tx, const kobo_row& k) { removed_on_device(tx, k, *uuid::parse(*id), put_back); });
  place& p = place_of(h);
  if (!put_back && judge_.on_shelves(p.kobo, true).contains(*id)) p.buried.insert(*id);
}

// Its owner gets it back without the device having asked in between.
void story::remove_and_regret(holder& h) {
  std::set<std::string> before = place_of(h).buried;
  remove_on(h);
  for (const book& b : books_) {
    if (!place_of(h).buried.contains(b.entitlement) || before.contains(b.entitlement)) continue;
    for (bool on : {false, true}) shelve(s_.shelf, b, on);
  }
}

// A book that the device lost without a word, sent again by the owner when he finds out.
void story::lose_silently(holder& h, bool ask_again) {
  std::string id = chance(3) ? any(books_).entitlement : some_of(h).value_or(books_[0].entitlement);
  bool had = h.now.r.library.contains(id);
  h.now.r.remove(id);
  if (!ask_again) {
    if (had) h.now.missed.insert(id);
    return;
  }
  with_row(h, [&](db::tx& tx, const kobo_row& k) { send_again(tx, k, {*uuid::parse(id)}); });
  place_of(h).buried.erase(id);
  for (holder& other : holders_) {
    if (other.at == h.at) other.now.missed.erase(id), other.backup.missed.erase(id);
  }
}

// By its own clock. Two copies of a reader that both go on reading are more than the server can tell apart.
void story::read_on(holder& h) {
  std::optional<std::string> id = some_of(h);
  if (!id || place_of(h).lineages > 1) return;
  std::string at = rfc3339(clock_ + h.wrong + std::chrono::seconds(++numbers_));
  h.now.r.positions[*id] = std::max(h.now.r.positions[*id], at);
  h.now.untold.insert(*id);
  if (chance(2)) tell(h, false);
}

void story::tell(holder& h, bool all) {
  with_row(h, [&](db::tx& tx, const kobo_row& k) {
    if (!k.wishes.positions) return;
    for (const auto& [id, at] : h.now.r.positions) {
      if (!h.now.untold.contains(id) && !(all && greatest_.contains(id))) continue;
      put_state(tx, k, *uuid::parse(id), state_at(at, ++numbers_, chance(4)));
      greatest_[id] = std::max(greatest_[id], at);
    }
    h.now.untold.clear();
  });
}

void story::make_collection(holder& h, const std::string* with) {
  sent_collection sent{.name = "Shelf " + std::to_string(chance(3) ? numbers_ : ++numbers_), .entitlements = {}};
  if (with) sent.entitlements.push_back(*uuid::parse(*with));
  uuid made;
  with_row(h, [&](db::tx& tx, const kobo_row& k) { made = create_collection(tx, k, sent); });
  if (chance(3)) return;  // the answer was lost
  std::set<std::string>& there = (h.now.r.tags[made.text()] = {*sent.name, {}}).second;
  if (with) there.insert(*with);
}

void story::edit_collections(holder& h) {
  std::optional<std::string> member = some_of(h);
  auto& tags = h.now.r.tags;
  if (tags.empty() || chance(4)) return make_collection(h, member ? &*member : nullptr);
  auto at = std::next(tags.begin(), roll(static_cast<int>(tags.size())));
  uuid tag = *uuid::parse(at->first);
  auto& [name, there] = at->second;
  int what = roll(6);
  if (what > 2 && !member) return;
  if (what < 2) name = "Shelf " + std::to_string(++numbers_);
  if (what > 2) what < 5 ? (void)there.insert(*member) : (void)there.erase(*member);
  with_row(h, [&](db::tx& tx, const kobo_row& k) {
    if (what < 2) rename_collection(tx, k, tag, name);
    if (what == 2) delete_collection(tx, k, tag);
    if (what > 2) change_collection(tx, k, tag, {*uuid::parse(*member)}, what < 5);
  });
  if (what == 2) tags.erase(at);
  note_left();
}

// It asks for what it shows, ghosts included.
void story::show_books(holder& h) {
  std::vector<uuid> all;
  for (const auto& [id, shown] : h.now.r.library) all.push_back(*uuid::parse(id));
  with_row(h, [&](db::tx& tx, const kobo_row& k) { note_signals(tx, k, signal::metadata, all); });
}

// Somewhere on the way an old request is sent once more; nobody hears the answer.
void story::repeat_something(holder& h) {
  place& p = place_of(h);
  if (p.shown.empty()) return;
  pass(1s);
  judge_.ask(p, std::string(any(p.shown)), nullptr);
}

// Answer after answer is heard in part or not at all, no token is kept, and the library does not wait. What the first one brought
// is gone again with the second, and is forgotten on the server but not on the device.
void story::bad_evening(holder& h) {
  const book b = any(books_);
  std::size_t other = static_cast<std::size_t>(roll(static_cast<int>(books_.size())));
  shelve(s_.shelf, b, false);
  talk(h, weather::calm);
  bool deaf = chance(2);
  int rounds = chance(2) ? 2 : s_.how.keep.open + 2;
  for (int i = 0; i < rounds; ++i) {
    i < 2 ? shelve(s_.shelf, b, i == 0) : shelve(s_.shelf, books_[other], i % 2 == 0);
    heard a = ask(h, h.now.r.token);
    json::array items = a.items;
    if (i > 0) items.resize(static_cast<std::size_t>(roll(static_cast<int>(items.size()) + 1)));
    if (i == 0 || (!deaf && chance(3))) apply(h, items);
  }
}

// Everything is said again, and some of it is not so while it is said.
void story::sync_flightily(holder& h) {
  come_back();
  h.now.r.token.clear();
  talk(h, weather::flighty);
  come_back();
}

// What is hard to mend, for a device that was fine before.
void story::trouble(holder& h) {
  switch (roll(6)) {
    case 0:
    case 1: return sync_flightily(h);
    case 2: return bad_evening(h);
    case 3: talk(h, weather::calm); return lose_silently(h, true);
    case 4: talk(h, weather::calm); return remove_and_regret(h);
    default: talk(h, weather::rough); edit();  // ended in the middle, perhaps
  }
}

// I9: whatever is done to another Kobo, this one is told the same.
void story::leave_alone(holder& h) {
  holder& other = any(holders_);
  if (other.at == h.at || other.now.r.keeps == token_use::pinned) return;
  pass(3min);  // long enough that nobody takes it for one that cannot keep its token
  std::string token = h.now.r.token;
  heard before = ask(h, token);
  switch (roll(5)) {
    case 0: remove_on(other); break;
    case 1: with_row(other, [](db::tx& tx, const kobo_row& k) { reset_sync(tx, k); }); break;
    case 2: lose_silently(other, true); break;
    default: ask(other, other.now.r.token);
  }
  pass(3min);
  heard after = ask(h, token);
  CHECK(after.answer.body == before.answer.body);
  CHECK(after.answer.token == before.answer.token);
}

void story::device(holder& h) {
  switch (roll(28)) {
    case 0: h.backup = h.now, h.same_life = true; return;
    case 1: return restore_backup(h);
    case 2: return factory_reset(h);
    case 3:  // the library kept, an older token; one that claims more than the library ever had cannot come about
      if (h.same_life) h.now.r.token = h.backup.r.token, h.went_back = true;
      return;
    case 4: h.now.r.token.clear(); return;
    case 5: return with_row(h, [](db::tx& tx, const kobo_row& k) { reset_sync(tx, k); });
    case 6: return chance(2) ? remove_and_regret(h) : remove_on(h);
    case 7: return remove_on(h);
    case 8: return lose_silently(h, true);
    case 9: return lose_silently(h, false);
    case 10: return clone(h);
    case 11:
    case 12: return read_on(h);
    case 13:
    case 14: return edit_collections(h);
    case 15: return show_books(h);
    case 16: return repeat_something(h);
    case 17: return bad_evening(h);
    case 18: return trouble(h);
    case 19: return leave_alone(h);
    case 20: return sync_flightily(h);
    default: talk(h, weather::rough);
  }
}

void story::gentle_device(holder& h) {
  switch (roll(8)) {
    case 0: return read_on(h);
    case 1: return edit_collections(h);
    case 2: return show_books(h);
    case 3: return tell(h, false);
    default: talk(h, weather::busy);
  }
}

}  // namespace carrel::kobo::tests
