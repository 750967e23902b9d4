#include "library/source_queue.hpp"

#include "server/core/clock.hpp"

namespace carrel::library {
namespace {

// Ids that grow with time keep the order in which books were asked for.
constexpr db::statement sql_add{"library.add_fetches", R"sql(
  insert into metadata_jobs (id, job_id, book_id, source, priority, created_at)
  select w.id, $1, w.book, w.source, $5, $6
    from unnest($2::uuid[], $3::uuid[], $4::text[]) as w (id, book, source)
    join books b on b.id = w.book and b.deleted_at is null
      on conflict do nothing)sql"};

constexpr db::statement sql_total{"library.fetch_total", R"sql(
  update jobs set progress_total = coalesce(progress_total, 0) + $2 where id = $1)sql"};

constexpr db::statement sql_ring{"library.ring_fetches", "select pg_notify('carrel_metadata', $1)"};

#define CARREL_BOOK_LACKS "(b.description = '' or b.cover_id is null or b.published_on = '' or b.author = '' or b.language = '')"

constexpr db::statement sql_worth{"library.worth_asking", R"sql(
  select b.approved_at is not null and not b.approved_by_rule, coalesce(b.identifiers ->> 'asin', '') <> '',
         exists (select from book_files f where f.book_id = b.id and f.duration_ms > 0)
    from books b
   where b.id = $1
     and (b.title <> '' or b.isbn_13 is not null or b.isbn_10 is not null or coalesce(b.identifiers ->> 'asin', '') <> '')
     and (b.approved_at is null or b.approved_by_rule or )sql" CARREL_BOOK_LACKS ")"};

constexpr db::statement sql_missing{"library.books_missing_metadata", R"sql(
  select b.id from books b
   where b.deleted_at is null and )sql" CARREL_BOOK_LACKS R"sql(
     and not exists (select from metadata_jobs m where m.book_id = b.id and m.done_at is null)
     and not exists (select from book_metadata_candidates c
                      where c.book_id = b.id and c.query_kind <> '' and c.fetched_at > $1)
   order by b.created_at desc, b.id desc
   limit $2)sql"};

constexpr std::chrono::hours not_again_within = std::chrono::days(7);

}  // namespace

void add_fetches(db::tx& tx, const std::optional<uuid>& job, const std::vector<uuid>& books,
                 const std::vector<std::string>& sources, urgency how) {
  std::vector<uuid> ids, of;
  std::vector<std::string> from;
  for (const uuid& book : books) {
    for (const std::string& s : sources) {
      ids.push_back(uuid::make());
      of.push_back(book);
      from.push_back(s);
    }
  }
  std::size_t added = tx.run(sql_add, job, ids, of, from, static_cast<int>(how), now()).affected();
  if (added == 0) return;
  if (job) tx.run(sql_total, *job, static_cast<std::int64_t>(added));
  tx.run(sql_ring, job ? "" : came_in_word);
}

bool concerns(std::string_view source, bool audio, bool has_asin) {
  if (source == "audnexus") return audio && has_asin;
  return source != "open_library" || !audio;
}

// What waits in the inbox comes before what is in the library already, however much of that came in at once.
void fetch_after_import(db::tx& tx, const config& c, const uuid& book) {
  if (!sources_enabled(tx, c)) return;
  db::rows worth = tx.run(sql_worth, book);
  if (worth.empty()) return;
  bool settled = worth[0].flag(0), has_asin = worth[0].flag(1), audio = worth[0].flag(2);
  std::vector<std::string> asked = read_plan(tx, c).asked();
  std::erase_if(asked, [&](const std::string& source) { return !concerns(source, audio, has_asin); });
  if (!asked.empty()) add_fetches(tx, std::nullopt, {book}, asked, settled ? urgency::whole_library : urgency::came_in);
}

std::vector<uuid> books_missing_metadata(db::tx& tx, int most) {
  std::vector<uuid> out;
  db::rows rows = tx.run(sql_missing, now() - not_again_within, most);
  for (const db::row& r : rows) out.push_back(r.id(0));
  return out;
}

}  // namespace carrel::library
