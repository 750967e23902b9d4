#include "kobo/remap.hpp"

#include "publication/kepub/span_map.hpp"
#include "publication/locator/kobo.hpp"
#include "publication/locator/variant.hpp"
#include "server/core/json.hpp"

namespace carrel::kobo {
namespace {

namespace locator = publication::locator;
using publication::kepub::span_map;

constexpr db::statement sql_maps{"kobo.maps_of_book", R"sql(
  select a.id = $2, a.span_map from kobo_artifacts a join book_files f on f.id = a.file_id
   where f.book_id = $1 and (a.id <> $2 or f.kobo_as = $2) order by a.id <> $2, a.id is distinct from $3, a.made_at desc limit 2)sql"};
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
  if (before == artifact) return 0;
  db::rows maps = tx.run(sql_maps, book, artifact, before);
  if (maps.size() < 2 || !maps[0].flag(0)) return 0;
  std::optional<span_map> to = span_map::unpack(maps[0].raw(1)), from = span_map::unpack(maps[1].raw(1));
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
