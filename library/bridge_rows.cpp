#include "library/bridge_rows.hpp"

#include <algorithm>

#include "library/app_place.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_book{"library.bridge_book", R"sql(
  select b.id, b.entitlement, coalesce(b.page_count, 0), a.span_map,
         p.spine_index, p.href, p.nw, p.item_fraction, p.total_fraction, p.context_before, p.context_after, p.quality, p.document, p.at,
         p.revision
    from books b
    left join book_files f on f.id = b.kobo_file
    left join kobo_artifacts a on a.id = coalesce(b.kobo_spans, f.kobo_as) and a.source = f.checksum
    left join book_positions p on p.user_id = $1 and p.book_id = b.id
   where b.id = $2)sql"};
constexpr db::statement sql_book_of{"library.bridge_book_of_document",
                                    "select book_id from documents where user_id = $1 and document = $2 and book_id is not null"};
constexpr db::statement sql_book_of_file{"library.bridge_book_of_file", "select book_id from book_files where id = $1"};

// A fingerprint says which bytes the client has; a name, or a person's word, only which book.
constexpr db::statement sql_documents{"library.bridge_documents", R"sql(
  select d.document, p.progress, coalesce(p.raw_payload::text, ''), p.device, p.device_key, p.origin, p.device_id, p.percentage,
         p.revision, p.timestamp, p.history_id, coalesce(a.modified, h.created_at, p.updated_at), f.id, coalesce(f.format, ''),
         coalesce(f.storage_path, ''), coalesce(f.original_name, ''), coalesce(f.checksum, ''), coalesce(k.variant, ''),
         (select x.created_at from reading_progress_history x
           where x.user_id = d.user_id and x.document = d.document and (x.created_at, x.id) < (h.created_at, h.id) and x.device_key not like 'b:%'
           order by x.created_at desc, x.id desc limit 1)
    from documents d
    join reading_progress p on p.user_id = d.user_id and p.document = d.document
    left join reading_progress_history h on h.id = p.history_id
    left join app_places a on a.user_id = d.user_id and a.document = d.document and a.revision = p.revision
    left join lateral (select x.file_id, x.variant from book_file_hashes x
                        where x.hash = d.document and x.kind in ('partial', 'full', 'sha256') and x.book_id = d.book_id limit 1) k on true
    left join lateral (select e.id from book_files e
                        where e.book_id = d.book_id and e.format in ('epub', 'kepub') and e.drm = '' and e.storage_path is not null
                        order by e.rank, e.id limit 1) usual on true
    left join book_files f on f.id = coalesce(k.file_id, d.file_id, usual.id) and f.storage_path is not null
   where d.user_id = $1 and d.book_id = $2
   order by d.document)sql"};

// The columns of sql_documents, of a file as it is, or of its copy with other metadata: the last one that was downloaded, or the
// one that is named.
constexpr db::statement sql_unread{"library.bridge_unread_document", R"sql(
  with fetched as (
    select $3::uuid as file_id, nullif($4::text, '') as checksum where $3::uuid is not null
    union all
    (select x.file_id, x.checksum
       from downloads x left join devices d on d.id = x.device_id
      where x.user_id = $1 and x.book_id = $2 and d.kind is distinct from 'kobo' and $3::uuid is null
      order by x.at desc limit 1))
  select h.hash, '', '', '', '', '', null, -1::double precision, 0::bigint, 0::bigint, null, timestamptz 'epoch',
         f.id, f.format, f.storage_path, f.original_name, f.checksum, h.variant, null::timestamptz
    from fetched w
    join book_files f on f.id = w.file_id and f.book_id = $2 and f.storage_path is not null
    left join delivered_copies c on c.file_id = f.id and c.source = f.checksum and c.checksum = w.checksum
    join book_file_hashes h on h.file_id = f.id and h.kind = 'partial'
     and case when c.id is not null then h.variant = 'served' and h.hash = c.koreader_md5
              else h.variant = 'original' and coalesce(w.checksum, f.checksum) = f.checksum end
   where not exists (select from reading_progress p where p.user_id = $1 and p.document = h.hash)
   order by h.first_seen_at desc limit 1)sql"};

