// The keyset statements of every list: forwards and backwards, ids, versions and order keys only. `$2` and `$3` are the anchor's
// key and id, `$5` whom the list is for; the first page starts from an impossible anchor, so that one plan serves all pages
// (opds.md 7.3).
#include "library/catalog_lists.hpp"

#include "library/star_order.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

#define CARREL_LISTED "from listed_books($1, $5) b where "

constexpr db::statement sql_newest{
    "library.newest",
    "select b.id, b.version, (extract(epoch from b.created_at) * 1000000)::bigint::text " CARREL_LISTED
    "(b.created_at, b.id) < (to_timestamp($2::numeric / 1000000), $3) order by b.created_at desc, b.id desc limit $4"};
constexpr db::statement sql_newest_back{
    "library.newest_back",
    "select b.id, b.version, (extract(epoch from b.created_at) * 1000000)::bigint::text " CARREL_LISTED
    "(b.created_at, b.id) > (to_timestamp($2::numeric / 1000000), $3) order by b.created_at, b.id limit $4"};

constexpr db::statement sql_title{"library.by_title", "select b.id, b.version, b.title_key " CARREL_LISTED
                                                      "(b.title_key, b.id) > ($2, $3) order by b.title_key, b.id limit $4"};
constexpr db::statement sql_title_back{"library.by_title_back",
                                       "select b.id, b.version, b.title_key " CARREL_LISTED
                                       "(b.title_key, b.id) < ($2, $3) order by b.title_key desc, b.id desc limit $4"};

constexpr db::statement sql_author{
    "library.by_author", "select b.id, b.version, b.author_key, b.place_key " CARREL_LISTED
                         "(b.author_key, b.place_key, b.id) > ($2, $6, $3) order by b.author_key, b.place_key, b.id limit $4"};
constexpr db::statement sql_author_back{
    "library.by_author_back",
    "select b.id, b.version, b.author_key, b.place_key " CARREL_LISTED
    "(b.author_key, b.place_key, b.id) < ($2, $6, $3) order by b.author_key desc, b.place_key desc, b.id desc limit $4"};

constexpr db::statement sql_updated{
    "library.by_updated",
    "select b.id, b.version, (extract(epoch from b.updated_at) * 1000000)::bigint::text " CARREL_LISTED
    "(b.updated_at, b.id) < (to_timestamp($2::numeric / 1000000), $3) order by b.updated_at desc, b.id desc limit $4"};
constexpr db::statement sql_updated_back{
    "library.by_updated_back",
    "select b.id, b.version, (extract(epoch from b.updated_at) * 1000000)::bigint::text " CARREL_LISTED
    "(b.updated_at, b.id) > (to_timestamp($2::numeric / 1000000), $3) order by b.updated_at, b.id limit $4"};

constexpr db::statement sql_published{"library.by_published", "select b.id, b.version, b.published_on " CARREL_LISTED
                                                              "(b.published_on collate \"C\", b.id) < ($2, $3) "
                                                              "order by b.published_on collate \"C\" desc, b.id desc limit $4"};
constexpr db::statement sql_published_back{"library.by_published_back", "select b.id, b.version, b.published_on " CARREL_LISTED
                                                                        "(b.published_on collate \"C\", b.id) > ($2, $3) "
                                                                        "order by b.published_on collate \"C\", b.id limit $4"};

constexpr db::statement sql_popular{"library.popular", R"sql(
  select b.id, b.version, p.score::text
    from popular_books p join listed_books($1, $5) b on b.id = p.book_id
   where (p.score, p.book_id) < ($2::int, $3)
   order by p.score desc, p.book_id desc limit $4)sql"};
constexpr db::statement sql_popular_back{"library.popular_back", R"sql(
  select b.id, b.version, p.score::text
    from popular_books p join listed_books($1, $5) b on b.id = p.book_id
   where (p.score, p.book_id) > ($2::int, $3)
   order by p.score, p.book_id limit $4)sql"};

