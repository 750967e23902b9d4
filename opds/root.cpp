#include <algorithm>

#include "library/choices.hpp"
#include "library/popular.hpp"
#include "library/reading_lists.hpp"
#include "library/shelf.hpp"
#include "opds/entries.hpp"
#include "opds/navigation.hpp"
#include "opds/writing.hpp"

namespace carrel::opds {
namespace {

constexpr int most_in_a_group = 10;

struct root_facts {
  library::kinds_of_names named;
  library::more_lists more;
  bool shelves = false, popular = false;
  std::optional<std::pair<uuid, std::string>> own_shelf;  // the one the calling device is bound to
};

root_facts read_root(db::tx& tx, const uuid& viewer, const std::optional<uuid>& device, library::taker whom, bool popular) {
  root_facts out{.named = library::names_there(tx, viewer, whom),
                 .more = library::more_lists_there(tx, viewer, device, whom),
                 .shelves = false,
                 .popular = popular && library::popular_there(tx, viewer, whom),
                 .own_shelf = std::nullopt};
  const std::vector<uuid>& bound = out.more.feeds_it;
  for (const library::shelf& s : library::shelves_for(tx, viewer, whom)) {
    if (!s.opds) continue;
    out.shelves = true;
    if (!out.own_shelf && std::find(bound.begin(), bound.end(), s.id) != bound.end()) out.own_shelf = {s.id, s.name};
  }
  return out;
}

link shelf_link(const visit& v, const root_facts& facts) {
  place to{"/shelves", {}};
  if (facts.own_shelf) to.path += "/" + facts.own_shelf->first.text();
  link l;
  l.rel = "http://opds-spec.org/shelf";
  l.href = v.at.feed(to);
  l.type = v.at.type(facts.own_shelf ? kind::acquisition : kind::navigation);
  l.title = facts.own_shelf ? facts.own_shelf->second : v.say("Shelves");
  return l;
}

// The root of the other version of the catalog (opds.md 2.3).
link other_version(const visit& v) {
  bool json = v.at.form() == form::json;
  addresses there = v.at.in(json ? form::atom : form::json);
  link l;
  l.rel = "alternate";
  l.href = there.root();
  l.type = there.type(kind::navigation);
  l.title = json ? "OPDS 1.2" : "OPDS 2.0";
  return l;
}

// In the order of opds.md 12.1.
void add_sections(feed& f, const visit& v, const root_facts& facts) {
  auto add = [&](bool there, phrase title, phrase content, std::string path, kind k, std::string_view rel = "subsection") {
    if (there) f.sections.push_back(line_to(v, v.say(title, facts.more.device), v.say(content), {std::move(path), {}}, k, rel));
  };
  const kind books = kind::acquisition, more = kind::navigation;
  add(facts.more.reading, "Continue reading", "Books that you have begun", "/reading", books);
  add(facts.more.on_deck, "On deck", "What comes next in your series", "/ondeck", books);
  add(!facts.more.device.empty(), "New for {}", "What this device has not fetched yet", "/sync", books);
  add(true, "Recently added", "Newest books first", "/new", books, "http://opds-spec.org/sort/new");
  add(facts.shelves, "Shelves", "Books put together by hand", "/shelves", more);
  add(true, "All books", "Every book by title", "/books", books);
  add(true, "Authors", "Browse by author", "/authors", more);
  add(facts.named.series, "Series", "Browse by series", "/series", more);
  add(facts.named.genres, "Genres", "Browse by genre", "/genres", more);
  add(facts.named.tags, "Tags", "Browse by tag", "/tags", more);
  add(facts.named.languages, "Languages", "Browse by language", "/languages", more);
  add(facts.named.publishers, "Publishers", "Browse by publisher", "/publishers", more);
  add(facts.more.formats, "Formats", "Browse by format", "/formats", more);
  add(facts.more.stars, "Ratings", "Browse by your stars", "/ratings", more);
  add(facts.more.years, "Years", "Browse by year of publication", "/years", more);
  add(facts.more.libraries, "Libraries", "Browse by library", "/libraries", more);
  add(facts.popular, "Popular", "What is read most at present", "/popular", books, "http://opds-spec.org/sort/popular");
  add(true, "Surprise me", "Books in no order", "/random", books);
}

feed root_feed(const visit& v, const root_facts& facts) {
  feed f = begin_feed(v, {.kind = kind::navigation, .title = "Carrel", .at = {"", {}}, .up = std::nullopt, .personal = true}, {});
  if (facts.shelves) f.links.push_back(shelf_link(v, facts));
  f.links.push_back(other_version(v));
  add_sections(f, v, facts);
  return f;
}

// ---- the beginnings of lists, which the root of OPDS 2.0 shows (opds.md 9.2) -----------------------------------------

struct lane {
  phrase title;
  std::string_view path;
  entry_parts books;
};

std::vector<lane> read_lanes(db::tx& tx, const uuid& viewer, library::taker whom, const entry_shelf& shelf) {
  library::list newest;
  newest.for_whom = whom;
  library::cursor start;
  std::vector<library::book_stamp> reading = library::continue_reading(tx, viewer, whom, most_in_a_group),
                                   next = library::on_deck(tx, viewer, whom, most_in_a_group),
                                   added = library::outline_of(tx, viewer, newest, start, most_in_a_group).books;
  std::vector<lane> out;
  auto lay = [&](phrase title, std::string_view path, std::vector<library::book_stamp> books) {
    if (!books.empty()) out.push_back({title, path, gather(tx, viewer, std::move(books), shelf)});
  };
  lay("Continue reading", "/reading", std::move(reading));
  lay("On deck", "/ondeck", std::move(next));
  lay("Recently added", "/new", std::move(added));
  return out;
}

void add_lanes(feed& f, const visit& v, const entry_shelf& shelf, const std::vector<lane>& lanes) {
  for (const lane& l : lanes) {
    group g{.title = v.say(l.title), .to = {}, .total = std::nullopt, .books = entries_of(v, shelf, l.books)};
    g.to.href = v.at.feed({std::string(l.path), {}});
    g.to.type = v.at.type(kind::acquisition);
    if (!g.books.empty()) f.groups.push_back(std::move(g));
  }
}

}  // namespace

task<http::response> show_root(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  bool json = v.at.form() == form::json;
  answer a(s, v, std::string(v.at.type(kind::navigation)), {.personal = true, .device = true, .covers = json});
  std::optional<http::response> known = a.early(v.at.root());
  if (known) co_return std::move(*known);
  if (a.head_only()) co_return a.head();
  root_facts facts = co_await s.with.pool.read(read_root, v.viewer, v.device, v.taker(), s.shows_popular);
  feed f = root_feed(v, facts);
  if (json) {
    entry_shelf shelf(s, v);
    std::vector<lane> lanes = co_await s.with.pool.read(read_lanes, v.viewer, v.taker(), shelf);
    add_lanes(f, v, shelf, lanes);
  }
  co_return a.full(written(v, f));
}

}  // namespace carrel::opds
