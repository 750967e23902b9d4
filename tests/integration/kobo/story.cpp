#include "tests/integration/kobo/story.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "kobo/sync_token.hpp"
#include "library/shelf.hpp"

namespace carrel::kobo::tests {
namespace {

using namespace std::chrono_literals;

constexpr int books = 9, many_books = 26, steps = 40;

}  // namespace

story::story(shop& s, unsigned seed) : s_(s), judge_(s), dice_(seed), clock_(now() + 24h) {
  s_.start_over();
  pass(0s);
  gentle_ = chance(5);
  s_.how.page_size = std::array{1, 2, 3, 7, 100}[static_cast<std::size_t>(roll(5))];
  s_.how.heal = false;  // has its own tests, and asks for books again that nobody reads here
  if (!chance(3)) s_.how.keep = {.acked = 2, .open = 2};
  second_ =
      s_.db.pool().write_now([&](db::tx& tx) { return library::create_shelf(tx, s_.db.reader(), "Second", chance(2))->id; });
  large_ = !gentle_ && chance(8);
  for (int i = 0; i < (large_ ? many_books : books); ++i) add_book();
  kobos_ = {s_.add_kobo("Clara"), s_.add_kobo("Libra")};
  chosen_.resize(kobos_.size());
  places_ = {{.kobo = kobos_[0], .hash = chance(2) ? "one" : ""}, {.kobo = kobos_[1], .hash = "two"}};
  if (chance(2)) places_.push_back({.kobo = kobos_[1], .hash = "three"});
  for (std::size_t i = 0; i < places_.size(); ++i) {
    holder h{.at = i};
    h.now.r.keeps = static_cast<token_use>(gentle_ ? roll(2) : chance(2) ? 0 : roll(4));
    h.wrong = std::chrono::seconds(roll(7200) - 3600);
    h.backup = h.now;
    holders_.push_back(h);
    with_row(h, [](db::tx&, const kobo_row&) {});
  }
}

story::~story() { set_clock(std::nullopt); }

void story::pass(std::chrono::seconds s) {
  clock_ += s;
  set_clock(clock_);
}

void story::run() {
  if (large_) vanish(any(holders_));
  for (int i = 0; i < steps; ++i) {
    pass(std::chrono::seconds(chance(10) ? roll(40'000) : roll(60)));
    INFO("step " << i);
    holder& h = any(holders_);
    if (gentle_)
      chance(2) ? gentle_edit() : gentle_device(h);
    else
      chance(2) ? edit() : device(h);
  }
  end();
}

heard story::ask(holder& h, const std::string& token) {
  pass(1s);
  return judge_.ask(place_of(h), token, &h.now.r);
}

void story::apply(holder& h, const json::array& items) {
  for (const json::value& item : items) h.now.r.apply(item);
}

// The same question without a change in between. Asked for the fourth time a page may grow, for those that cannot keep a token.
void story::ask_twice(holder& h, const std::string& token, const heard& a) {
  if (place_of(h).asked >= 3 || !chance(6)) return;
  heard again = ask(h, token);
  CHECK(again.answer.body == a.answer.body);
  CHECK(again.answer.token == a.answer.token);
}

// False when the token of the answer is not kept: it was lost, cut off, or the reader ended before.
bool story::arrives(holder& h, const heard& a) {
  if (chance(8)) return false;
  json::array items = a.items;
  bool cut = !items.empty() && chance(8);
  if (cut) items.resize(static_cast<std::size_t>(roll(static_cast<int>(items.size()))));
  apply(h, items);
  return !cut && !chance(10);
}

void story::between_pages(weather w) {
  if (gentle_) return rename(s_.shelf);
  if (w != weather::flighty) return edit();
  if (out_.empty())
    step_out();
  else if (chance(2))
    come_back();
}

// One sync. True when it came to its end.
bool story::talk(holder& h, weather w) {
  reader& r = h.now.r;
  std::string shown = r.token;
  tally t;
  while (t.requests < (w == weather::rough ? 12 : 100)) {
    if (w == weather::rough && chance(8)) return false;  // the request was lost
    heard a = ask(h, shown);
    ++t.requests;
    t.weight += t.last_weight = a.weight;
    t.pairs = t.pairs || a.pairs;
    if (std::optional<sync_token> at = claimed_token(a.answer.token)) t.sessions.insert(at->session);
    if (w == weather::rough) {
      ask_twice(h, shown, a);
      if (!arrives(h, a)) return false;
    } else {
      apply(h, a.items);
    }
    bool last = !a.answer.more;
    if (r.keeps == token_use::per_page || (last && r.keeps != token_use::none)) r.token = a.answer.token;
    if (last) {
      check_count(h, t);
      r.download();
      return true;
    }
    if (w == weather::flighty || (w != weather::calm && chance(2))) {
      between_pages(w);
      ++t.edits;
    }
    shown = r.next_token(shown, a.answer.token);
  }
  REQUIRE(w == weather::rough);
  return false;
}

// I4. A file needs two items, so that a place may stay empty at the end of each page. A long list that follows the rest of
// another one says its collections apart.
void story::check_count(const holder& h, const tally& t) {
  int limit = s_.how.page_size, least = t.pairs ? std::max(1, limit - 1) : limit;
  bool kept = h.now.r.keeps == token_use::per_page || h.now.r.keeps == token_use::at_end;
  INFO(t.requests << " requests, " << t.edits << " edits, " << t.weight << " items, " << limit << " in a page");
  if (kept)
    CHECK(t.requests <= (t.weight + least - 1) / least + (t.sessions.size() > 1 ? 2 : 1) + t.edits);
  else
    CHECK(t.requests <= 4 + std::ceil(std::log2(std::max(1.0, double(t.last_weight) / limit)) / 2) + t.edits);
}

}  // namespace carrel::kobo::tests
