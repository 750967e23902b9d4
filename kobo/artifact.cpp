#include "kobo/artifact.hpp"

#include "library/book.hpp"
#include "library/revision.hpp"
#include "server/core/digest.hpp"
#include "server/core/json.hpp"

namespace carrel::kobo {
namespace {

// Of each size limit and style that some Kobo has, the file that it gets of each book on a shelf for Kobos. As it is a file needs
// nothing. Given: styles, and how conversions of each are made.
#define CARREL_WANTED                                                                                                        \
  "select distinct f.id, w.style"                                                                                            \
  "  from (select distinct sb.book_id, coalesce((d.settings -> 'kobo' ->> 'largest')::bigint, 0) as largest,"                \
  "               kobo_style(d.settings) as style"                                                                           \
  "          from devices d join feeding_shelves fs on fs.device_id = d.id join shelf_books sb on sb.shelf_id = fs.shelf_id" \
  "         where d.kind = 'kobo' and d.revoked_at is null) w"                                                               \
  "  join unnest($1::text[], $2::text[]) h (style, how) on h.style = w.style"                                                \
  "  join books b on b.id = w.book_id and b.status = 'organized' and b.deleted_at is null"                                   \
  " cross join lateral kobo_file_of(w.book_id, w.largest, w.style) k"                                                        \
  "  join book_files f on f.id = k.id"                                                                                       \
  "  left join kobo_styled s on s.file_id = f.id and s.style = w.style"                                                      \
  " cross join lateral (select case w.style when '' then f.kobo_as else s.kobo_as end as made,"                              \
  "                            case w.style when '' then f.kobo_how else s.kobo_how end as how,"                             \
  "                            case w.style when '' then f.kobo_version else s.kobo_version end as version) m"               \
  " where f.missing_since is null and (m.made is null or m.how <> h.how"
constexpr db::statement sql_undecided{"kobo.undecided_files", CARREL_WANTED ") order by f.id desc, w.style"};
constexpr db::statement sql_renewed{
    "kobo.renewed_files",
    CARREL_WANTED " or (m.version is distinct from b.version and not kobo_holds(b.entitlement))) order by f.id desc, w.style"};
#undef CARREL_WANTED

constexpr db::statement sql_files{"kobo.wanted_files", R"sql(
  select f.id, f.book_id, f.original_name, f.storage_path, f.checksum, f.is_kepub, m.made, coalesce(a.options, ''), b.version,
         kobo_holds(b.entitlement), w.style
    from unnest($1::uuid[], $2::text[]) w (id, style)
    join book_files f on f.id = w.id
    join books b on b.id = f.book_id
    left join kobo_styled s on s.file_id = f.id and s.style = w.style
   cross join lateral (select case w.style when '' then f.kobo_as else s.kobo_as end as made) m
    left join kobo_artifacts a on a.id = m.made
   where f.storage_path is not null)sql"};

constexpr db::statement sql_held{"kobo.is_held", "select kobo_holds(entitlement) from books where id = $1"};

constexpr db::statement sql_find{"kobo.find_artifact", R"sql(
  select id, source, version, options, checksum, file_size from kobo_artifacts
   where source = $1 and options = $2 and (id = $3 or version = $4)
   order by id is not distinct from $3 desc, made_at desc limit 1)sql"};
constexpr db::statement sql_named{"kobo.artifact_named", R"sql(
  select a.id, a.source, a.version, a.options, a.checksum, a.file_size, f.storage_path, f.original_name
    from kobo_artifacts a join book_files f on f.id = a.file_id and f.checksum = a.source
   where a.file_id = $1 and a.koreader_md5 = $2
   order by a.made_at desc limit 1)sql"};
constexpr db::statement sql_add{"kobo.add_artifact", R"sql(
  insert into kobo_artifacts (id, file_id, source, version, options, file_size, checksum, koreader_md5, spans, span_map, warnings)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb)
      on conflict (source, version, options, checksum) do update set made_at = now(), file_id = excluded.file_id
  returning id)sql"};
constexpr db::statement sql_decide{"kobo.decide", R"sql(
  with f as (select id, book_id, kobo_as from book_files where id = $1 and checksum = $2 for update),
       -- It may have been made for another book, whose file this was before.
       own as (update kobo_artifacts a set file_id = f.id from f where a.id = $3 and a.file_id <> f.id),
       noted as (update book_files t set kobo_as = $3, kobo_how = $4, kobo_kept = $5, kobo_version = $6, updated_at = clock_timestamp() from f where t.id = f.id)
  update books b
     set kobo_ready = b.kobo_ready or coalesce(b.kobo_file = f.id, false), version = b.version + c.otherwise,
         kobo_file_version = case when c.otherwise = 1 then b.version + 1 else b.kobo_file_version end,
         updated_at = case when c.otherwise = 1 then greatest(clock_timestamp(), b.updated_at) else b.updated_at end
    from f cross join lateral (
           select case when f.kobo_as <> $3 and coalesce((select checksum from kobo_artifacts where id = f.kobo_as), $2) <>
                            coalesce((select checksum from kobo_artifacts where id = $3), $2) then 1 else 0 end as otherwise) c
   where b.id = f.book_id
  returning c.otherwise = 1)sql"};
// The same for Kobos of a style: the book's own columns are those of the others.
constexpr db::statement sql_decide_styled{"kobo.decide_styled", R"sql(
  with f as (select id, book_id from book_files where id = $1 and checksum = $2 for update),
       own as (update kobo_artifacts a set file_id = f.id from f where a.id = $3 and a.file_id <> f.id),
       c as (select f.id, f.book_id, case when s.kobo_as <> $3 and coalesce((select checksum from kobo_artifacts where id = s.kobo_as), $2) <>
                                         coalesce((select checksum from kobo_artifacts where id = $3), $2) then 1 else 0 end as otherwise
               from f left join kobo_styled s on s.file_id = f.id and s.style = $7),
       book as (
         update books b set version = b.version + c.otherwise,
                updated_at = case when c.otherwise = 1 then greatest(clock_timestamp(), b.updated_at) else b.updated_at end
           from c where b.id = c.book_id returning b.version, c.id, c.otherwise)
  insert into kobo_styled as t (file_id, style, kobo_as, kobo_how, kobo_kept, kobo_version, file_version)
  select k.id, $7, $3, $4, $5, $6, case when k.otherwise = 1 then k.version else 0 end from book k
      on conflict (file_id, style) do update
     set kobo_as = excluded.kobo_as, kobo_how = excluded.kobo_how, kobo_kept = excluded.kobo_kept, kobo_version = excluded.kobo_version,
         file_version = greatest(t.file_version, excluded.file_version)
  returning file_version > 0 and file_version = (select version from book where otherwise = 1))sql"};
constexpr db::statement sql_count_styled{"kobo.count_styled", "analyze kobo_styled"};
constexpr db::statement sql_tell{"kobo.tell_devices", "update kobo_news set number = number + 1"};
constexpr db::statement sql_in_demand{"kobo.artifacts_in_demand", R"sql(
  select a.id, a.source, a.version, a.options, a.checksum, a.file_size
    from kobo_artifacts a
    join (select book_id, kobo_as from book_files where kobo_as is not null
           union select o.book_id, s.kobo_as from kobo_styled s join book_files o on o.id = s.file_id) f on f.kobo_as = a.id
    join books b on b.id = f.book_id
   where exists (select from kobo_ledger l left join kobo_signals s on s.kobo_id = l.kobo_id and s.id = l.id
                  where l.kobo_id in (select id from kobo_devices) and l.subject = 1 and l.id = b.entitlement
                    and l.removal_delivered_at is null and (s.download_done_at is null or s.download_done_at < l.since_at)))sql"};
constexpr db::statement sql_again{"kobo.decide_again", R"sql(
  with styled as (update kobo_styled set kobo_how = '' where file_id = $1)
  update book_files set kobo_how = '' where id = $1)sql"};
constexpr db::statement sql_all_again{"kobo.decide_all_again", R"sql(
  with styled as (
    update kobo_styled s set kobo_how = '' from kobo_artifacts a
     where a.id = s.kobo_as and a.checksum <> a.source and a.version = $1)
  update book_files f set kobo_how = '' from kobo_artifacts a
   where a.id = f.kobo_as and a.checksum <> a.source and a.version = $1)sql"};
constexpr db::statement sql_other_versions{"kobo.artifacts_of_other_versions", R"sql(
  select id, source, version, options, checksum, file_size from kobo_artifacts where version <> $1 and checksum <> source)sql"};
constexpr db::statement sql_count{"kobo.count_artifacts", "select count(*) from kobo_artifacts where checksum <> source"};
constexpr db::statement sql_delivered{"kobo.note_delivered_artifact", R"sql(
  insert into kobo_delivered (device_id, entitlement, artifact_id) select $1, $2, id from kobo_artifacts where id = $3
      on conflict (device_id, entitlement) do update set artifact_id = excluded.artifact_id)sql"};
constexpr db::statement sql_delivered_as_is{"kobo.note_delivered_as_is", R"sql(
  delete from kobo_delivered where device_id = $1 and entitlement = $2)sql"};
constexpr db::statement sql_ring{"kobo.look_for_wanted", "select look_for_wanted_books()"};

constexpr std::string_view metadata_mark = " metadata=";

artifact artifact_from(const db::row& r) {
  return {.id = r.id(0),
          .source = r.text(1),
          .version = static_cast<int>(r.integer(2)),
          .form = r.text(3),
          .checksum = r.text(4),
          .size = r.integer(5)};
}

}  // namespace