constexpr db::statement sql_map{"library.map_of_artifact", "select span_map from kobo_artifacts where id = $1"};
constexpr db::statement sql_lock{"library.bridge_lock", R"sql(
  select from documents where user_id = $1 and document = any ($2::text[]) order by document for no key update)sql"};

constexpr db::statement sql_store{"library.store_book_position", R"sql(
  insert into book_positions as p (user_id, book_id, spine_index, href, nw, item_fraction, total_fraction, context_before,
                                   context_after, quality, document, device, origin, at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
      on conflict (user_id, book_id) do update
     set revision = p.revision + 1, spine_index = excluded.spine_index, href = excluded.href, nw = excluded.nw,
         item_fraction = excluded.item_fraction, total_fraction = excluded.total_fraction, context_before = excluded.context_before,
         context_after = excluded.context_after, quality = excluded.quality, document = excluded.document, device = excluded.device,
         origin = excluded.origin, at = excluded.at)sql"};

constexpr db::statement sql_bridged{"library.note_bridged", R"sql(
  with quality as (update reading_progress_history set quality = $5 where id = $4)
  insert into bridged_documents (user_id, document, revision, away) values ($1, $2, $3, $6)
      on conflict (user_id, document) do update set revision = excluded.revision, away = excluded.away)sql"};

constexpr db::statement sql_unbridged{"library.unbridged_documents", R"sql(
  select d.user_id, d.document
    from documents d
    join reading_progress p on p.user_id = d.user_id and p.document = d.document
   where d.book_id is not null and p.device_key not like 'b:%'
     and not exists (select from bridged_documents b
                      where b.user_id = d.user_id and b.document = d.document and b.revision = p.revision
                        and not exists (select from book_files f
                                         where f.id = b.away and f.storage_path is not null and f.missing_since is null))
   order by exists (select from bridged_documents b where b.user_id = d.user_id and b.document = d.document and b.revision = p.revision)
   limit $1)sql"};

constexpr db::statement sql_measure{"library.book_measure", "select measure from book_measures where checksum = $1"};
constexpr db::statement sql_measured{"library.store_book_measure", R"sql(
  insert into book_measures (checksum, file_id, measure) values ($1, $2, $3) on conflict do nothing)sql"};

constexpr std::chrono::minutes meant{10};  // who says the beginning again after that means it (kosync.md 11.7)

linked_document document_from(const db::row& r) {
  linked_document d{.document = r.text(0),
                    .progress = r.text(1),
                    .payload = r.text(2),
                    .device = r.text(3),
                    .device_key = r.text(4),
                    .origin = r.text(5),
                    .device_id = r.maybe_text(6),
                    .percentage = r.real(7),
                    .revision = r.integer(8),
                    .timestamp = r.integer(9),
                    .history = r.maybe_id(10),
                    .at = r.at(11),
                    .file = r.maybe_id(12),
                    .format = r.text(13),
                    .storage_path = r.text(14),
                    .name = r.text(15),
                    .checksum = r.text(16),
                    .variant = r.text(17),
                    .before = r.maybe_at(18)};
  // An app's time is its own, and not that of its arrival.
  d.said_twice = !is_app_document(d.document) && instant(std::chrono::seconds(d.timestamp)) - d.at >= meant;
  return d;
}

known_place place_from(const db::row& r) {
  publication::locator::position at{.spine_index = static_cast<std::size_t>(r.integer(4)),
                                    .href = r.text(5),
                                    .nw_offset = static_cast<std::uint64_t>(r.integer(6)),
                                    .item_fraction = r.real(7),
                                    .total_fraction = r.real(8),
                                    .before = r.text(9),
                                    .after = r.text(10),
                                    .how = publication::locator::quality_named(r.view(11)).value()};
  return {.at = std::move(at), .document = r.text(12), .since = r.at(13)};
}

}  // namespace

const linked_document* linked_book::find(const std::string& document) const {
  auto at = std::find_if(documents.begin(), documents.end(), [&](const linked_document& d) { return d.document == document; });
  return at == documents.end() ? nullptr : &*at;
}

