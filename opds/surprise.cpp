#include "library/random_books.hpp"

#include <cmath>

#include "opds/entries.hpp"
#include "opds/own_lists.hpp"
#include "opds/writing.hpp"
#include "server/core/random.hpp"

namespace carrel::opds {
namespace {

constexpr std::uint64_t most_pages = 5;
constexpr std::string_view token_name = "random";

struct drawn {
  std::optional<library::random_walk> next;
  entry_parts entries;
};

drawn load(db::tx& tx, const uuid& viewer, const library::random_walk& from, int limit, library::taker whom,
           const entry_shelf& shelf) {
  library::random_page page = library::random_books(tx, viewer, from, whom, limit);
  drawn out{.next = page.next, .entries = {}};
  out.entries = gather(tx, viewer, std::move(page.books), shelf);
  return out;
}

// From where the token says, or from anywhere.
library::random_walk walk_from(const turn& t) {
  if (t.cursor.from == library::cursor::side::after) {
    std::optional<library::random_walk> on = library::random_walk_from(t.cursor.key, t.cursor.id);
    if (!on) throw http::problem{400, "The page address is damaged or of another list."};
    return *on;
  }
  std::uint64_t drawn = 0;
  random_bytes(&drawn, sizeof drawn);
  double pivot = std::ldexp(static_cast<double>(drawn >> 11), -53);  // as the books' own numbers: 0 to 1
  return {.pivot = pivot, .at = pivot, .id = {}, .wrapped = false};
}

}  // namespace

task<http::response> show_random(shared_state& s, http::context& c) {
  turn t = turn_from(c.in, token_name);
  library::random_walk from = walk_from(t);
  visit v = co_await enter(s, c);

  answer a(s, v, std::string(v.at.type(kind::acquisition)), {.covers = true, .kept = false});
  if (a.head_only()) co_return a.head();
  entry_shelf shelf(s, v);
  drawn found = co_await s.with.pool.read(load, v.viewer, from, v.page_size, v.taker(), shelf);

  auto first = std::max<std::uint64_t>(t.cursor.ordinal, 1), size = static_cast<std::uint64_t>(v.page_size);
  std::optional<library::cursor> next;
  if (found.next && first + size <= most_pages * size) {
    next = cursor_at(library::cursor::side::after, library::to_key(*found.next), first + size);
    next->id = found.next->id;
  }
  neighbours around = neighbours_of(std::nullopt, next, token_name);
  around.last = false;
  spot here{.kind = kind::acquisition, .title = v.say("Surprise me"), .at = {"/random", {}}, .up = place{}};
  feed f = begin_feed(v, here, t.shown, &around);
  f.books = entries_of(v, shelf, found.entries);
  if (!f.books.empty()) f.start_index = static_cast<std::int64_t>(first);
  co_return a.full(written(v, f));
}

}  // namespace carrel::opds
