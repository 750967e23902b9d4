#include "ingest/write_back.hpp"

#include <unistd.h>

#include "ingest/item_lock.hpp"
#include "ingest/organise.hpp"
#include "library/revision.hpp"
#include "publication/metadata.hpp"
#include "server/core/log.hpp"
#include "server/core/text.hpp"
#include "server/jobs/queue.hpp"

namespace carrel::ingest {
namespace {

using steady = std::chrono::steady_clock;

constexpr int page = 200;
constexpr std::chrono::hours look_every{1};  // at what failed, and at what Kobos had

bool is_of_the_tree(const error& e) { return e.field == "disk_full" || e.field == "folder_unavailable"; }

bool is_chosen(const services& s, const uuid& library, const library::write_choice& c) {
  return s.pool.read_now(
      [&](db::tx& tx) { return library::find_library(tx, library) && library::find_write_choice(tx, library) == c; });
}

// What came of the files of one book.
struct round {
  library::write_outcome outcome;
  bool beside = false;  // something has to be said beside them
};

void fail(round& r, const error& why) { r.outcome = {.state = "failed", .problem = why.field, .detail = why.reason}; }

std::optional<error> write_files(const services& s, const library::book_library& l, const library::book_to_write& b,
                                 const std::string& metadata, round& r) {
  for (const library::book_to_write::file& f : b.files) {
    if (!f.takes_metadata) {
      r.beside = true;
      continue;
    }
    result<written_into> how = write_into(s, l, b, f, metadata);
    if (!how && is_of_the_tree(how.error())) return how.error();
    if (!how)
      fail(r, how.error());
    else if (*how != written_into::yes)
      r.beside = true;
    if (how && *how == written_into::held && r.outcome.state == "written") r.outcome.state = "held";
  }
  return std::nullopt;
}

std::int64_t quiet_of(const services& s, const carrel::jobs::job& j) {
  return j.payload_text("at_once") == "yes" ? 0 : s.how.write_quiet.count();
}

// What goes wrong with one book does not stop those behind it.
std::optional<error> write_guarded(const services& s, const library::book_library& l, const library::write_choice& c,
                                   const uuid& book) {
  try {
    return write_book(s, l, c, book);
  } catch (const carrel::jobs::not_now&) {
    throw;
  } catch (const db::lost&) {
    throw;
  } catch (const db::busy&) {
    throw;
  } catch (const std::exception& e) {
    log::warn("library.write_failed", {{"book", book}, {"error", e.what()}});
    library::write_outcome failed{.state = "failed", .problem = "write_failed", .detail = replace_invalid_utf8(e.what())};
    s.pool.write_now([&](db::tx& tx) { library::note_write(tx, book, l.id, c, failed); });
    return std::nullopt;
  }
}

void write_library(const services& s, const carrel::jobs::job& j, carrel::jobs::progress& p) {
  std::optional<uuid> id = uuid::parse(j.payload_text("library"));
  if (!id) throw carrel::jobs::give_up("the job names no library");
  if (std::optional<error> bad = link_trees(s)) throw carrel::jobs::not_now(bad->message(), std::chrono::minutes(1));
  std::int64_t done = 0, total = -1;
  for (uuid after;;) {
    std::optional<library::book_library> l = s.pool.read_now([&](db::tx& tx) { return library::find_library(tx, *id); });
    if (!l) return;
    library::write_choice c = s.pool.read_now([&](db::tx& tx) { return library::find_write_choice(tx, *id); });
    if (!c.on()) return;
    if (total < 0) total = s.pool.read_now([&](db::tx& tx) { return library::count_books_to_write(tx, *l, c); });
    std::vector<uuid> some =
        s.pool.read_now([&](db::tx& tx) { return library::books_to_write(tx, *l, c, quiet_of(s, j), after, page); });
    if (some.empty()) break;
    for (const uuid& book : some) {
      if (p.stopping()) return;
      bool as_chosen =
          s.pool.read_now([&](db::tx& tx) { return library::find_library(tx, *id) && library::find_write_choice(tx, *id) == c; });
      if (!as_chosen) break;  // somebody has chosen otherwise meanwhile
      after = book;
      if (std::optional<error> bad = write_guarded(s, *l, c, book))
        throw carrel::jobs::not_now(publication::message_for(bad->field, l->root), std::chrono::minutes(5));
      p.report(++done, std::max(done, total));
    }
  }
  if (done > 0) log::info("library.write", {{"library", *id}, {"books", done}});
}

void add_lines(const services& s, const library::book_library& l, const library::write_choice& c, const library::book_to_write& b,
               std::size_t most, library::write_preview& out) {
  auto add = [&](const std::string& path, const char* how) {
    if (out.lines.size() < most) out.lines.push_back({b.id, b.title, path.substr(tree_prefix(l.id).size()), how});
  };
  bool cover = c.writes("cover") && !b.cover.empty(), beside = c.where == "side" || cover;
  for (const library::book_to_write::file& f : b.files) {
    bool into = c.where == "files" && f.takes_metadata;
    beside |= !into || b.held;
    if (!into) continue;
    add(f.path, b.held ? "held" : "file");
    ++(b.held ? out.held : out.files);
  }
  if (beside) ++out.beside;
  if (!beside || out.lines.size() >= most) return;
  side_names names = s.pool.read_now([&](db::tx& tx) { return names_beside(tx, l, c, b); });
  add(names.opf, "side");
  if (cover) add(names.cover, "cover");
}

}  // namespace

std::optional<error> tree_is_away(const library::book_library& l) {
  std::error_code code;  // a disk that is not mounted leaves an empty folder
  bool away = std::filesystem::is_empty(l.root, code) || code || ::access(l.root.c_str(), W_OK) != 0;
  return away ? std::optional(error{"folder_unavailable", l.root}) : std::nullopt;
}

std::optional<error> write_book(const services& s, const library::book_library& l, const library::write_choice& c,
                                const uuid& book) {
  if (!c.on()) return std::nullopt;
  if (std::optional<error> away = tree_is_away(l)) return away;
  std::optional<item_lock> alone = item_lock::take(s.store, book, true);
  std::optional<error> unsettled = settle_file_writes(s, book);
  if (unsettled && is_of_the_tree(*unsettled)) return unsettled;
  const std::vector<uuid> only{book};
  std::vector<library::book_to_write> found =
      s.pool.read_now([&](db::tx& tx) { return library::find_books_to_write(tx, l, only); });
  std::optional<std::string> metadata = s.pool.read_now([&](db::tx& tx) { return library::metadata_to_write(tx, book, c); });
  round r;
  if (unsettled) fail(r, *unsettled);
  if (!unsettled && !found.empty() && metadata) {
    const library::book_to_write& b = found.front();
    r.beside = c.where == "side" || (c.writes("cover") && !b.cover.empty()) ||
               s.pool.read_now([&](db::tx& tx) { return !library::side_files_of(tx, book).empty(); });
    if (c.where == "files") {
      if (std::optional<error> bad = write_files(s, l, b, *metadata, r)) return bad;
    }
    if (r.beside && is_chosen(s, l.id, c)) {
      std::optional<error> bad = write_beside(s, l, c, b, *metadata);
      if (bad && is_of_the_tree(*bad)) return bad;
      if (bad) fail(r, *bad);
    }
  }
  if (r.outcome.state == "failed") {
    if (std::optional<error> away = tree_is_away(l)) return away;
    log::warn("library.write_failed", {{"book", book}, {"error", r.outcome.problem + " " + r.outcome.detail}});
  }
  s.pool.write_now([&](db::tx& tx) { library::note_write(tx, book, l.id, c, r.outcome); });
  return std::nullopt;
}

result<library::write_preview> preview_write_back(const services& s, const uuid& library, const library::write_choice& c,
                                                  std::size_t most) {
  std::optional<library::book_library> l = s.pool.read_now([&](db::tx& tx) { return library::find_library(tx, library); });
  if (!l) return error{"library", "There is no such library."};
  if (std::optional<error> bad = library::refuses_write(*l)) return *bad;
  library::write_preview out;
  if (!c.on()) return out;
  for (uuid after;;) {
    std::vector<uuid> some = s.pool.read_now([&](db::tx& tx) { return library::books_to_write(tx, *l, c, 0, after, page); });
    if (some.empty()) return out;
    after = some.back();
    for (const library::book_to_write& b :
         s.pool.read_now([&](db::tx& tx) { return library::find_books_to_write(tx, *l, some); })) {
      ++out.books;
      add_lines(s, *l, c, b, most, out);
    }
  }
}

result<chosen_write_back> set_write_back(const services& s, const uuid& library, const library::write_choice& c,
                                         const library::actor& who) {
  std::optional<library::book_library> l = s.pool.read_now([&](db::tx& tx) { return library::find_library(tx, library); });
  if (!l) return error{"library", "There is no such library."};
  if (std::optional<error> bad = library::refuses_write(*l)) return *bad;
  return s.pool.write_now([&](db::tx& tx) {
    chosen_write_back out{.before = library::set_write_choice(tx, library, c, who), .job = {}};
    if (c.on()) out.job = enqueue_write_back(tx, *l, true, who.user);
    return out;
  });
}

uuid enqueue_write_back(db::tx& tx, const library::book_library& l, bool at_once, const std::optional<uuid>& user) {
  json::object payload{{"library", l.id}, {"name", l.name}, {"at_once", at_once ? "yes" : "no"}};
  return carrel::jobs::enqueue(tx, "library.write", l.id.text(), payload, {}, user);
}

void register_write_back(carrel::jobs::workers& w, const services& s) {
  w.on("library.write", [&s](const carrel::jobs::job& j, carrel::jobs::progress& p) { write_library(s, j, p); });
}

void schedule_write_back(carrel::jobs::schedule& clock, const services& s) {
  // Until nothing is due any more: a book that has just changed is left alone for a moment, so that ten changes are written once.
  clock.every("library.write", std::chrono::seconds(15),
              [&s, first = true, last = std::int64_t(-1), looked = steady::time_point(), swept = steady::time_point()]() mutable {
                if (first || steady::now() - swept >= look_every) {
                  first = false;
                  swept = steady::now();
                  settle_file_writes(s, std::nullopt);
                  remove_stray_side_files(s);
                }
                std::int64_t now = s.pool.read_now([](db::tx& tx) { return library::current_revision(tx).number; });
                if (now == last && steady::now() - looked < look_every) return;
                std::int64_t left = 0;
                for (const library::book_library& l : s.pool.read_now(library::libraries_that_write)) {
                  left += s.pool.write_now([&](db::tx& tx) {
                    library::write_choice c = library::find_write_choice(tx, l.id);
                    if (!library::books_to_write(tx, l, c, s.how.write_quiet.count(), {}, 1).empty())
                      enqueue_write_back(tx, l, false);
                    return library::count_books_to_write(tx, l, c);
                  });
                }
                if (left > 0) return;
                last = now;
                looked = steady::now();
              });
}

}  // namespace carrel::ingest
