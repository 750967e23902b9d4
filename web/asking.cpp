#include "web/asking.hpp"

#include "library/source_queue.hpp"
#include "server/jobs/queue.hpp"

namespace carrel::web {
namespace {

constexpr db::statement sql_under_way{"web.asking_under_way", R"sql(
  select exists (select from metadata_jobs where book_id = $1 and done_at is null))sql"};

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

}  // namespace carrel::web
