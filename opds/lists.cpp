#include "opds/lists.hpp"

#include <algorithm>
#include <array>

#include "library/merge.hpp"
#include "library/shelf.hpp"
#include "opds/books.hpp"
#include "opds/entries.hpp"
#include "opds/facets.hpp"
#include "opds/writing.hpp"
#include "server/core/text.hpp"

namespace carrel::opds {
namespace {

using order = library::selection::order;
using of = library::selection::source;

// Nothing when the list's object does not exist for this account.
std::optional<std::string> title_of(db::tx& tx, const uuid& viewer, const book_list& l, const library::choices& there, tongue t) {
  const library::selection& books = l.books;
  auto has = [](const std::vector<std::string>& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  };
  switch (books.of) {
    case of::popular: return phrase("Popular").in(t);
    case of::all: return (l.kind == &kinds::titles ? phrase("All books") : phrase("Recently added")).in(t);
    case of::shelf: {
      std::optional<library::shelf> shelf = library::find_shelf(tx, viewer, books.id);
      if (!shelf || !shelf->opds) return std::nullopt;
      return shelf->name;
    }
    case of::language: return has(there.languages, books.word) ? std::optional(language_shown(books.word, t)) : std::nullopt;
    case of::format: return has(there.formats, books.word) ? std::optional(format_shown(books.word)) : std::nullopt;
    case of::library: {
      auto found =
          std::find_if(there.libraries.begin(), there.libraries.end(), [&](const auto& e) { return e.first == books.id; });
      if (found == there.libraries.end()) return std::nullopt;
      return found->second;
    }
    case of::year: return std::to_string(books.number);
    case of::stars: return stars_shown(books.number, t);
    default: return library::name_of(tx, viewer, l.kind->names, books.id, books.for_whom);
  }
}

struct listed {
  choices_ref there;
  std::string title;
  library::outline page;
  entry_parts entries;
};

// `there` is null where it is not kept: it is read on the way.
std::optional<listed> load(db::tx& tx, const uuid& viewer, const book_list& l, choices_ref there, const library::cursor& c,
                           int limit, const entry_shelf& shelf, tongue t) {
  if (!there) there = std::make_shared<const library::choices>(library::choices_there(tx, viewer, l.books.for_whom));
  std::optional<std::string> title = title_of(tx, viewer, l, *there, t);
  if (!title) return std::nullopt;
  listed out{
      .there = there, .title = std::move(*title), .page = library::outline_of(tx, viewer, l.books, c, limit), .entries = {}};
  std::string narrowed = said_of_facets(l, *there, t);
  if (!narrowed.empty()) out.title += " (" + narrowed + ")";
  out.entries = gather(tx, viewer, out.page.books, shelf);
  return out;
}

void add_numbers(feed& f, const library::outline& p, library::cursor::side from) {
  if (p.first_ordinal > 0 && !f.books.empty()) f.start_index = static_cast<std::int64_t>(p.first_ordinal);
  // An empty page beyond the end does not know how many there are before it.
  bool beyond = p.books.empty() && from == library::cursor::side::after;
  if (p.next || beyond) return;
  // Known for nothing on the last page (opds.md 7.1: an exact total or none).
  if (!p.previous)
    f.total = static_cast<std::int64_t>(p.books.size());
  else if (p.first_ordinal > 0)
    f.total = static_cast<std::int64_t>(p.first_ordinal + p.books.size() - 1);
}

feed feed_of(const visit& v, const book_list& l, const turn& t, const listed& found, const entry_shelf& shelf) {
  spot s{.kind = kind::acquisition, .title = found.title, .at = l.at(), .up = l.up(), .personal = l.personal()};
  neighbours around = neighbours_of(found.page.previous, found.page.next, l.books.token_name());
  feed f = begin_feed(v, s, t.shown, &around);
  add_facets(f, v, l, *found.there);
  f.books = entries_of(v, shelf, found.entries);
  add_numbers(f, found.page, t.cursor.from);
  return f;
}

std::optional<library::streamed_book> find_streamed(db::tx& tx, const uuid& viewer, const uuid& book,
                                                    const std::vector<std::string>& formats) {
  std::vector<library::streamed_book> found = library::load_streamed(tx, viewer, {book}, formats);
  return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
}

http::problem no_such_list() { return http::problem{404, "There is no such list."}; }

int number_param(const http::request& in, int lowest, int highest) {
  std::optional<std::int64_t> n = to_integer(in.param("id"));
  if (!n || *n < lowest || *n > highest) throw no_such_list();
  return static_cast<int>(*n);
}

void read_object(book_list& l, const http::request& in) {
  switch (l.books.of) {
    case of::all:
    case of::popular: break;
    case of::language:
    case of::format: l.books.word = in.param("id"); break;
    case of::year: l.books.number = number_param(in, 1, 9999); break;
    case of::stars: l.books.number = number_param(in, 1, 5); break;
    default: l.books.id = id_param(in, "id");
  }
}

void read_facets(book_list& l, const http::request& in, const library::choices& there) {
  auto one_of = [&](std::string_view name, const auto& all) {
    std::string value = asked(in, name).value_or("");
    return std::find(all.begin(), all.end(), value) == all.end() ? std::string() : value;
  };
  l.books.language = l.books.of == of::language ? "" : one_of("lang", there.languages);
  l.books.format = l.books.of == of::format ? "" : one_of("fmt", there.formats);
  l.books.read = one_of("read", std::array<std::string_view, 3>{"unread", "reading", "finished"});
  std::optional<uuid> library = uuid::parse(asked(in, "lib").value_or(""));
  bool known = std::any_of(there.libraries.begin(), there.libraries.end(), [&](const auto& e) { return e.first == library; });
  if (known && l.books.of != of::library) l.books.library = library;
}

}  // namespace

const std::vector<list_kind>& lists_by_path() {
  using library::names;
  static const std::vector<list_kind> all{
      {"/authors", of::person, order::own, names::authors},
      {"/series", of::series, order::own, names::series},
      {"/tags", of::tag, order::own, names::tags},
      {"/genres", of::label, order::own, names::genres},
      {"/publishers", of::label, order::own, names::publishers},
      {"/shelves", of::shelf},
      {"/languages", of::language},
      {"/formats", of::format},
      {"/libraries", of::library},
      {"/ratings", of::stars},
      {"/years", of::year},
  };
  return all;
}

place book_list::at() const {
  place out{std::string(kind->path), {}};
  switch (books.of) {
    case of::all:
    case of::popular: break;
    case of::language:
    case of::format: out.path += "/" + percent_encode(books.word); break;
    case of::year:
    case of::stars: out.path += "/" + std::to_string(books.number); break;
    default: out.path += "/" + books.id.text();
  }
  if (!order.empty()) out.filters.emplace_back("order", order);
  if (!books.language.empty()) out.filters.emplace_back("lang", books.language);
  if (!books.format.empty()) out.filters.emplace_back("fmt", books.format);
  if (!books.read.empty()) out.filters.emplace_back("read", books.read);
  if (books.library) out.filters.emplace_back("lib", books.library->text());
  return out;
}

place book_list::up() const {
  if (books.of == of::all || books.of == of::popular) return {"", {}};
  if (books.of == of::year) return {"/years/" + std::to_string(books.number / 10 * 10) + "s", {}};
  return {std::string(kind->path), {}};
}

bool book_list::personal() const {
  return books.of == of::shelf || books.of == of::stars || !books.read.empty() || books.by == order::rated;
}

const std::vector<order_choice>& orders_of(const list_kind& k) {
  // Named so that Readest does not take the facet for a list of new books (opds.md 5.13).
  static const order_choice added{"added", "Date added", order::added}, title{"title", "Title", order::title},
      author{"author", "Author", order::author}, published{"published", "Year", order::published},
      rating{"rating", "Rating", order::rated};
  static const std::vector<order_choice> newest{added, title, author, published, rating},
      titles{title, added, author, published, rating}, of_a_year{title, added, author, rating};
  static const std::vector<order_choice> by_series{{"series", "Series", order::own}, added, title, published, rating};
  static const std::vector<order_choice> popular{{"popular", "Popular", order::own}, added, title, author, published, rating};
  static const std::vector<order_choice> by_hand{{"shelf", "Shelf order", order::own}, added, title, author, published, rating};
  switch (k.of) {
    case of::all: return k.own == order::title ? titles : newest;
    case of::person:
    case of::series: return by_series;
    case of::popular: return popular;
    case of::shelf: return by_hand;
    case of::year: return of_a_year;
    default: return newest;
  }
}

book_list list_from(const http::request& in, const list_kind& k, const library::choices& there) {
  book_list l{.kind = &k};
  l.books.of = k.of;
  l.books.by = k.own;
  read_object(l, in);
  read_facets(l, in, there);
  std::string wanted = asked(in, "order").value_or("");
  const std::vector<order_choice>& all = orders_of(k);
  auto found = std::find_if(all.begin() + 1, all.end(), [&](const order_choice& o) { return o.value == wanted; });
  if (found == all.end()) return l;
  l.order = wanted;
  l.books.by = found->by;
  return l;
}

bool asks_for_facets(const http::request& in) { return asked(in, "lang") || asked(in, "fmt") || asked(in, "lib"); }

task<http::response> show_list(shared_state& s, http::context& c, const list_kind& k) {
  visit v = co_await enter(s, c);
  choices_ref there = std::make_shared<const library::choices>();
  if (asks_for_facets(c.in)) there = co_await choices_for(s, v);
  book_list l = list_from(c.in, k, *there);
  l.books.for_whom = v.taker();
  turn t = turn_from(c.in, l.books.token_name());

  answer a(s, v, std::string(v.at.type(kind::acquisition)), {.personal = l.personal(), .covers = true});
  std::optional<http::response> known = a.early(t.shown.empty() ? v.at.feed(l.at()) : "");
  if (known) co_return std::move(*known);
  if (a.head_only()) {
    there = co_await choices_for(s, v);
    std::optional<std::string> title = co_await s.with.pool.read(title_of, v.viewer, l, *there, v.tongue);
    if (!title) throw no_such_list();
    co_return a.head();
  }
  entry_shelf shelf(s, v);
  there = kept_choices(s, v);
  std::optional<listed> found = co_await s.with.pool.read(load, v.viewer, l, there, t.cursor, v.page_size, shelf, v.tongue);
  if (!found) throw no_such_list();
  keep_choices(s, v, found->there);
  co_return a.full(written(v, feed_of(v, l, t, *found, shelf)));
}

task<http::response> show_entry(shared_state& s, http::context& c) {
  uuid id = id_param(c.in, "id");
  visit v = co_await enter(s, c);

  answer a(s, v, std::string(entry_type(v.at.form())), {.covers = true});
  std::optional<http::response> known = a.early();
  if (known) co_return std::move(*known);
  std::optional<library::streamed_book> found = co_await s.with.pool.read(find_streamed, v.viewer, id, s.streamed);
  if (!found) {
    std::optional<uuid> survivor = co_await s.with.pool.read(library::survivor_of, v.viewer, id);
    // Without a redirect: apps follow one without the password (opds.md 3.8).
    if (survivor) found = co_await s.with.pool.read(find_streamed, v.viewer, *survivor, s.streamed);
  }
  // What waits for review is not in the catalog yet, for nobody.
  bool there = found && found->about.status == "organized" && offered(found->about, v.taker());
  if (!there) throw http::problem{404, "There is no such book."};
  if (a.head_only()) co_return a.head();

  book_list all{.kind = &kinds::titles};
  complete_entry e{full_entry(v, found->about, found->stream),
                   {feed_id(v.instance, all.at()), v.say("All books"), v.gate.catalog.changed_at, v.publisher()},
                   v.at.tag_scheme(),
                   code_of(v.tongue)};
  co_return a.full(written(v, e));
}

}  // namespace carrel::opds
