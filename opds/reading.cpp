#include "library/reading_lists.hpp"

#include "opds/entries.hpp"
#include "opds/own_lists.hpp"
#include "opds/writing.hpp"

namespace carrel::opds {
namespace {

using stamps = std::vector<library::book_stamp>;
using reader = stamps (*)(db::tx&, const uuid&, library::taker, int);

struct kind_of_reading {
  std::string_view path;
  phrase title;
  reader read;
  int most;
};
constexpr kind_of_reading begun{"/reading", "Continue reading", library::continue_reading, library::most_continued},
    following{"/ondeck", "On deck", library::on_deck, library::most_on_deck};

struct part_of_list {
  slice shown;
  std::size_t all = 0;
  entry_parts entries;
};

part_of_list load(db::tx& tx, const uuid& viewer, const kind_of_reading& k, const library::cursor& c, int limit,
                  library::taker whom, const entry_shelf& shelf) {
  stamps all = k.read(tx, viewer, whom, k.most);
  std::vector<std::string> keys;
  keys.reserve(all.size());
  for (const library::book_stamp& b : all) keys.push_back(b.id.text());
  part_of_list out{.shown = slice_of(keys, c, limit), .all = all.size(), .entries = {}};
  auto first = all.begin() + static_cast<std::ptrdiff_t>(out.shown.first);
  out.entries = gather(tx, viewer, stamps(first, first + static_cast<std::ptrdiff_t>(out.shown.count)), shelf);
  return out;
}

task<http::response> show(shared_state& s, http::context& c, const kind_of_reading& k) {
  std::string token_name = "own:" + std::string(k.path);
  turn t = turn_from(c.in, token_name);
  visit v = co_await enter(s, c);

  spot here{.kind = kind::acquisition, .title = v.say(k.title), .at = {std::string(k.path), {}}, .up = place{}, .personal = true};
  answer a(s, v, std::string(v.at.type(kind::acquisition)), {.personal = true, .covers = true});
  std::optional<http::response> known = a.early(t.shown.empty() ? v.at.feed(here.at) : "");
  if (known) co_return std::move(*known);
  if (a.head_only()) co_return a.head();
  entry_shelf shelf(s, v);
  part_of_list part = co_await s.with.pool.read(load, v.viewer, k, t.cursor, v.page_size, v.taker(), shelf);

  neighbours around = neighbours_of(part.shown.previous, part.shown.next, token_name);
  feed f = begin_feed(v, here, t.shown, &around);
  f.books = entries_of(v, shelf, part.entries);
  f.total = static_cast<std::int64_t>(part.all);
  if (part.shown.count > 0) f.start_index = static_cast<std::int64_t>(part.shown.first + 1);
  co_return a.full(written(v, f));
}

}  // namespace

task<http::response> show_reading(shared_state& s, http::context& c) { return show(s, c, begun); }
task<http::response> show_on_deck(shared_state& s, http::context& c) { return show(s, c, following); }

}  // namespace carrel::opds