constexpr db::statement sql_rated{
    "library.by_stars",
    "select b.id, b.version, b.stars::text from " CARREL_BY_STARS("<", "desc", "$4") "b "
    "order by b.stars desc, b.id desc limit $4"};
constexpr db::statement sql_rated_back{
    "library.by_stars_back",
    "select b.id, b.version, b.stars::text from " CARREL_BY_STARS(">", "", "$4") "b "
    "order by b.stars, b.id limit $4"};

constexpr db::statement sql_language{
    "library.by_language", "select b.id, b.version, (extract(epoch from b.created_at) * 1000000)::bigint::text " CARREL_LISTED
                           "b.language = $6 and (b.created_at, b.id) < (to_timestamp($2::numeric / 1000000), $3) "
                           "order by b.created_at desc, b.id desc limit $4"};
constexpr db::statement sql_language_back{
    "library.by_language_back",
    "select b.id, b.version, (extract(epoch from b.created_at) * 1000000)::bigint::text " CARREL_LISTED
    "b.language = $6 and (b.created_at, b.id) > (to_timestamp($2::numeric / 1000000), $3) order "
    "by b.created_at, b.id limit $4"};

constexpr db::statement sql_series{"library.by_series",
                                   "select b.id, b.version, b.place_key " CARREL_LISTED
                                   "b.series_id = $6 and (b.place_key, b.id) > ($2, $3) order by b.place_key, b.id limit $4"};
constexpr db::statement sql_series_back{
    "library.by_series_back",
    "select b.id, b.version, b.place_key " CARREL_LISTED
    "b.series_id = $6 and (b.place_key, b.id) < ($2, $3) order by b.place_key desc, b.id desc limit $4"};

// A person may have several roles in one book: the row of the smallest role stands for all.
constexpr db::statement sql_person{"library.by_person", R"sql(
  select bp.book_id, b.version, bp.place_key
    from book_people bp join listed_books($1, $5) b on b.id = bp.book_id
   where bp.person_id = $6 and (bp.place_key, bp.book_id) > ($2, $3)
     and not exists (select 1 from book_people o where o.book_id = bp.book_id and o.person_id = bp.person_id and o.role < bp.role)
   order by bp.place_key, bp.book_id limit $4)sql"};
constexpr db::statement sql_person_back{"library.by_person_back", R"sql(
  select bp.book_id, b.version, bp.place_key
    from book_people bp join listed_books($1, $5) b on b.id = bp.book_id
   where bp.person_id = $6 and (bp.place_key, bp.book_id) < ($2, $3)
     and not exists (select 1 from book_people o where o.book_id = bp.book_id and o.person_id = bp.person_id and o.role < bp.role)
   order by bp.place_key desc, bp.book_id desc limit $4)sql"};

constexpr db::statement sql_tag{"library.by_tag", R"sql(
  select bt.book_id, b.version, (extract(epoch from bt.added_at) * 1000000)::bigint::text
    from book_tags bt join listed_books($1, $5) b on b.id = bt.book_id
   where bt.tag_id = $6 and (bt.added_at, bt.book_id) < (to_timestamp($2::numeric / 1000000), $3)
   order by bt.added_at desc, bt.book_id desc limit $4)sql"};
constexpr db::statement sql_tag_back{"library.by_tag_back", R"sql(
  select bt.book_id, b.version, (extract(epoch from bt.added_at) * 1000000)::bigint::text
    from book_tags bt join listed_books($1, $5) b on b.id = bt.book_id
   where bt.tag_id = $6 and (bt.added_at, bt.book_id) > (to_timestamp($2::numeric / 1000000), $3)
   order by bt.added_at, bt.book_id limit $4)sql"};

constexpr db::statement sql_label{"library.by_label", R"sql(
  select bl.book_id, b.version, (extract(epoch from bl.added_at) * 1000000)::bigint::text
    from book_labels bl join listed_books($1, $5) b on b.id = bl.book_id
   where bl.label_id = $6 and (bl.added_at, bl.book_id) < (to_timestamp($2::numeric / 1000000), $3)
   order by bl.added_at desc, bl.book_id desc limit $4)sql"};
