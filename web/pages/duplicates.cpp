// `/duplicates`: books that may be one, two of them side by side, what to do with them; `/merges`: what was done, and the way
// back (product.md 4.8, 4.9).

#include "web/pages/duplicates.hpp"

#include <algorithm>

#include "library/position.hpp"
#include "server/core/text.hpp"
#include "web/format.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

constexpr int page_size = 50, most_positions = 1000;

std::string reasons_text(const visit& v, const library::duplicate_pair& p) {
  std::vector<std::string> words;
  for (const std::string& reason : p.reasons) {
    std::string key = "duplicate.reason." + reason;
    words.push_back(v.say.has(key) ? v.say.text(key) : reason);
  }
  return join(words, ", ");
}

std::string files_text(const visit& v, const library::book& b) {
  std::vector<std::string> out;
  for (const library::book_file& f : b.files) {
    std::string format = format_name(v.say, f), size = size_text(v.say, f.size);
    out.push_back(v.say.say("duplicate.file", {{"format", format}, {"size", size}}));
  }
  return join(out, ", ");
}

view line_of(const visit& v, const library::book& b) {
  view one = card(v.say, b);
  one.set("book_title", b.title).set("by", names_of(v.say, b.authors)).set("files", files_text(v, b));
  one.set("book_href", v.href("/books/" + b.id.text())).set("added", moment(v.say, b.created_at));
  one.set("waiting", b.status == "organized" ? "" : v.say.text("status." + b.status));
  return one;
}

view pair_view(const visit& v, const possible_duplicate& d, std::string_view back) {
  view one;
  one.set("later", line_of(v, d.book)).set("older", line_of(v, d.other));
  one.set("later_id", d.book.id.text()).set("older_id", d.other.id.text());
  one.set("later_title", d.book.title).set("older_title", d.other.title);
  one.set("kind", v.say.text("duplicate.kind." + d.pair.kind)).set("strong", d.pair.kind != "similar");
  one.set("reasons", reasons_text(v, d.pair)).set("back", back);
  one.set("offer", d.offer).set("offer_words", v.say.text("duplicate.offer." + d.offer));
  one.set("compare_href", v.href("/duplicates/" + d.book.id.text() + "/" + d.other.id.text()));
  return one;
}

// The place behind a pair: "content.<microseconds>.<book>.<other>".
std::string token_of(const library::duplicate_pair& p) {
  return p.kind + "." + std::to_string(p.found_at.time_since_epoch() / std::chrono::microseconds(1)) + "." + p.book.text() + "." +
         p.other.text();
}

std::optional<library::duplicate_pair> pair_after(const http::request& in) {
  std::vector<std::string> parts = split(in.query("after").value_or(""), '.');
  if (parts.size() != 4) return std::nullopt;
  std::optional<std::int64_t> at = to_integer(parts[1]);
  std::optional<uuid> book = uuid::parse(parts[2]), other = uuid::parse(parts[3]);
  if (!at || !book || !other) return std::nullopt;
  library::duplicate_pair out{.book = *book, .other = *other, .kind = parts[0], .score = 0, .reasons = {}, .found_at = {}};
  out.found_at = instant{std::chrono::microseconds{*at}};
  return out;
}

// ---- two side by side ---------------------------------------------------------------------------------------------

struct side {
  library::book book;
  std::size_t positions = 0, shelves = 0;
};
struct comparison {
  std::optional<possible_duplicate> pair;
  side later, older;
};

side side_of(db::tx& tx, const uuid& viewer, const library::book& b) {
  return {.book = b,
          .positions = library::positions_of_book(tx, viewer, b.id, most_positions).size(),
          .shelves = library::shelves_of_book(tx, viewer, b.id).size()};
}

comparison load_comparison(db::tx& tx, uuid viewer, uuid a, uuid b) {
  comparison out;
  out.pair = compare_books(tx, viewer, a, b);
  if (!out.pair) return out;
  out.later = side_of(tx, viewer, out.pair->book);
  out.older = side_of(tx, viewer, out.pair->other);
  return out;
}

std::string tags_text(const library::book& b) {
  std::vector<std::string> out;
  for (const library::tag& t : b.tags) out.push_back(t.name);
  return join(out, ", ");
}

