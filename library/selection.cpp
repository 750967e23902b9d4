#include "library/selection.hpp"

#include <array>
#include <chrono>

#include "library/catalog_lists.hpp"
#include "library/selection_sql.hpp"

namespace carrel::library {
namespace {

using source = selection::source;
using order = selection::order;

constexpr std::array source_names{"",       "person",  "series", "tag",   "label", "shelf",  "language",
                                  "format", "library", "year",   "stars", "state", "popular"};
constexpr std::chrono::seconds walking_time{1};  // before a page is shown as far as it got (opds.md 7.3)

// The order that `own` means, as a list's.
list::of order_of(const selection& s) {
  switch (s.by) {
    case order::added: return s.of == source::shelf ? list::of::shelf_newest : list::of::newest;
    case order::title: return list::of::title;
    case order::author: return list::of::author;
    case order::published: return list::of::published;
    case order::rated: return list::of::rated;
    case order::own: break;
  }
  if (s.of == source::person) return list::of::person;
  if (s.of == source::series) return list::of::series;
  if (s.of == source::shelf) return list::of::shelf;
  if (s.of == source::popular) return list::of::popular;
  return s.of == source::year ? list::of::title : list::of::newest;
}

// The list of catalog.hpp with the same books in the same order.
std::optional<list> as_list(const selection& s) {
  if (s.narrowed()) return std::nullopt;
  list out{.what = order_of(s), .id = s.id, .language = s.word, .for_whom = s.for_whom};
  bool newest = out.what == list::of::newest;
  switch (s.of) {
    case source::all: return out;
    case source::tag: out.what = list::of::tag; break;
    case source::label: out.what = list::of::label; break;
    case source::language: out.what = list::of::language; break;
    case source::person: return s.by == order::own ? std::optional(out) : std::nullopt;
    case source::series: return s.by == order::own ? std::optional(out) : std::nullopt;
    case source::popular: return s.by == order::own ? std::optional(out) : std::nullopt;
    case source::shelf: return s.by == order::own || s.by == order::added ? std::optional(out) : std::nullopt;
    default: return std::nullopt;
  }
  return newest ? std::optional(out) : std::nullopt;
}

// Every language has indexes of three orders.
std::optional<filter> as_filter(const selection& s) {
  if (s.by == order::published || s.by == order::rated) return std::nullopt;
  bool by_language = s.of == source::language && !s.narrowed();
  if (!by_language && (s.of != source::all || s.language.empty())) return std::nullopt;
  if (!s.format.empty() || !s.read.empty() || s.library) return std::nullopt;
  filter out{.status = "organized", .language = by_language ? s.word : s.language};
  out.order = order_of(s);
  out.for_whom = s.for_whom;
  return out;
}

// The fewest books that hold all of them: one of the facets, where the list is of all books.
selection narrowest(selection s) {
  if (s.of != source::all) return s;
  if (s.read == "reading" || s.read == "finished") {
    s.of = source::state;
  } else if (s.library) {
    s.of = source::library;
    s.id = *s.library;
  } else if (!s.format.empty()) {
    s.of = source::format;
    s.word = s.format;
  } else if (!s.language.empty()) {
    s.of = source::language;
    s.word = s.language;
  }
  return s;
}

std::vector<std::string> states_of(const std::string& read) {
  if (read == "unread") return {"unread", "wanted"};
  if (read == "reading") return {"reading"};
  return read == "finished" ? std::vector<std::string>{"read"} : std::vector<std::string>{};
}

class reader {
 public:
  reader(db::tx& tx, const uuid& viewer, selection s)
      : tx_(tx), viewer_(viewer), s_(std::move(s)), by_(order_of(s_)), many_(s_.of == source::all) {}

