// What other servers say of a book: asking them, and what they said (metadata-providers.md 8).

#include "library/book.hpp"
#include "server/jobs/queue.hpp"
#include "web/api/call.hpp"
#include "web/asking.hpp"

namespace carrel::web {
namespace {

constexpr db::statement sql_candidates{"web.candidates", R"sql(
  select c.id, c.source, c.source_key, c.query_kind, c.confidence::float8, c.status, c.normalized::text, c.score_detail::text,
         c.selected_fields, c.cover_id is not null, c.cover_note, c.fetched_at
    from book_metadata_candidates c
   where c.book_id = $1
   order by c.confidence desc, c.source, c.id
   limit 200)sql"};

constexpr db::statement sql_cover{"web.candidate_cover", R"sql(
  select v.id, v.sha256, v.storage_path, v.width, v.height
    from book_metadata_candidates c
    join visible_books($1) b on b.id = c.book_id
    join covers v on v.id = c.cover_id
   where c.id = $3 and c.book_id = $2)sql"};

std::optional<json::object> ask_sources(db::tx& tx, const config& c, uuid book, const std::string& title, uuid user) {
  std::optional<uuid> job = ask_about(tx, c, book, title, user);
  std::optional<jobs::job> made = job ? jobs::find_job(tx, *job) : std::nullopt;
  return made ? std::optional(jobs::to_json(*made)) : std::nullopt;
}

json::value json_of(std::string_view text) {
  auto parsed = json::parse(text);
  return parsed ? std::move(*parsed) : json::value();
}

json::object candidate_from(const db::row& r, const std::string& base) {
  json::object out;
  out.set("id", r.id(0)).set("source", r.text(1)).set("provider_key", r.text(2));
  out.set("query_kind", r.text(3).empty() ? json::value() : json::value(r.text(3)));
  out.set("confidence", r.real(4))
      .set("status", r.text(5))
      .set("normalized", json_of(r.view(6)))
      .set("score_detail", json_of(r.view(7)));
  out.set("selected_fields", r.texts(8));
  out.set("cover", r.flag(9) ? json::value(base + "/" + r.id(0).text() + "/cover") : json::value());
  out.set("cover_note", r.text(10).empty() ? json::value() : json::value(r.text(10))).set("fetched_at", r.at(11));
  return out;
}

json::array candidates(db::tx& tx, uuid book, const std::string& base) {
  json::array out;
  db::rows rows = tx.run(sql_candidates, book);
  for (const db::row& r : rows) out.emplace_back(candidate_from(r, base));
  return out;
}

std::optional<library::cover_ref> find_picture(db::tx& tx, uuid viewer, uuid book, uuid candidate) {
  db::rows rows = tx.run(sql_cover, viewer, book, candidate);
  if (rows.empty()) return std::nullopt;
  const db::row& r = rows[0];
  return library::cover_ref{.id = r.id(0),
                            .sha256 = r.text(1),
                            .storage_path = r.text(2),
                            .width = static_cast<int>(r.integer(3)),
                            .height = static_cast<int>(r.integer(4))};
}

task<library::book> book_of(const site& at, const caller& who, uuid id) {
  std::optional<library::book> book = co_await at.with.pool.read(library::find_book, who.id(), id);
  if (!book) not_there();
  co_return std::move(*book);
}

}  // namespace

answer post_metadata(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::curate);
  uuid id = id_param(c, "id");
  library::book book = co_await book_of(at, who, id);
  const config* settings = &at.with.settings;
  auto ask = [settings](db::tx& tx, uuid of, const std::string& title, uuid user) {
    return ask_sources(tx, *settings, of, title, user);
  };
  std::optional<json::object> job = co_await at.with.pool.write(ask, id, book.title, who.id());
  if (!job) throw http::problem{409, "No source is switched on that can be asked.", "metadata.off"};
  co_return json_object(*job, 202);
}

answer list_candidates(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::curate);
  uuid id = id_param(c, "id");
  library::book book = co_await book_of(at, who, id);
  std::string base = books_base(at, c.in) + "/" + id.text() + "/candidates";
  json::array items = co_await at.with.pool.read(candidates, id, base);
  slice part = slice_of(c.in, "candidates", items.size());
  auto begin = items.begin() + static_cast<std::ptrdiff_t>(part.first);
  json::array page(begin, begin + static_cast<std::ptrdiff_t>(part.count));
  co_return json_list(std::move(page), part.next);
}

answer get_candidate_cover(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::curate);
  uuid id = id_param(c, "id"), candidate = id_param(c, "candidate");
  std::optional<library::cover_ref> found = co_await at.with.pool.read(find_picture, who.id(), id, candidate);
  if (!found) not_there();
  int width = cover_width(c.in);
  co_return co_await cover_answer(at, c, *found, width);
}

}  // namespace carrel::web