constexpr db::statement sql_label_back{"library.by_label_back", R"sql(
  select bl.book_id, b.version, (extract(epoch from bl.added_at) * 1000000)::bigint::text
    from book_labels bl join listed_books($1, $5) b on b.id = bl.book_id
   where bl.label_id = $6 and (bl.added_at, bl.book_id) > (to_timestamp($2::numeric / 1000000), $3)
   order by bl.added_at, bl.book_id limit $4)sql"};

constexpr db::statement sql_shelf{"library.by_shelf", R"sql(
  select sb.book_id, b.version, sb.position::text
    from shelf_books sb join listed_books($1, $5) b on b.id = sb.book_id
   where sb.shelf_id = $6 and (sb.position, sb.book_id) > ($2::bigint, $3)
   order by sb.position, sb.book_id limit $4)sql"};
constexpr db::statement sql_shelf_back{"library.by_shelf_back", R"sql(
  select sb.book_id, b.version, sb.position::text
    from shelf_books sb join listed_books($1, $5) b on b.id = sb.book_id
   where sb.shelf_id = $6 and (sb.position, sb.book_id) < ($2::bigint, $3)
   order by sb.position desc, sb.book_id desc limit $4)sql"};
constexpr db::statement sql_shelf_newest{"library.by_shelf_newest", R"sql(
  select sb.book_id, b.version, (extract(epoch from sb.added_at) * 1000000)::bigint::text
    from shelf_books sb join listed_books($1, $5) b on b.id = sb.book_id
   where sb.shelf_id = $6 and (sb.added_at, sb.book_id) < (to_timestamp($2::numeric / 1000000), $3)
   order by sb.added_at desc, sb.book_id desc limit $4)sql"};
constexpr db::statement sql_shelf_newest_back{"library.by_shelf_newest_back", R"sql(
  select sb.book_id, b.version, (extract(epoch from sb.added_at) * 1000000)::bigint::text
    from shelf_books sb join listed_books($1, $5) b on b.id = sb.book_id
   where sb.shelf_id = $6 and (sb.added_at, sb.book_id) > (to_timestamp($2::numeric / 1000000), $3)
   order by sb.added_at, sb.book_id limit $4)sql"};

constexpr db::statement sql_waiting{"library.waiting", R"sql(
  select b.id, b.version, (extract(epoch from b.created_at) * 1000000)::bigint::text
    from visible_books($1) b
   where b.status <> 'organized' and (b.created_at, b.id) < (to_timestamp($2::numeric / 1000000), $3)
   order by b.created_at desc, b.id desc limit $4)sql"};
constexpr db::statement sql_waiting_back{"library.waiting_back", R"sql(
  select b.id, b.version, (extract(epoch from b.created_at) * 1000000)::bigint::text
    from visible_books($1) b
   where b.status <> 'organized' and (b.created_at, b.id) > (to_timestamp($2::numeric / 1000000), $3)
   order by b.created_at, b.id limit $4)sql"};

#undef CARREL_LISTED

// Keys before and after every real one. Times: the years 1 and 9999 in microseconds.
constexpr const char* before_all_times = "253402300799000000";
constexpr const char* after_all_times = "-62135596800000000";
constexpr const char* highest_count = "2147483647";
const uuid lowest_id{};
const uuid highest_id = [] {
  uuid id;
  id.bytes.fill(0xff);
  return id;
}();
const std::string highest_text = "\U0010FFFF\U0010FFFF";

enum class key_kind { time_down, text_up, text_down, number_up, number_down };

struct statements {
  const db::statement* forward;
  const db::statement* backward;
  key_kind key;
  bool sixth;          // takes $6
  bool listed = true;  // takes $5
};