std::string conversion::form() const {
  using publication::kepub::hyphens;
  const char* hyphenation = options.hyphenation == hyphens::on ? "on" : options.hyphenation == hyphens::never ? "never" : "off";
  std::string out = std::string("hyphenation=") + hyphenation + " title_page=" + (options.title_page ? "auto" : "off");
  if (options.smart_punctuation) out += " smart_punctuation";
  if (options.fullscreen_fix) out += " fullscreen_fix";
  if (!options.css.empty()) out += " css=" + sha256_hex(options.css);
  if (!options.metadata.empty()) out += std::string(metadata_mark) + sha256_hex(options.metadata);
  return out;
}

namespace {

constexpr std::string_view hyphenated = "hyphenation=";

// All for which something is converted.
const std::vector<std::string>& styles() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> out;
    for (const char* kepub : {"", "kepub"}) {
      out.emplace_back(kepub);
      for (const char* hyphenation : {"on", "off", "never"})
        out.push_back(std::string(kepub) + (*kepub == '\0' ? "" : " ") + std::string(hyphenated) + hyphenation);
    }
    return out;
  }();
  return all;
}

}  // namespace

conversion conversion::styled(std::string_view style) const {
  using publication::kepub::hyphens;
  conversion out = *this;
  if (style.starts_with("kepub")) out.enabled = true;
  std::size_t at = style.find(hyphenated);
  if (at == style.npos) return out;
  std::string_view word = style.substr(at + hyphenated.size());
  out.options.hyphenation = word == "on" ? hyphens::on : word == "never" ? hyphens::never : hyphens::as_book;
  return out;
}