namespace {

// Nothing when it went in between.
std::optional<linked_book> load_book(db::tx& tx, const uuid& user, const uuid& book) {
  db::rows rows = tx.run(sql_book, user, book);
  if (rows.empty()) return std::nullopt;
  const db::row& r = rows[0];
  linked_book out{.user = user, .book = r.id(0), .entitlement = r.id(1), .documents = {}, .place = {}, .kobo = {}};
  out.pages = static_cast<int>(r.integer(2));
  if (!r.is_null(3)) out.kobo = publication::kepub::span_map::unpack(r.raw(3));
  if (!r.is_null(4)) {
    out.place = place_from(r);
    out.revision = r.integer(14);
  }
  for (const db::row& d : tx.run(sql_documents, user, out.book)) out.documents.push_back(document_from(d));
  return out;
}

void add_unread(db::tx& tx, linked_book& book, const std::optional<uuid>& file, const std::string& copy) {
  for (const db::row& d : tx.run(sql_unread, book.user, book.book, file, copy)) book.documents.push_back(document_from(d));
}

}  // namespace

std::optional<linked_book> load_linked(db::tx& tx, const uuid& user, const std::string& document) {
  db::rows rows = tx.run(sql_book_of, user, document);
  if (rows.empty()) return std::nullopt;
  std::optional<linked_book> out = load_book(tx, user, rows[0].id(0));
  if (out) add_unread(tx, *out, std::nullopt, "");
  return out;
}

std::optional<fetched_file> load_fetched(db::tx& tx, const uuid& user, const uuid& file, const std::string& copy) {
  db::rows rows = tx.run(sql_book_of_file, file);
  if (rows.empty()) return std::nullopt;
  std::optional<linked_book> book = load_book(tx, user, rows[0].id(0));
  if (!book) return std::nullopt;
  std::size_t named = book->documents.size();
  add_unread(tx, *book, file, copy);
  if (book->documents.size() == named) return std::nullopt;
  std::string document = book->documents.back().document;
  return fetched_file{.book = std::move(*book), .document = std::move(document)};
}

std::optional<publication::kepub::span_map> map_of_artifact(db::tx& tx, const uuid& artifact) {
  db::rows rows = tx.run(sql_map, artifact);
  return rows.empty() ? std::nullopt : publication::kepub::span_map::unpack(rows[0].raw(0));
}

std::optional<linked_book> lock_linked(db::tx& tx, const uuid& user, const std::string& document,
                                       const std::vector<std::string>& targets) {
  tx.run(sql_lock, user, targets);
  return load_linked(tx, user, document);
}

void store_place(db::tx& tx, const uuid& user, const uuid& book, const known_place& k, const linked_document& heard) {
  const publication::locator::position& p = k.at;
  tx.run(sql_store, user, book, static_cast<int>(p.spine_index), p.href, static_cast<std::int64_t>(p.nw_offset), p.item_fraction,
         p.total_fraction, p.before, p.after, publication::locator::to_string(p.how), heard.document, heard.device, heard.origin,
         k.since);
}

void note_bridged(db::tx& tx, const uuid& user, const linked_document& d, publication::locator::quality how,
                  const std::optional<uuid>& away) {
  tx.run(sql_bridged, user, d.document, d.revision, d.history, publication::locator::to_string(how), away);
}

std::vector<unbridged> unbridged_documents(db::tx& tx, int most) {
  std::vector<unbridged> out;
  for (const db::row& r : tx.run(sql_unbridged, most)) out.push_back({r.id(0), r.text(1)});
  return out;
}

std::string measure_of(db::tx& tx, const std::string& checksum) {
  db::rows rows = tx.run(sql_measure, checksum);
  return rows.empty() ? "" : rows[0].raw(0);
}

void store_measure(db::tx& tx, const std::string& checksum, const uuid& file, const std::string& packed) {
  tx.run(sql_measured, checksum, file, db::bytes{packed});
}

}  // namespace carrel::library