std::string identifiers_text(const library::book& b) {
  std::vector<std::string> out;
  for (const auto& [scheme, value] : b.identifiers) out.push_back(scheme + " " + value);
  return join(out, ", ");
}

std::vector<view> rows_of(const visit& v, const side& older, const side& later) {
  std::vector<view> out;
  auto row = [&](const char* key, const std::string& a, const std::string& b) {
    if (a.empty() && b.empty()) return;
    view one;
    one.set("row_name", v.say.text(key)).set("row_older", a).set("row_later", b).set("differs", a != b);
    out.push_back(one);
  };
  auto each = [&](const char* key, auto text) { row(key, text(older.book), text(later.book)); };
  each("field.title", [](const library::book& b) { return b.title; });
  each("field.subtitle", [](const library::book& b) { return b.subtitle; });
  each("field.authors", [&](const library::book& b) { return names_of(v.say, b.authors); });
  each("field.series", [](const library::book& b) { return b.series.empty() ? b.series : b.series + " " + index_text(b); });
  each("field.language", [&](const library::book& b) { return languages_text(v.say, b.languages); });
  each("field.publisher", [](const library::book& b) { return b.publisher; });
  each("field.published", [&](const library::book& b) { return date_text(v.say, b.published_on); });
  each("field.identifiers", identifiers_text);
  each("field.tags", tags_text);
  each("field.page_count", [&](const library::book& b) { return b.page_count ? v.say.number(*b.page_count) : std::string(); });
  each("book.files", [&](const library::book& b) { return files_text(v, b); });
  each("field.description", [](const library::book& b) { return std::string(cut_utf8(b.description_text, 400)); });
  auto number = [&](std::size_t n) { return v.say.number(static_cast<std::int64_t>(n)); };
  row("duplicate.own_positions", number(older.positions), number(later.positions));
  row("duplicate.own_shelves", number(older.shelves), number(later.shelves));
  return out;
}

// ---- acts ---------------------------------------------------------------------------------------------------------

bool sees_both(db::tx& tx, uuid viewer, uuid a, uuid b) { return library::load_books(tx, viewer, {a, b}).size() == 2; }

library::merge_act act_of(const std::string& text) {
  return text == "format"    ? library::merge_act::format
         : text == "replace" ? library::merge_act::replace
                             : library::merge_act::merge;
}

[[noreturn]] void refuse(const visit& v, const error& why) {
  std::string key = "merge.refused." + why.field;
  throw http::problem{409, v.say.has(key) ? v.say.text(key) : v.say.text("merge.refused.other"), why.field};
}

struct two_books {
  uuid first, second;
};
two_books books_in(const visit& v, const http::form& form, const char* first, const char* second) {
  std::optional<uuid> a = id_of(form.text(first)), b = id_of(form.text(second));
  if (!a || !b || *a == *b) not_here(v);
  return {*a, *b};
}

view merge_view(const visit& v, const library::merge_row& m) {
  view one;
  one.set("merge", m.id.text()).set("kept_title", m.kept_title).set("titles", m.titles).set("actor", m.actor);
  one.set("kept_href", v.href("/books/" + m.kept.text())).set("when", moment(v.say, m.made_at));
  one.set("act_words", v.say.text("merge.act." + m.act));
  return one;
}

}  // namespace

void fill_duplicates(const visit& v, const std::vector<possible_duplicate>& pairs, std::string_view back, view& into) {
  std::vector<view> all;
  all.reserve(pairs.size());
  for (const possible_duplicate& d : pairs) all.push_back(pair_view(v, d, back));
  into.set("duplicates", all);
}

answer duplicates_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  bool similar = c.in.query("show").value_or("") == "all";
  std::optional<library::duplicate_pair> after = pair_after(c.in);
  possible_duplicates found = co_await at.with.pool.snapshot(load_duplicates, v.id(), similar, after, page_size);

  view out;
  std::string back = similar ? "/duplicates?show=all" : "/duplicates";
  fill_duplicates(v, found.pairs, back, out);
  view pages;
  std::string next = found.more && !found.pairs.empty() ? query_with(c.in, "after", token_of(found.pairs.back().pair)) : "";
  pages.set("previous", "").set("next", next);
  out.set("pager", pages).set("similar", similar).set("merges_href", v.href("/merges"));
  co_return show(v, {v.say.text("duplicate.heading"), "errata"}, "duplicates", std::move(out));
}