statements statements_of(list::of what) {
  switch (what) {
    case list::of::newest: return {&sql_newest, &sql_newest_back, key_kind::time_down, false};
    case list::of::title: return {&sql_title, &sql_title_back, key_kind::text_up, false};
    case list::of::author: return {&sql_author, &sql_author_back, key_kind::text_up, true};
    case list::of::person: return {&sql_person, &sql_person_back, key_kind::text_up, true};
    case list::of::series: return {&sql_series, &sql_series_back, key_kind::text_up, true};
    case list::of::tag: return {&sql_tag, &sql_tag_back, key_kind::time_down, true};
    case list::of::language: return {&sql_language, &sql_language_back, key_kind::time_down, true};
    case list::of::shelf: return {&sql_shelf, &sql_shelf_back, key_kind::number_up, true};
    case list::of::shelf_newest: return {&sql_shelf_newest, &sql_shelf_newest_back, key_kind::time_down, true};
    case list::of::updated: return {&sql_updated, &sql_updated_back, key_kind::time_down, false};
    case list::of::published: return {&sql_published, &sql_published_back, key_kind::text_down, false};
    case list::of::popular: return {&sql_popular, &sql_popular_back, key_kind::number_down, false};
    case list::of::rated: return {&sql_rated, &sql_rated_back, key_kind::number_down, false};
    case list::of::label: return {&sql_label, &sql_label_back, key_kind::time_down, true};
    case list::of::waiting: return {&sql_waiting, &sql_waiting_back, key_kind::time_down, false, false};
  }
  throw std::logic_error("no such list");
}

}  // namespace

cursor list_edge(list::of what, bool beginning) {
  cursor c;
  switch (statements_of(what).key) {
    case key_kind::time_down: c.key = beginning ? before_all_times : after_all_times; break;
    case key_kind::text_up: c.key = beginning ? "" : highest_text; break;
    case key_kind::text_down: c.key = beginning ? highest_text : ""; break;
    case key_kind::number_down: c.key = beginning ? highest_count : "0"; break;
    case key_kind::number_up: c.key = beginning ? std::to_string(INT64_MIN) : std::to_string(INT64_MAX); break;
  }
  if (!beginning) c.key2 = highest_text;
  // At the beginning of a descending list every real row is smaller than the anchor, so the highest id belongs there.
  key_kind key = statements_of(what).key;
  bool down = key == key_kind::time_down || key == key_kind::text_down || key == key_kind::number_down;
  c.id = beginning == down ? highest_id : lowest_id;
  return c;
}

std::vector<list_row> read_list(db::tx& tx, const uuid& viewer, const list& l, const cursor& anchor, bool forward, int limit) {
  statements s = statements_of(l.what);
  const db::statement& sql = forward ? *s.forward : *s.backward;
  std::vector<db::param> params{db::to_param(viewer), anchor.key, db::to_param(anchor.id), db::to_param(limit)};
  if (s.listed) params.push_back(db::to_param(static_cast<int>(l.for_whom)));
  if (s.sixth) {
    if (l.what == list::of::author)
      params.emplace_back(anchor.key2);
    else if (l.what == list::of::language)
      params.emplace_back(l.language);
    else
      params.push_back(db::to_param(l.id));
  }
  std::vector<list_row> out;
  for (const db::row& r : tx.run_params(sql, params)) {
    out.push_back(
        {.id = r.id(0), .version = r.integer(1), .key = r.text(2), .key2 = l.what == list::of::author ? r.text(3) : ""});
  }
  return out;
}

bool key_is_good(list::of what, const std::string& key) {
  key_kind kind = statements_of(what).key;
  if (kind == key_kind::text_up || kind == key_kind::text_down) return true;
  std::optional<std::int64_t> n = to_integer(key);
  if (!n) return false;
  if (kind == key_kind::number_down) return *n >= 0 && *n <= std::stoll(highest_count);
  return kind == key_kind::number_up || (*n <= std::stoll(before_all_times) && *n >= std::stoll(after_all_times));
}

}  // namespace carrel::library
