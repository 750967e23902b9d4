#include "opds/search.hpp"

#include <algorithm>
#include <array>

#include "library/catalog.hpp"
#include "opds/entries.hpp"
#include "opds/facets.hpp"
#include "opds/writing.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::opds {
namespace {

constexpr std::int64_t most_results = 1000;
constexpr std::size_t most_characters = 256;
constexpr std::chrono::seconds time_budget{1};

struct search_field {
  std::string_view name;
  std::string library::query::*value;
};
constexpr std::array search_fields{
    search_field{"q", &library::query::all},         search_field{"title", &library::query::title},
    search_field{"author", &library::query::author}, search_field{"contributor", &library::query::author},
    search_field{"series", &library::query::series}, search_field{"tag", &library::query::tag},
    search_field{"isbn", &library::query::isbn},
};

// What is longer is cut, not refused (opds.md 6.4).
std::string cut(std::string_view text) {
  std::size_t end = 0;
  for (std::size_t characters = 0; end < text.size(); ++end) {
    bool begins = (static_cast<unsigned char>(text[end]) & 0xc0) != 0x80;
    if (begins && ++characters > most_characters) break;
  }
  return std::string(trim(text.substr(0, end)));
}

struct search_request {
  library::query terms;
  place at{"/search", {}};
  std::string shown{};                          // the words of all fields
  bool empty() const { return shown.empty(); }  // facets alone ask for nothing
  bool personal() const { return terms.order == "rating"; }
  std::string token_name() const { return "search:" + query_text(at.filters); }
};

search_request search_from(const http::request& in) {
  search_request out;
  for (const search_field& f : search_fields) {
    std::optional<std::string> text = asked(in, f.name);
    if (!text && f.name == "q") text = asked(in, "query");
    std::string value = text ? cut(publication::nfc(*text)) : "";
    if (value.empty()) continue;
    out.at.filters.emplace_back(f.name, value);
    out.shown += (out.shown.empty() ? "" : " ") + value;
    std::string& term = out.terms.*f.value;
    term += (term.empty() ? "" : " ") + value;
  }
  return out;
}

// Those that are not there are as good as none.
void read_facets(search_request& r, const http::request& in, const library::choices& there) {
  auto take = [&](std::string_view name, const std::vector<std::string>& all, std::string& value) {
    std::optional<std::string> wanted = asked(in, name);
    if (!wanted || std::find(all.begin(), all.end(), *wanted) == all.end()) return;
    value = *wanted;
    r.at.filters.emplace_back(name, value);
  };
  take("lang", there.languages, r.terms.language);
  take("fmt", there.formats, r.terms.format);
  take("order", {"added", "title", "author", "published", "rating"}, r.terms.order);
}

// Pages of a result are places in a list that ends at 1,000 (opds.md 6.4).
struct position {
  std::int64_t offset = 0;
  params shown;
};

position position_from(const http::request& in, const search_request& r, int page_size) {
  turn t = turn_from(in, r.token_name());
  position out;
  out.shown = t.shown;
  if (t.cursor.from == library::cursor::side::end) out.shown.clear();
  if (t.cursor.ordinal > 0) out.offset = static_cast<std::int64_t>(std::min<std::uint64_t>(t.cursor.ordinal, most_results)) - 1;
  if (!out.shown.empty()) return out;
  // Names of OpenSearch that some clients add by themselves (opds.md 6.3).
  for (auto [name, unit] : {std::pair{"startIndex", 1}, std::pair{"startPage", page_size}}) {
    std::optional<std::string> text = asked(in, name);
    std::optional<std::int64_t> n = text ? to_integer(*text) : std::nullopt;
    if (!n || *n < 2) continue;
    out.offset = std::min((std::min(*n, most_results) - 1) * unit, most_results - 1);
    out.shown.emplace_back(name, std::to_string(*n));
    break;
  }
  return out;
}

struct found {
  library::matches outline;
  entry_parts entries;
  std::optional<library::query> instead;  // nearly the same words, because nothing has those that were asked for
};

found search(db::tx& tx, const uuid& viewer, const library::query& terms, int offset, int limit, const entry_shelf& shelf) {
  found out{.outline = library::search_outline(tx, viewer, terms, offset, limit), .entries = {}, .instead = {}};
  if (out.outline.books.empty()) out.instead = library::respelled(tx, viewer, terms);
  if (out.instead) out.outline = library::search_outline(tx, viewer, *out.instead, offset, limit);
  out.entries = gather(tx, viewer, out.outline.books, shelf);
  return out;
}

// The list's name says what it holds.
std::string title_of(const visit& v, const search_request& r, const found& result) {
  std::string out = v.say("Search");
  if (r.empty()) return out;
  out += ':';
  if (!result.instead) return out + ' ' + r.shown;
  std::vector<std::string> said;
  for (const search_field& f : search_fields) {
    const std::string& words = (*result.instead).*f.value;
    if (!words.empty() && std::find(said.begin(), said.end(), words) == said.end()) said.push_back(words), out += " " + words;
  }
  return out;
}

feed result_feed(const visit& v, const search_request& r, const position& p, const found& result, const library::choices& there,
                 const entry_shelf& shelf) {
  auto shown = static_cast<std::int64_t>(result.outline.books.size());
  std::optional<library::cursor> previous, next;
  if (p.offset > 0) {
    std::int64_t first = std::max<std::int64_t>(p.offset - v.page_size, 0) + 1;
    previous = cursor_at(library::cursor::side::before, "", static_cast<std::uint64_t>(first));
  }
  if (result.outline.more && p.offset + shown < most_results) {
    next = cursor_at(library::cursor::side::after, "", static_cast<std::uint64_t>(p.offset + shown + 1));
  }
  neighbours around = neighbours_of(previous, next, r.token_name());
  around.last = false;

  spot s{.kind = kind::acquisition, .title = title_of(v, r, result), .at = r.at, .up = place{}, .personal = r.personal()};
  feed f = begin_feed(v, s, p.shown, &around);
  if (!r.empty()) add_search_facets(f, v, r.at, there);
  f.books = entries_of(v, shelf, result.entries);
  f.total = result.outline.total;
  if (!f.books.empty()) f.start_index = p.offset + 1;
  return f;
}

task<found> find(shared_state& s, const visit& v, library::query terms, std::int64_t offset, int limit,
                 const entry_shelf& shelf) {
  auto deadline = std::optional(std::chrono::steady_clock::now() + time_budget);
  try {
    co_return co_await s.with.pool.submit(db::mode::read, deadline, search, v.viewer, terms, static_cast<int>(offset), limit,
                                          shelf);
  } catch (const db::cancelled&) {
    // Half a result is not shown as if it were whole.
    http::problem p{503, "The search took too long. Please try fewer or other words."};
    p.headers.emplace_back("Retry-After", "5");
    throw p;
  }
}

}  // namespace

task<http::response> show_search(shared_state& s, http::context& c) {
  search_request r = search_from(c.in);
  visit v = co_await enter(s, c);
  choices_ref there = std::make_shared<const library::choices>();
  if (asks_for_facets(c.in)) there = co_await choices_for(s, v);
  read_facets(r, c.in, *there);
  position p = position_from(c.in, r, v.page_size);

  answer a(s, v, std::string(v.at.type(kind::acquisition)), {.personal = r.personal(), .covers = true, .dated = false});
  std::optional<http::response> known = a.early();
  if (known) co_return std::move(*known);
  if (a.head_only()) co_return a.head();
  there = co_await choices_for(s, v);
  entry_shelf shelf(s, v);
  found result;
  result.outline.total = 0;
  r.terms.for_whom = v.taker();
  if (!r.empty()) {
    int limit = static_cast<int>(std::min<std::int64_t>(v.page_size, most_results - p.offset));
    result = co_await find(s, v, r.terms, p.offset, limit, shelf);
  }
  co_return a.full(written(v, result_feed(v, r, p, result, *there, shelf)));
}

}  // namespace carrel::opds
