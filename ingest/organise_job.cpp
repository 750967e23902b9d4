#include <algorithm>
#include <map>

#include "ingest/organise.hpp"
#include "ingest/organise_plan.hpp"
#include "library/revision.hpp"
#include "publication/metadata.hpp"
#include "publication/unicode.hpp"
#include "server/core/log.hpp"
#include "server/jobs/queue.hpp"

namespace carrel::ingest {
namespace {

using steady = std::chrono::steady_clock;

constexpr int page = 200;
constexpr std::chrono::hours retry_every{1};  // of what could not be moved

constexpr db::statement sql_problem{"organise.problem", R"sql(
  insert into organised_books (book_id, library_id, version, pattern, problem)
  select b.id, b.library_id, b.version, $2, $3 from books b where b.id = $1
      on conflict (book_id) do update set version = excluded.version, library_id = excluded.library_id, pattern = excluded.pattern,
             problem = excluded.problem, at = now())sql"};

void organise(const services& s, const carrel::jobs::job& j, carrel::jobs::progress& p) {
  std::optional<uuid> id = uuid::parse(j.payload_text("library"));
  if (!id) throw carrel::jobs::give_up("the job names no library");
  if (std::optional<error> bad = link_trees(s)) throw carrel::jobs::not_now(bad->message(), std::chrono::minutes(1));
  std::int64_t done = 0, moved = 0, failed = 0, total = -1;
  std::optional<tree_listing> names;
  for (uuid after;;) {
    std::optional<library::book_library> l = s.pool.read_now([&](db::tx& tx) { return library::find_library(tx, *id); });
    if (!l) return;
    if (!names) names.emplace(l->root);
    if (total < 0) total = s.pool.read_now([&](db::tx& tx) { return count_books_to_place(tx, *l); });
    std::vector<uuid> some = s.pool.read_now([&](db::tx& tx) { return books_to_place(tx, *l, after, page); });
    if (some.empty()) break;
    for (const uuid& book : some) {
      if (p.stopping()) return;
      after = book;
      result<move_plan> plan = organise_book(s, *l, book, *names);
      if (!plan && (plan.error().field == "disk_full" || plan.error().field == "folder_unavailable"))
        throw carrel::jobs::not_now(publication::message_for(plan.error().field, l->root), std::chrono::minutes(5));
      if (!plan) {
        ++failed;
        log::warn("organise.failed", {{"book", book}, {"error", plan.error().message()}});
        s.pool.write_now([&](db::tx& tx) { tx.run(sql_problem, book, l->pattern, plan.error().field); });
      } else {
        moved += plan->moves.empty() ? 0 : 1;
      }
      p.report(++done, std::max(done, total));
    }
  }
  if (done > 0) log::info("library.organise", {{"library", *id}, {"books", done}, {"moved", moved}, {"failed", failed}});
}

// A tree of names, as the files of a whole library would make it.
class names_to_be {
 public:
  std::vector<std::string> like(const std::vector<std::string>& folder, const std::string& name) const {
    std::string key;
    for (const std::string& one : folder) key += one + "/";
    auto at = names_.find(key);
    return at == names_.end() ? std::vector<std::string>{} : at->second.like(name);
  }

  void add(const std::string& path) {
    std::string folder;
    for (std::size_t at = 0; at < path.size();) {
      std::size_t slash = path.find('/', at);
      std::string name = path.substr(at, slash == std::string::npos ? slash : slash - at + 1);
      names_[folder].add(name);
      folder += name;
      at += name.size();
    }
  }

 private:
  std::map<std::string, folder_names> names_;
};

}  // namespace

library::pattern_preview preview_pattern(const services& s, const library::book_library& l, const path_pattern& p,
                                         std::size_t most) {
  library::pattern_preview out;
  names_to_be tree;
  names_like names = [&tree](const std::vector<std::string>& folder, const std::string& name) { return tree.like(folder, name); };
  std::string prefix = tree_prefix(l.id);
  for (uuid after;;) {
    std::vector<uuid> some = s.pool.read_now([&](db::tx& tx) { return books_of_library(tx, l.id, after, page); });
    if (some.empty()) return out;
    after = some.back();
    for (const book_to_place& b : s.pool.read_now([&](db::tx& tx) { return find_books_to_place(tx, l.id, some); })) {
      if (b.files.empty()) continue;
      ++out.books;
      bool moves = false;
      std::vector<std::string> to = places_of(b, p, names);
      for (std::size_t i = 0; i < to.size(); ++i) {
        tree.add(to[i]);
        const std::string& now = b.files[i].path;
        std::string from = now.starts_with(prefix) ? now.substr(prefix.size()) : "";
        if (from == to[i]) continue;
        moves = true;
        if (out.lines.size() < most) out.lines.push_back({b.id, b.values.title, from, to[i]});
      }
      out.moved += moves ? 1 : 0;
    }
  }
}

uuid enqueue_organise(db::tx& tx, const library::book_library& l, const std::optional<uuid>& user) {
  json::object payload{{"library", l.id}, {"name", l.name}};
  return carrel::jobs::enqueue(tx, "library.organise", l.id.text(), payload, {}, user);
}

bool has_to_organise(db::tx& tx, const library::book_library& l) { return !books_to_place(tx, l, {}, 1).empty(); }

void register_organise(carrel::jobs::workers& w, const services& s) {
  w.on("library.organise", [&s](const carrel::jobs::job& j, carrel::jobs::progress& p) { organise(s, j, p); });
}

void schedule_organise(carrel::jobs::schedule& clock, const services& s) {
  // Until nothing is due any more: what is changed while a job runs may have been passed by it.
  clock.every("library.organise", std::chrono::seconds(15),
              [&s, last = std::int64_t(-1), looked = steady::time_point()]() mutable {
                std::int64_t now = s.pool.read_now([](db::tx& tx) { return library::current_revision(tx).number; });
                if (now == last && steady::now() - looked < retry_every) return;
                bool due = false;
                for (const library::book_library& l : s.pool.read_now(library::libraries)) {
                  if (!l.is_tree()) continue;
                  due |= s.pool.write_now([&](db::tx& tx) {
                    bool some = has_to_organise(tx, l);
                    if (some) enqueue_organise(tx, l);
                    return some;
                  });
                }
                if (due) return;
                last = now;
                looked = steady::now();
              });
}

}  // namespace carrel::ingest
