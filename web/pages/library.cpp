// `/books`: everything one may see, by any combination of filters (product.md 4.4).

#include <algorithm>

#include "library/opinion.hpp"
#include "library/rule_work.hpp"
#include "server/core/text.hpp"
#include "web/format.hpp"
#include "web/opinion.hpp"
#include "web/pages/library_details.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"
#include "web/pages/table.hpp"

namespace carrel::web {
namespace {

using pairs = query_pairs;

struct chosen_names {
  std::string author, series, tag, shelf;
};

struct library_data {
  library::page page;
  library::book_marks marks;  // of its books
  std::vector<library::name_entry> languages;
  std::vector<library::shelf> shelves;
  std::vector<library::device> devices;
  chosen_names names;
  std::optional<std::int64_t> total;
  std::string instead;      // what was looked for because nothing has what was typed
  std::size_t waiting = 0;  // matches of the same search in the inbox, for those who may look there
};

constexpr int most_waiting = 99;

bool narrowed(const library::filter& f) {
  return !f.language.empty() || !f.format.empty() || f.person || f.series || f.tag || f.shelf || !f.state.empty() ||
         f.rating > 0 || f.status != "organized" || library::has_details(f);
}

std::optional<std::int64_t> total_of(db::tx& tx, const uuid& viewer, const library::filter& f, const library::page& page) {
  if (!page.next && !page.previous) return static_cast<std::int64_t>(page.books.size());
  if (narrowed(f)) return std::nullopt;
  if (f.text.empty()) return library::count_books(tx, viewer).books;
  library::query words;
  words.all = f.text;
  return library::search(tx, viewer, words, 0, 1).total;
}

std::string name_or_nothing(db::tx& tx, const uuid& viewer, library::names kind, const std::optional<uuid>& id) {
  return id ? library::name_of(tx, viewer, kind, *id).value_or("") : "";
}

// Books whose words are nearly those that were typed, where no book has them all.
void look_for_like_words(db::tx& tx, const uuid& viewer, library::filter& f, library_data& out) {
  library::query typed;
  typed.all = f.text;
  std::optional<library::query> other = library::respelled(tx, viewer, typed);
  if (!other) return;
  f.text = other->all;
  out.instead = other->all;
  out.page = library::browse(tx, viewer, f, {}, 50);
}

library_data load_library(db::tx& tx, uuid viewer, library::filter f, const library::cursor& at, bool look_in_inbox) {
  library_data out;
  out.page = library::browse(tx, viewer, f, at, 50);
  bool first = at.from == library::cursor::side::start;
  if (out.page.books.empty() && first && !f.text.empty() && f.status == "organized") look_for_like_words(tx, viewer, f, out);
  std::vector<uuid> shown;
  for (const library::book& b : out.page.books) shown.push_back(b.id);
  out.marks = library::marks_of(tx, viewer, shown);
  out.languages = library::list_names(tx, viewer, library::names::languages, "", {}, 100).entries;
  out.shelves = library::shelves(tx, viewer);
  out.devices = library::devices(tx, viewer);
  out.names.author = name_or_nothing(tx, viewer, library::names::authors, f.person);
  out.names.series = name_or_nothing(tx, viewer, library::names::series, f.series);
  out.names.tag = name_or_nothing(tx, viewer, library::names::tags, f.tag);
  for (const library::shelf& s : out.shelves) {
    if (f.shelf && s.id == *f.shelf) out.names.shelf = s.name;
  }
  out.total = total_of(tx, viewer, f, out.page);
  if (look_in_inbox) {
    f.status = "inbox";
    out.waiting = library::browse(tx, viewer, f, {}, most_waiting + 1).books.size();
  }
  return out;
}

// One chip per filter in use; it leads to the list without it.
std::vector<view> chips(const visit& v, const library::filter& f, const library_data& data) {
  const chosen_names& names = data.names;
  std::vector<view> out;
  auto add = [&](const char* key, const std::string& what, const std::string& value) {
    view chip;
    chip.set("without", query_with(v.c.in, key, ""))
        .set("chip_label", v.say.say(std::string("filter.") + key + ".chip", {{"name", value}}));
    if (!what.empty()) out.push_back(chip);
  };
  add("q", f.text, f.text);
  add("author", f.person ? "x" : "", names.author.empty() ? v.say.text("filter.unknown") : names.author);
  add("series", f.series ? "x" : "", names.series.empty() ? v.say.text("filter.unknown") : names.series);
  add("tag", f.tag ? "x" : "", names.tag.empty() ? v.say.text("filter.unknown") : names.tag);
  add("shelf", f.shelf ? "x" : "", names.shelf.empty() ? v.say.text("filter.unknown") : names.shelf);
  add("language", f.language, language_name(v.say, f.language));
  add("format", f.format, f.format);
  add("state", f.state, f.state.empty() ? "" : v.say.text("opinion.state." + f.state));
  add("rating", f.rating > 0 ? "x" : "", stars_words(v.say, f.rating));
  add("status", f.status == "organized" ? "" : "x", v.say.text("status." + (f.status.empty() ? "all" : f.status)));
  for (view& chip : detail_chips(v, f, data.devices)) out.push_back(std::move(chip));
  return out;
}

pairs language_options(const visit& v, const library_data& data) {
  pairs out;
  for (const library::name_entry& e : data.languages) out.emplace_back(e.name, language_name(v.say, e.name));
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  out.insert(out.begin(), {"", v.say.text("filter.language.any")});
  return out;
}

pairs shelf_options(const visit& v, const library_data& data) {
  pairs out{{"", v.say.text("filter.shelf.any")}};
  for (const library::shelf& s : data.shelves) out.emplace_back(s.id.text(), s.name);
  return out;
}

pairs format_options(const visit& v) {
  pairs out{{"", v.say.text("filter.format.any")}};
  for (const char* name : {"epub", "pdf", "cbz", "cbr", "mobi", "azw3", "fb2", "txt", "m4b", "mp3"}) {
    std::string shown;
    for (const char* p = name; *p; ++p) shown += static_cast<char>(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
    out.emplace_back(name, shown);
  }
  return out;
}

pairs reading_options(const visit& v) {
  pairs out{{"", v.say.text("filter.state.any")}};
  for (const char* name : {"unread", "wanted", "reading", "read", "abandoned"})
    out.emplace_back(name, v.say.text(std::string("opinion.state.") + name));
  return out;
}

pairs rating_options(const visit& v) {
  pairs out{{"", v.say.text("filter.rating.any")}};
  for (int halves = publication::most_halves; halves > 0; --halves)
    out.emplace_back(publication::stars_text(halves),
                     v.say.say("filter.rating.at_least", {{"stars", stars_words(v.say, halves)}}));
  return out;
}

void fill_filters(const visit& v, const library::filter& f, const library_data& data, view& out) {
  std::string sort = f.order == library::list::of::title ? "title" : f.order == library::list::of::author ? "author" : "new";
  bool usual = f.closest_first || (f.text.empty() && sort == "new");  // what an address without an order means
  pairs sorts{{f.text.empty() ? "" : "new", v.say.text("sort.new")},
              {"title", v.say.text("sort.title")},
              {"author", v.say.text("sort.author")}};
  if (!f.text.empty()) sorts.insert(sorts.begin(), {"", v.say.text("sort.closest")});
  pairs states{{"organized", v.say.text("status.organized")},
               {"inbox", v.say.text("status.inbox")},
               {"review", v.say.text("status.review")},
               {"all", v.say.text("status.all")}};
  out.set("sorts", options(sorts, usual ? "" : sort)).set("states", options(states, f.status.empty() ? "all" : f.status));
  out.set("languages", options(language_options(v, data), f.language))
      .set("formats_offered", options(format_options(v), f.format));
  out.set("shelves", options(shelf_options(v, data), f.shelf ? f.shelf->text() : ""));
  out.set("reading_states", options(reading_options(v), f.state))
      .set("ratings", options(rating_options(v), publication::stars_text(f.rating)));
  out.set("seek", f.text).set("chips", chips(v, f, data));
  fill_details(v, f, data.devices, out);
  for (const char* hidden : {"author", "series", "tag"})
    out.set(std::string("keep_") + hidden, v.c.in.query(hidden).value_or(""));
}

std::string waiting_words(const visit& v, std::size_t waiting) {
  if (waiting == 0) return "";
  if (waiting > most_waiting) return v.say.say("library.waiting_many", {{"n", v.say.number(most_waiting)}});
  return v.say.count("library.waiting", static_cast<std::int64_t>(waiting));
}

std::string shape_of(const http::request& in) {
  std::string shape = in.query("view").value_or("grid");
  return shape == "list" || shape == "table" ? shape : "grid";
}

void fill_shapes(const visit& v, const std::string& shape, view& out) {
  std::vector<view> all;
  for (std::string name : {"grid", "list", "table"}) {
    view s;
    s.set("shape_href", query_with(v.c.in, "view", name))
        .set("shape_label", v.say.text("view." + name))
        .set("shape_now", name == shape);
    all.push_back(s);
  }
  out.set("shapes", all).set("shape", shape);
  for (const char* name : {"grid", "list", "table"}) out.set(std::string("as_") + name, shape == name);
}

// A card for each book, with what its reader thinks of it.
std::vector<view> marked_cards(const visit& v, const library_data& data) {
  std::vector<view> out = cards(v.say, data.page.books);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i].set("reading_mark", mark_words(v.say, library::mark_of(data.marks, data.page.books[i].id)));
  return out;
}

std::optional<std::string> first_of(const query_pairs& query, std::string_view name) {
  auto at = std::find_if(query.begin(), query.end(), [&](const auto& q) { return q.first == name; });
  return at == query.end() ? std::nullopt : std::optional(at->second);
}

std::vector<view> kept_columns(const http::request& in) {
  std::vector<view> out;
  for (const auto& [name, value] : in.queries()) {
    view one;
    one.set("kept_column", value);
    if (name == "col") out.push_back(one);
  }
  return out;
}

// A page that script asked for is put in its place only when it is a good answer; what was wrong stands in it.
unsigned status_of(const http::request& in, const std::optional<open_cell>& open) {
  return open && !open->wrong.empty() && !in.header("HX-Request") ? 422 : 200;
}

}  // namespace

library::filter filter_of(const visit& v, const query_pairs& query) {
  auto text = [&](std::string_view name) { return first_of(query, name).value_or(""); };
  library::filter f;
  f.status = first_of(query, "status").value_or("organized");
  bool known = f.status == "inbox" || f.status == "review" || f.status == "all";
  if (!known || !v.may(library::capability::curate)) f.status = "organized";
  if (f.status == "all") f.status.clear();
  f.text = text("q");
  f.language = text("language");
  f.format = text("format");
  f.person = id_of(first_of(query, "author"));
  f.series = id_of(first_of(query, "series"));
  f.tag = id_of(first_of(query, "tag"));
  f.shelf = id_of(first_of(query, "shelf"));
  if (std::optional<publication::reading_state> s = publication::reading_state_named(text("state")))
    f.state = publication::name_of(*s);
  f.rating = publication::halves_of_stars(text("rating")).value_or(0);
  for (const char* name : library::detail_names) library::set_detail(f, name, text(name));
  std::string sort = text("sort");
  f.closest_first = !f.text.empty() && sort.empty();
  if (sort == "title") f.order = library::list::of::title;
  if (sort == "author") f.order = library::list::of::author;
  return f;
}

answer library_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  std::optional<open_cell> open = open_cell_of(c.in);
  co_return co_await show_library(at, std::move(v), std::move(open));
}

