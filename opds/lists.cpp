#include "opds/lists.hpp"

#include <algorithm>

#include "library/merge.hpp"
#include "library/shelf.hpp"
#include "opds/atom_writer.hpp"
#include "opds/books.hpp"
#include "opds/entries.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::opds {
namespace {

using of = library::list::of;

constexpr int most_languages = 1000;

of plain_order(std::string_view value) {
  if (value == "title") return of::title;
  return value == "author" ? of::author : of::newest;
}

// A list is one of the library's own, or a filter over another order.
bool is_plain(const book_list& l) {
  return l.order.empty() || l.what == of::newest || l.what == of::title || (l.what == of::shelf && l.order == "added");
}

library::list plain_list(const book_list& l) {
  library::list out{.what = l.what, .id = l.id, .language = l.language};
  if (l.order.empty()) return out;
  out.what = l.what == of::shelf ? of::shelf_newest : plain_order(l.order);
  return out;
}

library::filter filter_of(const book_list& l) {
  library::filter out;
  out.status = "organized";
  out.order = plain_order(l.order);
  if (l.what == of::person) out.person = l.id;
  if (l.what == of::series) out.series = l.id;
  if (l.what == of::tag) out.tag = l.id;
  if (l.what == of::shelf) out.shelf = l.id;
  if (l.what == of::language) out.language = l.language;
  return out;
}

library::outline outline_of(db::tx& tx, const uuid& viewer, const book_list& l, const library::cursor& c, int limit,
                            library::taker whom) {
  if (is_plain(l)) {
    library::list plain = plain_list(l);
    plain.for_whom = whom;
    return library::outline_of(tx, viewer, plain, c, limit);
  }
  library::filter filter = filter_of(l);
  filter.for_whom = whom;
  return library::outline_of(tx, viewer, filter, c, limit);
}

// Nothing when the list's object does not exist for this account.
std::optional<std::string> title_of(db::tx& tx, const uuid& viewer, const book_list& l, library::taker whom) {
  switch (l.what) {
    case of::newest: return "Recently added";
    case of::title: return "All books";
    case of::person: return library::name_of(tx, viewer, library::names::authors, l.id, whom);
    case of::series: return library::name_of(tx, viewer, library::names::series, l.id, whom);
    case of::tag: return library::name_of(tx, viewer, library::names::tags, l.id, whom);
    case of::shelf: {
      std::optional<library::shelf> shelf = library::find_shelf(tx, viewer, l.id);
      if (!shelf || !shelf->opds) return std::nullopt;
      return shelf->name;
    }
    case of::language: {
      library::name_page all = library::list_names(tx, viewer, library::names::languages, "", {}, most_languages, whom);
      bool there = std::any_of(all.entries.begin(), all.entries.end(), [&](const auto& e) { return e.name == l.language; });
      if (!there) return std::nullopt;
      return publication::language_name(l.language, "en");
    }
    default: return std::nullopt;
  }
}

struct listed {
  std::string title;
  library::outline page;
  entry_parts entries;
};

std::optional<listed> load(db::tx& tx, const uuid& viewer, const book_list& l, const library::cursor& c, int limit,
                           library::taker whom, const entry_shelf& shelf) {
  std::optional<std::string> title = title_of(tx, viewer, l, whom);
  if (!title) return std::nullopt;
  listed out{.title = std::move(*title), .page = outline_of(tx, viewer, l, c, limit, whom), .entries = {}};
  out.entries = gather(tx, viewer, out.page.books, shelf);
  return out;
}

void add_orders(feed& f, const visit& v, const book_list& l) {
  book_list choice = l;
  for (const order_choice& o : orders_of(l.what)) {
    bool own = &o == &orders_of(l.what).front();
    choice.order = own ? "" : o.value;
    link to;
    to.rel = "http://opds-spec.org/facet";
    to.href = v.at.feed(choice.at());
    to.type = type_of(kind::acquisition);
    to.title = o.label;
    to.facet_group = "Order";
    to.active = choice.order == l.order;
    f.links.push_back(std::move(to));
  }
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
  spot s{.kind = kind::acquisition, .title = found.title, .at = l.at(), .up = l.up(), .personal = l.what == of::shelf};
  neighbours around = neighbours_of(found.page.previous, found.page.next, l.token_name());
  feed f = begin_feed(v, s, t.shown, &around);
  add_orders(f, v, l);
  f.books = entries_of(v, shelf, found.entries);
  add_numbers(f, found.page, t.cursor.from);
  return f;
}

http::problem no_such_list() { return http::problem{404, "There is no such list."}; }

}  // namespace