std::string metadata_digest(std::string_view form) {
  std::size_t at = form.find(metadata_mark);
  return at == form.npos ? std::string() : std::string(form.substr(at + metadata_mark.size()));
}

std::string conversion::how() const {
  if (!enabled && !with_metadata) return "off";
  return (enabled ? form() + " max_size=" + std::to_string(options.max_size) : "off") + (with_metadata ? " with_metadata" : "");
}

std::optional<publication::kepub::options> conversion::options_of(const std::string& other_form) const {
  using publication::kepub::hyphens;
  conversion out{.enabled = enabled, .with_metadata = with_metadata, .options = options};
  std::string_view plain = std::string_view(other_form).substr(0, other_form.find(metadata_mark));
  for (hyphens hyphenation : {hyphens::as_book, hyphens::on, hyphens::never}) {
    for (int rest = 0; rest < 16; ++rest) {  // what a form is made of, tried one by one
      out.options.hyphenation = hyphenation;
      out.options.title_page = (rest & 1) == 0;
      out.options.smart_punctuation = (rest & 2) != 0;
      out.options.fullscreen_fix = (rest & 4) != 0;
      out.options.css = (rest & 8) != 0 ? options.css : "";
      if (out.form() == plain) return out.options;
    }
  }
  return std::nullopt;
}

conversion conversion_from(const config& c) {
  return {.enabled = c.on("kepub.enabled"),
          .with_metadata = c.on("deliver.metadata"),
          .options = publication::kepub::options_from(c)};
}

std::filesystem::path artifact_path(const library::store& s, const artifact& a) {
  std::string key = sha256_hex(a.source + "\n" + std::to_string(a.version) + "\n" + a.form);
  return s.cache() / "kepub" / key.substr(0, 2) / (key + ".kepub.epub");
}

std::vector<wanted_id> undecided_files(db::tx& tx, const conversion& usual, bool renewed) {
  std::vector<std::string> hows;
  for (const std::string& style : styles()) hows.push_back(usual.styled(style).how());
  std::vector<wanted_id> out;
  for (const db::row& r : tx.run(renewed ? sql_renewed : sql_undecided, styles(), hows)) out.push_back({r.id(0), r.text(1)});
  return out;
}

