#include "kobo/reanchor.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "publication/locator/kobo.hpp"
#include "publication/locator/variant.hpp"
#include "server/core/json.hpp"

namespace carrel::kobo {
namespace {

namespace locator = publication::locator;
using publication::kepub::span_map;

constexpr db::statement sql_all{"kobo.annotations_of_book", R"sql(
  select a.id, a.raw, a.quote from annotations a join books b on b.entitlement = a.entitlement
   where b.id = $1 and a.deleted_at is null and a.raw is not null for update of a)sql"};
constexpr db::statement sql_marked{"kobo.marked_words", R"sql(
  select a.id, a.quote from annotations a join books b on b.entitlement = a.entitlement
   where b.id = $1 and a.deleted_at is null and a.raw is not null and a.quote <> '' order by a.received_at desc)sql"};
constexpr db::statement sql_move{"kobo.move_annotation", R"sql(
  with moved as (update annotations set raw = $2, progress = $3 where id = $1 returning user_id, entitlement)
  update annotation_sets s set revision = s.revision + 1 from moved m
   where s.user_id = m.user_id and s.entitlement = m.entitlement)sql"};

// Paths are selectors: span#kobo\.12\.3.
std::string span_in(std::string path) {
  std::size_t hash = path.find('#');
  path.erase(0, hash == path.npos ? 0 : hash + 1);
  std::erase(path, '\\');
  return path;
}

std::string selector_of(const std::string& span) {
  std::string out = "span#";
  for (char c : span) out += c == '.' ? std::string("\\.") : std::string(1, c);
  return out;
}

struct there {
  publication::kepub::location is;
  double progress = 0;  // of its document
};

// Where a span of the one conversion is in the other.
std::optional<there> place_in(const span_map& from, const span_map& to, const std::string& file, const std::string& path) {
  std::optional<locator::position> was = locator::from_kobo(from, file, span_in(path), std::nullopt, std::nullopt);
  if (!was || was->how > locator::quality::element) return std::nullopt;
  std::optional<locator::position> is = locator::moved(*was, locator::measure_of(from), locator::measure_of(to));
  std::optional<publication::kepub::location> found = is ? locator::to_kobo(to, *is) : std::nullopt;
  if (!found || found->value.empty()) return std::nullopt;
  return there{.is = std::move(*found), .progress = is->item_fraction};
}

struct anchored {
  std::string raw;
  double progress = 0;
};

bool move_by_place(json::object& range, const span_map& from, const span_map& to) {
  std::string file, start, end;
  if (!range.take("chapterFilename", file) || !range.take("startPath", start) || !range.take("endPath", end)) return false;
  std::optional<there> first = place_in(from, to, file, start), last = place_in(from, to, file, end);
  if (!first || !last || first->is.source != last->is.source) return false;
  range.set("chapterFilename", first->is.source).set("chapterProgress", first->progress);
  range.set("startPath", selector_of(first->is.value)).set("endPath", selector_of(last->is.value));
  return true;
}

bool move_to(json::object& range, const locator::found_quote& words) {
  std::string start, end;
  if (!range.take("startPath", start) || !range.take("endPath", end)) return false;
  if (!publication::kepub::parse_span(span_in(start)) || !publication::kepub::parse_span(span_in(end))) return false;
  range.set("chapterFilename", words.href).set("chapterProgress", words.progress);
  range.set("startPath", selector_of(words.first.span)).set("startChar", words.first.character);
  range.set("endPath", selector_of(words.last.span)).set("endChar", words.last.character);
  return true;
}

struct conversions {
  const span_map& from;
  const span_map& to;
};

// `words`: where they are certain to stand.
std::optional<anchored> moved_annotation(const std::string& raw, const conversions& c, const locator::found_quote* words) {
  result<json::object> whole = json::read_object(raw);
  const json::value* at = whole ? whole->find("location") : nullptr;
  const json::value* span = at != nullptr && at->as_object() != nullptr ? at->as_object()->find("span") : nullptr;
  if (span == nullptr || span->as_object() == nullptr) return std::nullopt;
  json::object range = *span->as_object(), location = *at->as_object();
  bool moved = words != nullptr ? move_to(range, *words) : move_by_place(range, c.from, c.to);
  if (!moved) return std::nullopt;
  anchored out;
  range.take("chapterProgress", out.progress);
  location.set("span", std::move(range));
  whole->set("location", std::move(location));
  out.raw = json::dump(*whole);
  return out;
}

}  // namespace

marked_words marked_in(db::tx& tx, const uuid& book) {
  constexpr std::size_t most = 512 << 10;  // bytes: what is asked of a child at once is bounded
  marked_words out;
  std::size_t bytes = 0;
  for (const db::row& r : tx.run(sql_marked, book)) {
    bytes += r.view(1).size();
    if (bytes > most) break;
    out.annotations.push_back(r.id(0));
    out.quotes.push_back(r.text(1));
  }
  return out;
}

int reanchor_annotations(db::tx& tx, const uuid& book, const span_map& from, const span_map& to, const found_words& words) {
  int done = 0;
  for (const db::row& r : tx.run(sql_all, book)) {
    std::string before = r.text(1);
    auto at = words.find(r.id(0));
    bool certain = at != words.end() && at->second.quote == r.view(2);  // it may have been written anew meanwhile
    std::optional<anchored> is = moved_annotation(before, {from, to}, certain ? &at->second.at : nullptr);
    if (!is || is->raw == before) continue;
    tx.run(sql_move, r.id(0), is->raw, is->progress);
    ++done;
  }
  return done;
}

}  // namespace carrel::kobo