answer show_library(const site& at, visit v, std::optional<open_cell> open) {
  http::context& c = v.c;
  library::filter f = filter_of(v, c.in.queries());
  library::cursor from = cursor_of(c.in, f.token_name());
  bool look_in_inbox = !f.text.empty() && f.status == "organized" && v.may(library::capability::curate);
  if (f.shelf) co_await library::rules_up_to_date(at.with.pool, v.id());
  library_data data = co_await at.with.pool.snapshot(load_library, v.id(), f, from, look_in_inbox);

  view out;
  fill_filters(v, f, data, out);
  std::string count_words = data.total ? v.say.count("books.count", *data.total) : "";
  std::string shape = open && open->typed ? std::string("table") : shape_of(c.in);
  fill_shapes(v, shape, out);
  fill_selection(v, data.shelves, data.devices, count_words, out);
  out.set("kept_columns", kept_columns(c.in)).set("csv_href", v.href("/books.csv" + query_with(c.in, "view", "")));
  bool as_rule = f.status == "organized" && (narrowed(f) || !f.text.empty()) && !f.device && f.missing != "description";
  out.set("rule_href", as_rule ? v.href("/shelves/rule" + query_with(c.in, "view", "")) : "");
  if (shape == "table") fill_table(v, data.page.books, data.marks, open, out);
  out.set("books", marked_cards(v, data)).set("count_words", count_words);
  out.set("waiting_words", waiting_words(v, data.waiting)).set("waiting_href", query_with(c.in, "status", "inbox"));
  out.set("instead_words", data.instead.empty() ? "" : v.say.say("library.instead", {{"typed", f.text}}));
  out.set("instead", data.instead).set("instead_href", query_with(c.in, "q", data.instead));
  // The pages of what was found instead are reached by its link.
  out.set("pager", data.instead.empty() ? pager(c.in, f.token_name(), data.page.previous, data.page.next) : view());
  out.set("narrowed", narrowed(f) || !f.text.empty())
      .set("opened", narrowed(f) || c.in.query("sort").has_value())
      .set("live_search", true);
  std::string title = !data.names.author.empty()   ? data.names.author
                      : !data.names.series.empty() ? data.names.series
                                                   : v.say.text("nav.library");
  out.set("heading", title);
  co_return show(v, {title, "library"}, "library", std::move(out), status_of(c.in, open));
}

}  // namespace carrel::web
