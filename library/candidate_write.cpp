#include "library/candidate_write.hpp"

#include "library/storable.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_store{"library.store_candidate", R"sql(
  insert into book_metadata_candidates (id, book_id, source, source_key, provider_key, query_kind, raw_response, normalized, confidence,
                                        score_detail, fetched_at)
  values ($1, $2, $3, $4, $4, $5, $6::jsonb, $7::jsonb, $8, $9::jsonb, $10)
      on conflict (book_id, source, source_key) do update
     set query_kind = excluded.query_kind, raw_response = excluded.raw_response, normalized = excluded.normalized,
         confidence = excluded.confidence, score_detail = excluded.score_detail, fetched_at = excluded.fetched_at,
         cover_tried = case when book_metadata_candidates.normalized -> 'cover' = excluded.normalized -> 'cover'
                            then book_metadata_candidates.cover_tried else 0 end,
         status = case when book_metadata_candidates.status = 'superseded' then 'new' else book_metadata_candidates.status end)sql"};

constexpr db::statement sql_supersede{"library.supersede_candidates", R"sql(
  update book_metadata_candidates set status = 'superseded'
   where book_id = $1 and source = $2 and status = 'new' and source_key <> all ($3::text[]))sql"};

constexpr db::statement sql_pictureless{"library.candidates_without_picture", R"sql(
  select c.id, c.source_key, c.cover_tried, b.cover_id is not null
    from book_metadata_candidates c join books b on b.id = c.book_id
   where c.book_id = $1 and c.source = $2 and c.status <> 'superseded' and c.cover_id is null and c.confidence >= $3
     and c.normalized ? 'cover'
   order by c.confidence desc, c.id limit $4)sql"};

// A row that is there already is touched, so that the sweep, which looks for covers that nobody uses, waits for this one.
constexpr db::statement sql_keep_cover{"library.keep_cover", R"sql(
  insert into covers (id, sha256, mime, width, height, bytes, source, storage_path)
  values ($1, $2, $3, $4, $5, $6, $7, $8)
      on conflict (sha256) do update set created_at = covers.created_at
  returning id)sql"};
constexpr db::statement sql_use_picture{"library.use_candidate_picture", R"sql(
  update book_metadata_candidates set cover_id = $2, cover_note = $3 where id = $1)sql"};
constexpr db::statement sql_refuse_picture{"library.refuse_candidate_picture", R"sql(
  update book_metadata_candidates set cover_tried = $2, cover_note = $3 where id = $1)sql"};

}  // namespace

void store_candidates(db::tx& tx, const uuid& book, const std::string& source, const std::vector<found_candidate>& all) {
  std::vector<std::string> keys;
  instant at = now();
  for (const found_candidate& c : all) {
    std::optional<std::string> raw;
    if (!c.raw.is_null()) raw = jsonb_text(c.raw);
    tx.run(sql_store, uuid::make(), book, source, c.provider_key, c.query_kind, raw, jsonb_text(json::value(c.normalized)),
           c.confidence, jsonb_text(json::value(c.score_detail)), at);
    keys.push_back(c.provider_key);
  }
  tx.run(sql_supersede, book, source, keys);
}

std::vector<pictureless> candidates_without_picture(db::tx& tx, const uuid& book, const std::string& source,
                                                    double least_confidence, int most) {
  std::vector<pictureless> out;
  db::rows rows = tx.run(sql_pictureless, book, source, least_confidence, most);
  for (const db::row& r : rows) {
    out.push_back(
        {.id = r.id(0), .provider_key = r.text(1), .tried = static_cast<int>(r.integer(2)), .book_has_cover = r.flag(3)});
  }
  return out;
}

void keep_candidate_picture(db::tx& tx, const uuid& candidate, const new_cover& c, const std::string& note) {
  uuid cover =
      tx.run(sql_keep_cover, uuid::make(), c.sha256, c.mime, c.width, c.height, c.bytes, c.source, c.storage_path)[0].id(0);
  tx.run(sql_use_picture, candidate, cover, note);
}

void refuse_candidate_picture(db::tx& tx, const uuid& candidate, int tried, const std::string& note) {
  tx.run(sql_refuse_picture, candidate, tried, storable_note(note, 200));
}

}  // namespace carrel::library