  std::vector<list_row> read(const cursor& anchor, bool forward, int limit) {
    bool own = by_ == list::of::person || by_ == list::of::series || by_ == list::of::shelf || by_ == list::of::shelf_newest ||
               by_ == list::of::popular;
    if (own) return rows_of(run(selection_sql::of_its_own(by_, forward), anchor, limit), 0);
    if (!many_) {
      db::rows few = run(selection_sql::of_few(by_, forward), anchor, limit);
      many_ = few[0].flag(0);
      if (!many_) return rows_of(few, 1);
    }
    return walk(anchor, forward, limit);
  }

  // How far a walk came that ran out of time.
  const std::optional<cursor>& stopped() const { return stopped_; }

 private:
  db::rows run(const db::statement& sql, const cursor& anchor, int limit) {
    return tx_.run(sql, viewer_, anchor.key, anchor.id, limit, static_cast<int>(s_.for_whom),
                   source_names[static_cast<std::size_t>(s_.of)], s_.id, s_.word, s_.number, s_.language, s_.format,
                   states_of(s_.read), s_.library, anchor.key2);
  }

  std::vector<list_row> rows_of(const db::rows& rows, std::size_t from) const {
    std::vector<list_row> out;
    for (const db::row& r : rows) {
      if (r.is_null(from)) continue;  // of few there may be none
      out.push_back({.id = r.id(from),
                     .version = r.integer(from + 1),
                     .key = r.text(from + 2),
                     .key2 = by_ == list::of::author ? r.text(from + 3) : ""});
    }
    return out;
  }

  std::vector<list_row> walk(cursor anchor, bool forward, int limit) {
    auto until = std::chrono::steady_clock::now() + walking_time;
    std::vector<list_row> out;
    stopped_.reset();
    for (;;) {
      int want = limit - static_cast<int>(out.size());
      std::vector<list_row> met = rows_of(run(selection_sql::of_many(by_, forward), anchor, want), 0);
      out.insert(out.end(), met.begin(), met.end());
      if (static_cast<int>(out.size()) >= limit) return out;
      std::vector<list_row> reached = rows_of(run(selection_sql::last_looked_at(by_, forward), anchor, 1), 0);
      if (reached.empty()) return out;
      anchor.key = reached.front().key;
      anchor.key2 = reached.front().key2;
      anchor.id = reached.front().id;
      if (std::chrono::steady_clock::now() < until) continue;
      stopped_ = anchor;
      return out;
    }
  }

  db::tx& tx_;
  const uuid& viewer_;
  const selection s_;
  const list::of by_;
  bool many_;  // more books than are sorted; nobody asks that of all of them
  std::optional<cursor> stopped_;
};

}  // namespace

bool selection::narrowed() const { return !language.empty() || !format.empty() || !read.empty() || library; }

std::string selection::token_name() const {
  std::string out = "selection:" + std::string(source_names[static_cast<std::size_t>(of)]) + "|" + id.text() + "|" + word + "|" +
                    std::to_string(number) + "|" + std::to_string(static_cast<int>(by));
  return out + "|" + language + "|" + format + "|" + read + "|" + (library ? library->text() : "");
}

outline outline_of(db::tx& tx, const uuid& viewer, const selection& s, const cursor& from, int limit) {
  if (std::optional<list> same = as_list(s)) return outline_of(tx, viewer, *same, from, limit);
  if (std::optional<filter> same = as_filter(s)) return outline_of(tx, viewer, *same, from, limit);
  selection chosen = narrowest(s);
  list::of by = order_of(s);
  if ((from.from == cursor::side::after || from.from == cursor::side::before) && !key_is_good(by, from.key)) return {};
  reader books(tx, viewer, chosen);
  row_page rows = page_of(from, list_edge(by, true), list_edge(by, false), limit,
                          [&](const cursor& anchor, bool forward, int count) { return books.read(anchor, forward, count); });
  if (const std::optional<cursor>& stopped = books.stopped()) {
    bool backward = from.from == cursor::side::before || from.from == cursor::side::end;
    cursor on = *stopped;
    on.from = backward ? cursor::side::before : cursor::side::after;
    on.ordinal = 0;
    (backward ? rows.previous : rows.next) = on;
  }
  return outline_from(std::move(rows));
}

}  // namespace carrel::library