answer duplicate_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid a = id_param(c, "book"), b = id_param(c, "other");
  comparison found = co_await at.with.pool.snapshot(load_comparison, v.id(), a, b);
  if (!found.pair) not_here(v);
  const possible_duplicate& d = *found.pair;

  view out = pair_view(v,
                       {.pair = {.book = d.book.id,
                                 .other = d.other.id,
                                 .kind = d.pair.kind.empty() ? "similar" : d.pair.kind,
                                 .score = 0,
                                 .reasons = d.pair.reasons,
                                 .found_at = {}},
                        .book = d.book,
                        .other = d.other,
                        .offer = d.offer},
                       "/duplicates");
  out.set("found", !d.pair.kind.empty()).set("rows", rows_of(v, found.older, found.later));
  out.set("may_format", d.offer == "format").set("may_replace", d.offer == "replace");
  co_return show(v, {v.say.text("duplicate.side_by_side"), "errata"}, "duplicate_pair", std::move(out));
}

answer duplicates_merge(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  http::form form(c.in);
  two_books books = books_in(v, form, "kept", "other");
  bool sees = co_await at.with.pool.read(sees_both, v.id(), books.first, books.second);
  if (!sees || !at.with.merge_books) not_here(v);
  std::vector<uuid> others{books.second};
  library::merge_act act = act_of(form.text("act"));
  result<library::merge_outcome> merged = co_await at.with.cpu.run(at.with.merge_books, books.first, others, act, v.actor());
  if (!merged) refuse(v, merged.error());
  places_changed(at);
  co_return done(v, back_path(form, "/books/" + books.first.text()), "duplicates.merged", merged->merge.text());
}

answer duplicates_both(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  http::form form(c.in);
  two_books books = books_in(v, form, "book", "other");
  bool kept = co_await at.with.pool.write(library::keep_both, v.id(), books.first, books.second, v.actor());
  if (!kept) not_here(v);
  co_return done(v, back_path(form, "/duplicates"), "duplicates.both", books.first.text(), books.second.text());
}

answer duplicates_ask_again(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  http::form form(c.in);
  uuid book = id_param(c, "id");
  std::optional<uuid> other = id_of(form.text("other"));
  if (!other) not_here(v);
  bool asked = co_await at.with.pool.write(library::undo_keep_both, v.id(), book, *other, v.actor());
  if (!asked) not_here(v);
  co_return done(v, back_path(form, "/duplicates"), "undone");
}

answer merges_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  std::optional<std::int64_t> before = to_integer(c.in.query("before").value_or(""));
  std::vector<library::merge_row> found = co_await at.with.pool.read(library::standing_merges, v.id(), before, page_size + 1);
  bool more = found.size() > static_cast<std::size_t>(page_size);
  if (more) found.resize(static_cast<std::size_t>(page_size));
  std::vector<view> all;
  all.reserve(found.size());
  for (const library::merge_row& m : found) all.push_back(merge_view(v, m));
  view pages;
  pages.set("previous", "").set("next", more ? "?before=" + std::to_string(found.back().place) : std::string());
  view out;
  out.set("merges", all).set("pager", pages);
  co_return show(v, {v.say.text("merge.heading"), "errata"}, "merges", std::move(out));
}

answer merge_undo(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::optional<library::merge_row> merge = co_await at.with.pool.read(library::find_merge, v.id(), id);
  if (!merge) {
    std::optional<std::string> trashed = co_await at.with.pool.read(library::merge_in_trash, v.id(), id);
    if (trashed) throw http::problem{409, v.say.say("merge.refused.trashed", {{"title", *trashed}}), "trashed"};
  }
  if (!merge || !at.with.undo_merge) not_here(v);
  result<library::unmerge_outcome> undone = co_await at.with.cpu.run(at.with.undo_merge, id, v.actor());
  if (!undone) refuse(v, undone.error());
  places_changed(at);
  co_return done(v, back_path(form, "/merges"), undone->left.empty() ? "merge.undone" : "merge.undone_in_part");
}

}  // namespace carrel::web