std::vector<wanted_file> wanted_files(db::tx& tx, const std::vector<wanted_id>& wanted) {
  std::vector<uuid> files;
  std::vector<std::string> of_style;
  for (const wanted_id& w : wanted) {
    files.push_back(w.file);
    of_style.push_back(w.style);
  }
  std::vector<wanted_file> out;
  for (const db::row& r : tx.run(sql_files, files, of_style)) {
    out.push_back({.id = r.id(0),
                   .book = r.id(1),
                   .style = r.text(10),
                   .name = r.text(2),
                   .storage_path = r.text(3),
                   .checksum = r.text(4),
                   .is_kepub = r.flag(5),
                   .current = r.maybe_id(6),
                   .form = r.text(7),
                   .version = r.integer(8),
                   .held = r.flag(9)});
  }
  return out;
}

bool is_held(db::tx& tx, const uuid& book) {
  db::rows rows = tx.run(sql_held, book);
  return !rows.empty() && rows[0].flag(0);
}

std::optional<artifact> find_artifact(db::tx& tx, const wanted_file& f, const std::string& form) {
  db::rows rows = tx.run(sql_find, f.checksum, form, f.current, publication::kepub::version);
  return rows.empty() ? std::nullopt : std::optional(artifact_from(rows[0]));
}

std::optional<artifact_of_file> find_artifact_named(db::tx& tx, const uuid& file, const std::string& koreader_md5) {
  db::rows rows = tx.run(sql_named, file, koreader_md5);
  if (rows.empty()) return std::nullopt;
  return artifact_of_file{.is = artifact_from(rows[0]), .storage_path = rows[0].text(6), .name = rows[0].text(7)};
}

uuid add_artifact(db::tx& tx, const wanted_file& f, const new_artifact& made) {
  json::array warnings;
  for (const publication::warning& w : made.warnings) warnings.push_back(json::object{{"code", w.code}, {"detail", w.detail}});
  const artifact& a = made.is;
  db::rows rows = tx.run(sql_add, uuid::make(), f.id, a.source, a.version, a.form, a.size, a.checksum, made.koreader_md5,
                         static_cast<std::int64_t>(made.spans), db::bytes{made.span_map}, json::dump(warnings));
  if (!a.is_source()) {
    library::remember_hash(tx, f.book, f.id, "sha256", a.checksum, "kepub");
    library::remember_hash(tx, f.book, f.id, "full", made.md5, "kepub");
    library::remember_hash(tx, f.book, f.id, "partial", made.koreader_md5, "kepub");
  }
  return rows[0].id(0);
}

bool decide(db::tx& tx, const wanted_file& f, const std::optional<uuid>& artifact, const std::string& how,
            const std::string& kept) {
  db::rows rows = f.style.empty()
                      ? tx.run(sql_decide, f.id, f.checksum, artifact.value_or(f.id), how, kept, f.version)
                      : tx.run(sql_decide_styled, f.id, f.checksum, artifact.value_or(f.id), how, kept, f.version, f.style);
  bool changed = !rows.empty() && !rows[0].is_null(0) && rows[0].flag(0);
  if (changed) library::bump_revision(tx);
  return changed;
}

void count_styled(db::tx& tx) { tx.run(sql_count_styled); }

void tell_devices(db::tx& tx) { tx.run(sql_tell); }

namespace {

std::vector<artifact> artifacts_in(const db::rows& rows) {
  std::vector<artifact> out;
  for (const db::row& r : rows) out.push_back(artifact_from(r));
  return out;
}

}  // namespace

std::vector<artifact> artifacts_in_demand(db::tx& tx) { return artifacts_in(tx.run(sql_in_demand)); }

std::vector<artifact> artifacts_of_other_versions(db::tx& tx) {
  return artifacts_in(tx.run(sql_other_versions, publication::kepub::version));
}

void decide_again(db::tx& tx, const uuid& file) {
  tx.run(sql_again, file);
  look_for_wanted(tx);
}

int decide_all_again(db::tx& tx) {
  auto files = static_cast<int>(tx.run(sql_all_again, publication::kepub::version).affected());
  look_for_wanted(tx);
  return files;
}

std::int64_t count_artifacts(db::tx& tx) { return tx.run(sql_count)[0].integer(0); }

void note_delivered(db::tx& tx, const uuid& device, const uuid& entitlement, const std::optional<uuid>& artifact) {
  if (artifact)
    tx.run(sql_delivered, device, entitlement, *artifact);
  else
    tx.run(sql_delivered_as_is, device, entitlement);
}

void look_for_wanted(db::tx& tx) { tx.run(sql_ring); }

}  // namespace carrel::kobo