place book_list::at() const {
  params filters;
  if (!order.empty()) filters.emplace_back("order", order);
  switch (what) {
    case of::newest: return {"/new", filters};
    case of::title: return {"/books", filters};
    case of::person: return {"/authors/" + id.text(), filters};
    case of::series: return {"/series/" + id.text(), filters};
    case of::tag: return {"/tags/" + id.text(), filters};
    case of::shelf: return {"/shelves/" + id.text(), filters};
    case of::language: return {"/languages/" + percent_encode(language), filters};
    default: return {"", {}};
  }
}

place book_list::up() const {
  switch (what) {
    case of::person: return {"/authors", {}};
    case of::series: return {"/series", {}};
    case of::tag: return {"/tags", {}};
    case of::shelf: return {"/shelves", {}};
    case of::language: return {"/languages", {}};
    default: return {"", {}};
  }
}

std::string book_list::token_name() const {
  return is_plain(*this) ? plain_list(*this).token_name() : filter_of(*this).token_name();
}

const std::vector<order_choice>& orders_of(of what) {
  // Named so that Readest does not take the facet for a list of new books (opds.md 5.13).
  static const order_choice added{"added", "Date added"}, title{"title", "Title"}, author{"author", "Author"};
  static const std::vector<order_choice> newest{added, title, author}, titles{title, added, author};
  static const std::vector<order_choice> by_series{{"series", "Series"}, added, title};
  static const std::vector<order_choice> by_hand{{"shelf", "Shelf order"}, added, title, author};
  switch (what) {
    case of::title: return titles;
    case of::person:
    case of::series: return by_series;
    case of::shelf: return by_hand;
    default: return newest;
  }
}

book_list list_from(const http::request& in, of what) {
  book_list l{.what = what};
  if (what == of::language)
    l.language = in.param("code");
  else if (what != of::newest && what != of::title)
    l.id = id_param(in, "id");
  std::string order = asked(in, "order").value_or("");
  const std::vector<order_choice>& all = orders_of(what);
  if (std::any_of(all.begin() + 1, all.end(), [&](const order_choice& o) { return o.value == order; })) l.order = order;
  return l;
}

task<http::response> show_list(shared_state& s, http::context& c, of what) {
  book_list l = list_from(c.in, what);
  turn t = turn_from(c.in, l.token_name());
  visit v = co_await enter(s, c);

  answer a(s, v, std::string(type_of(kind::acquisition)), {.personal = what == of::shelf, .covers = true});
  std::optional<http::response> known = a.early(t.shown.empty() ? v.at.feed(l.at()) : "");
  if (known) co_return std::move(*known);
  if (a.head_only()) {
    std::optional<std::string> title = co_await s.with.pool.read(title_of, v.viewer, l, v.taker());
    if (!title) throw no_such_list();
    co_return a.head();
  }
  entry_shelf shelf(s, v);
  std::optional<listed> found = co_await s.with.pool.read(load, v.viewer, l, t.cursor, v.page_size, v.taker(), shelf);
  if (!found) throw no_such_list();
  co_return a.full(atom(feed_of(v, l, t, *found, shelf)));
}

task<http::response> show_entry(shared_state& s, http::context& c) {
  uuid id = id_param(c.in, "id");
  visit v = co_await enter(s, c);

  answer a(s, v, std::string(entry_type), {.covers = true});
  std::optional<http::response> known = a.early();
  if (known) co_return std::move(*known);
  std::optional<library::book> book = co_await s.with.pool.read(library::find_book, v.viewer, id);
  if (!book) {
    std::optional<uuid> survivor = co_await s.with.pool.read(library::survivor_of, v.viewer, id);
    if (survivor) co_return http::redirect(v.at.entry(*survivor), 302);
  }
  // What waits for review is not in the catalog yet, for nobody.
  if (!book || book->status != "organized" || !offered(*book, v.taker())) throw http::problem{404, "There is no such book."};
  if (a.head_only()) co_return a.head();

  book_list all{.what = of::title};
  complete_entry e{full_entry(v, *book),
                   {feed_id(v.instance, all.at()), "All books", v.gate.catalog.changed_at, v.publisher()},
                   v.at.tag_scheme()};
  co_return a.full(atom(e));
}

}  // namespace carrel::opds
