#include "web/asking.hpp"

#include "library/source_queue.hpp"
#include "server/jobs/queue.hpp"

namespace carrel::web {
namespace {

constexpr db::statement sql_under_way{"web.asking_under_way", R"sql(
  select exists (select from metadata_jobs where book_id = $1 and done_at is null))sql"};

constexpr std::size_t few_books = 50;

}  // namespace

asking asking_about(db::tx& tx, const config& c, const uuid& book) {
  asking out;
  out.possible = !library::read_plan(tx, c).asked().empty();
  out.under_way = out.possible && tx.run(sql_under_way, book)[0].flag(0);
  return out;
}

std::optional<uuid> ask_about(db::tx& tx, const config& c, const uuid& book, const std::string& title, const uuid& user) {
  std::vector<std::string> sources = library::read_plan(tx, c).asked();
  if (sources.empty()) return std::nullopt;
  uuid job = jobs::enqueue(tx, library::fetch_kind, book.text(), {{"name", title}, {"book", book}}, {}, user);
  library::add_fetches(tx, job, {book}, sources, library::urgency::somebody_waits);
  return job;
}

std::optional<uuid> ask_about_books(db::tx& tx, const config& c, const std::vector<uuid>& books, const uuid& user) {
  std::vector<std::string> sources = library::read_plan(tx, c).asked();
  if (sources.empty() || books.empty()) return std::nullopt;
  bool few = books.size() <= few_books;
  uuid job = jobs::enqueue(tx, few ? library::fetch_kind : library::refresh_kind, user.text(), {}, {}, user);
  library::add_fetches(tx, job, books, sources, few ? library::urgency::somebody_waits : library::urgency::whole_library);
  return job;
}

}  // namespace carrel::web
