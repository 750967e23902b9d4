#include "kobo/remap.hpp"

#include "publication/kepub/span_map.hpp"
#include "publication/locator/kobo.hpp"
#include "publication/locator/variant.hpp"
#include "server/core/json.hpp"

namespace carrel::kobo {
namespace {

namespace locator = publication::locator;
using publication::kepub::span_map;

// The conversion that is, and the one in whose spans places are until now; of a book of which that was not kept yet the one
// before, else the last that was made of another file.
constexpr db::statement sql_maps{"kobo.maps_of_book", R"sql(
  with to_ as (
    select a.id, a.source, a.span_map from kobo_artifacts a join book_files f on f.id = a.file_id and f.book_id = $1
     where a.id = $2 and (f.kobo_as = $2 or exists (select from kobo_styled s where s.file_id = f.id and s.kobo_as = $2)))
  select t.span_map, o.span_map
    from to_ t
    join books b on b.id = $1
    left join lateral (
      select a.span_map from kobo_artifacts a join book_files f on f.id = a.file_id
       where case when b.kobo_spans is not null then a.id = b.kobo_spans
                  else f.book_id = $1 and a.id <> t.id and (a.id = $3 or a.source <> t.source) end
       order by a.id is distinct from $3, a.made_at desc limit 1) o on true)sql"};
constexpr db::statement sql_spans{"kobo.keep_spans", R"sql(
  update books set kobo_spans = $2 where id = $1 and kobo_spans is distinct from $2)sql"};
constexpr db::statement sql_places{"kobo.places_in_book", R"sql(
  select s.user_id, s.entitlement, s.bookmark from kobo_states s join books b on b.entitlement = s.entitlement
   where b.id = $1 and s.bookmark -> 'Location' ->> 'Value' is not null for update of s)sql"};
constexpr db::statement sql_store{"kobo.remap_place", R"sql(
  update kobo_states set bookmark = $3::jsonb, revision = revision + 1 where user_id = $1 and entitlement = $2)sql"};

std::optional<double> percent_in(const json::object& bookmark, std::string_view name) {
  std::int64_t n = 0;
  return bookmark.take(name, n) ? std::optional<double>(static_cast<double>(n)) : std::nullopt;
}

// The bookmark with its place in the other conversion; nothing when that cannot be told, and it stays what it was.
std::optional<json::object> remapped(json::object bookmark, const span_map& from, const span_map& to) {
  const json::value* location = bookmark.find("Location");
  std::string source, value;
  if (location == nullptr || location->as_object() == nullptr || !location->as_object()->take("Source", source) ||
      !location->as_object()->take("Value", value))
    return std::nullopt;
  std::optional<locator::position> was = locator::from_kobo(
      from, source, value, percent_in(bookmark, "ContentSourceProgressPercent"), percent_in(bookmark, "ProgressPercent"));
  std::optional<locator::position> is =
      was ? locator::moved(*was, locator::measure_of(from), locator::measure_of(to)) : std::nullopt;
  std::optional<publication::kepub::location> there = is ? locator::to_kobo(to, *is) : std::nullopt;
  if (!there) return std::nullopt;
  bookmark.set("Location", json::object{{"Source", there->source}, {"Type", "KoboSpan"}, {"Value", there->value}});
  return bookmark;
}

}  // namespace

int remap_places(db::tx& tx, const uuid& book, const uuid& artifact, const std::optional<uuid>& before,
                 const found_words& words) {
  db::rows maps = tx.run(sql_maps, book, artifact, before);
  if (maps.empty()) return 0;
  tx.run(sql_spans, book, artifact);
  if (maps[0].is_null(1)) return 0;
  std::optional<span_map> to = span_map::unpack(maps[0].raw(0)), from = span_map::unpack(maps[0].raw(1));
  if (!to || !from || to->documents() == from->documents()) return 0;
  int done = reanchor_annotations(tx, book, *from, *to, words);
  for (const db::row& r : tx.run(sql_places, book)) {
    result<json::object> bookmark = json::read_object(r.view(2));
    std::optional<json::object> made = bookmark ? remapped(std::move(*bookmark), *from, *to) : std::nullopt;
    if (!made) continue;
    tx.run(sql_store, r.id(0), r.id(1), json::dump(*made));
    ++done;
  }
  return done;
}

}  // namespace carrel::kobo
