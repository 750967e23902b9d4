#include "ingest/organise.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>

#include "ingest/item_lock.hpp"
#include "ingest/names.hpp"
#include "ingest/organise_plan.hpp"
#include "ingest/paths.hpp"
#include "ingest/sweep.hpp"
#include "ingest/write_back.hpp"
#include "library/book.hpp"
#include "library/revision.hpp"
#include "server/core/log.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

constexpr int most_rounds = 20;
const std::string missing_file = "file_missing";

constexpr db::statement sql_begin{"organise.begin", R"sql(
  insert into file_moves (file_id, checksum, from_path, to_path)
  select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
      on conflict (file_id) do update set checksum = excluded.checksum, from_path = excluded.from_path, to_path = excluded.to_path,
             made_at = now())sql"};
constexpr db::statement sql_pending{"organise.pending", R"sql(
  select m.file_id, m.checksum, m.from_path, m.to_path, f.storage_path from file_moves m join book_files f on f.id = m.file_id
   where f.book_id = $1 order by m.file_id)sql"};
constexpr db::statement sql_end{"organise.end", "delete from file_moves where file_id = any ($1::uuid[])"};
constexpr db::statement sql_moved{"organise.moved", R"sql(
  update book_files f set storage_path = w.target, missing_since = null
    from unnest($1::uuid[], $2::text[], $3::text[]) as w (file, source, target)
   where f.id = w.file and f.storage_path = w.source
  returning f.id)sql"};
constexpr db::statement sql_settled{"organise.settled", R"sql(
  insert into organised_books (book_id, library_id, version, pattern, problem) values ($1, $2, $3, $4, $5)
      on conflict (book_id) do update set library_id = excluded.library_id, version = excluded.version, pattern = excluded.pattern,
             problem = excluded.problem, at = now())sql"};
constexpr db::statement sql_taken{"organise.taken", "select exists (select from book_files where storage_path = $1)"};
constexpr db::statement sql_in_attic{"organise.in_attic", R"sql(
  select id, display_name from ingest_items where sha256 = $1 order by created_at desc limit 20)sql"};
constexpr db::statement sql_any_in{"organise.any_in", R"sql(
  select exists (select from book_files f join books b on b.id = f.book_id
                  where b.library_id = $1 and f.storage_path like $2 || '%' and f.missing_since is null))sql"};

error unwritable(int code, const std::string& what) {
  if (code == ENOSPC || code == EDQUOT) return {"disk_full", "no space left"};
  return {"store_unwritable", what + ": " + std::strerror(code)};
}

// The folders of a path below the root, one by one and never through a link (4.3 step 2, 4.5).
std::optional<error> make_folders(const fs::path& root, const fs::path& folders) {
  file at(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!at) return error{"folder_unavailable", root.native() + ": " + std::strerror(errno)};
  for (const fs::path& name : folders) {
    if (::mkdirat(at.get(), name.c_str(), 0750) == 0) {
      if (::fsync(at.get()) != 0) return unwritable(errno, name.native());
    } else if (errno != EEXIST) {
      return unwritable(errno, name.native());
    }
    file next(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return unwritable(errno, name.native());
    at = std::move(next);
  }
  return std::nullopt;
}

bool holds(const fs::path& p, const std::string& checksum) { return sha256_of(p) == checksum; }
bool same_file(const fs::path& a, const fs::path& b) {
  std::optional<identity> one = identity_at(a);
  return one && one == identity_at(b);
}

// One book on its way. Its files get their new names first, and lose the old ones when the database says the new ones: whoever
// fetches a book meanwhile finds it.
class mover {
 public:
  mover(const services& s, const library::book_library& l, const uuid& book, tree_listing& names)
      : with_(s), library_(l), book_(book), names_(names), prefix_(tree_prefix(l.id)) {}

  result<move_plan> run() {
    settle_pending();
    for (int round = 0; round < most_rounds; ++round) {
      result<move_plan> plan = work_out();
      if (!plan || plan->moves.empty()) return plan;
      begin(*plan);
      with_.pass(step::hashed);
      std::optional<error> bad = place(*plan);
      if (!bad) {
        commit(*plan);
        return plan;
      }
      take_back(*plan);
      if (bad->field != "target_exists") return *bad;  // somebody took the name meanwhile: another one
    }
    return error{"store_unwritable", "every name is taken as soon as it is chosen"};
  }

 private:
  fs::path path(const std::string& stored) const { return with_.store.absolute(stored); }

  // 4.4: what an interrupted move left.
  void settle_pending() {
    for (const db::row& r : with_.pool.read_now([&](db::tx& tx) { return tx.run(sql_pending, book_); })) {
      file_move m{r.id(0), r.text(1), r.text(2), r.text(3)};
      const std::string now_at = r.text(4);
      if (now_at == m.to)
        drop_old_name(m);
      else if (now_at != m.from)
        drop_unused(m);
      else if (is_there(path(m.from)))
        drop_new_name(m);
      else if (holds(path(m.to), m.checksum))
        say_moved({m});
      else
        restore(m);
      end({m});
    }
  }

  // The file got other bytes while these moved (ingest/replace.hpp): nobody knows their new name.
  void drop_unused(const file_move& m) const {
    if (holds(path(m.to), m.checksum)) remove_unneeded(with_, m.to);
  }

  // Only what this book's own move made: the same file under two names, or a copy of it.
  void drop_new_name(const file_move& m) const {
    bool ours = same_file(path(m.from), path(m.to)) || (holds(path(m.to), m.checksum) && holds(path(m.from), m.checksum));
    bool needed = with_.pool.read_now([&](db::tx& tx) { return tx.run(sql_taken, m.to)[0].flag(0); });
    if (ours && !needed) remove_synced(path(m.to));
  }

  void drop_old_name(const file_move& m) const {
    fs::path old = path(m.from);
    if (!remove_unneeded(with_, m.from)) return;
    library::sync_folder(old.parent_path());
    // Folders of a tree that became empty, never its root; rmdir refuses others. Those of the store stay: others fill them.
    if (!m.from.starts_with("trees/")) return;
    fs::path stop = path(m.from.substr(0, prefix_.size() - 1));
    for (fs::path at = old.parent_path(); at != stop && at.native().size() > stop.native().size(); at = at.parent_path()) {
      if (::rmdir(at.c_str()) != 0) break;
    }
  }

  void restore(const file_move& m) const {
    for (const db::row& r : with_.pool.read_now([&](db::tx& tx) { return tx.run(sql_in_attic, m.checksum); })) {
      fs::path kept = with_.store.data() / "attic" / r.id(0).text() / safe_name(r.text(1));
      if (!holds(kept, m.checksum)) continue;
      std::string back = with_.store.path_for(m.checksum, path(m.to).extension().native());
      std::optional<error> bad = library::link_proven(kept, path(back));
      if (bad && bad->field != "target_exists") continue;
      log::warn("organise.restored", {{"file", m.file}});
      return say_moved({{m.file, m.checksum, m.from, back}});
    }
    log::error("organise.missing", {{"file", m.file}, {"path", m.to}});
    with_.pool.write_now([&](db::tx& tx) { library::mark_file_missing(tx, m.file, true); });
  }

  result<move_plan> work_out() {
    const std::vector<uuid> only{book_};
    std::vector<book_to_place> found =
        with_.pool.read_now([&](db::tx& tx) { return find_books_to_place(tx, library_.id, only); });
    move_plan out;
    out.book = book_;
    if (found.empty()) return out;
    book_to_place* b = &found.front();
    out.version = b->version;
    out.title = b->values.title;
    if (std::optional<error> away = root_is_away()) return *away;
    std::size_t all = b->files.size();
    std::erase_if(b->files, [&](const book_to_place::file& f) { return !is_there(path(f.path)); });
    if (b->files.size() < all) problem_ = missing_file;  // looked at again later
    if (b->files.empty()) {
      with_.pool.write_now([&](db::tx& tx) { say_settled(tx, out); });
      return out;
    }
    std::vector<std::string> to;
    if (library_.root.empty()) {
      for (const book_to_place::file& f : b->files) to.push_back(with_.store.path_for(f.checksum, f.extension));
    } else {
      result<path_pattern> pattern = path_pattern::parse(library_.pattern);
      if (!pattern) return pattern.error();
      to = places_of(*b, *pattern, names_beside(*b));
      if (to.empty()) return error{"store_unwritable", "no free name was found"};
      for (std::string& one : to) one = prefix_ + one;
    }
    for (std::size_t i = 0; i < to.size(); ++i) {
      if (b->files[i].path != to[i]) out.moves.push_back({b->files[i].id, b->files[i].checksum, b->files[i].path, to[i]});
    }
    if (out.moves.empty()) with_.pool.write_now([&](db::tx& tx) { say_settled(tx, out); });
    return out;
  }

  // A disk that is not mounted leaves an empty folder, which must not be filled.
  std::optional<error> root_is_away() const {
    if (library_.root.empty()) return std::nullopt;
    std::error_code code;
    bool empty = fs::is_empty(library_.root, code);
    if (code) return error{"folder_unavailable", library_.root};
    bool known = empty && with_.pool.read_now([&](db::tx& tx) { return tx.run(sql_any_in, library_.id, prefix_)[0].flag(0); });
    return known ? std::optional(error{"folder_unavailable", library_.root + " is suddenly empty"}) : std::nullopt;
  }

  names_like names_beside(const book_to_place& b) const {
    std::set<std::string> own;
    for (const book_to_place::file& f : b.files) own.insert(f.path);
    return [this, own](const std::vector<std::string>& folder, const std::string& name) {
      std::string below = prefix_;
      for (const std::string& one : folder) below += one + "/";
      std::vector<std::string> out = names_.like(folder, name);
      std::erase_if(out, [&](const std::string& one) { return own.contains(below + one); });
      return out;
    };
  }

  void note(const file_move& m) const {
    for (const std::string& one : {m.from, m.to}) {
      if (one.starts_with(prefix_)) names_.look_again(one.substr(prefix_.size()));
    }
  }

  void begin(const move_plan& p) const {
    columns c(p.moves);
    with_.pool.write_now([&](db::tx& tx) { tx.run(sql_begin, c.files, c.checksums, c.from, c.to); });
  }

  std::optional<error> place(const move_plan& p) const {
    for (const file_move& m : p.moves) {
      fs::path below = fs::path(m.to).parent_path();
      fs::path root = with_.store.data();
      if (m.to.starts_with(prefix_)) {
        root = library_.root;
        below = fs::path(m.to.substr(prefix_.size())).parent_path();
      }
      if (std::optional<error> bad = make_folders(root, below)) return bad;
      with_.pass(step::folder_made);
      std::optional<error> bad = library::link_proven(path(m.from), path(m.to));
      // The same bytes without a book of their own are no reason for a second copy (6.5).
      bool ours = bad && bad->field == "target_exists" && holds(path(m.to), m.checksum) &&
                  !with_.pool.read_now([&](db::tx& tx) { return tx.run(sql_taken, m.to)[0].flag(0); });
      if (ours) bad = library::sync_folder(path(m.to).parent_path());
      if (bad) return bad;
      with_.pass(step::placed);
    }
    return std::nullopt;
  }

  void take_back(const move_plan& p) const {
    for (const file_move& m : p.moves) {
      if (same_file(path(m.from), path(m.to))) drop_new_name(m);
    }
    end(p.moves);
  }

  void commit(const move_plan& p) const {
    columns c(p.moves);
    std::set<uuid> moved = with_.pool.write_now([&](db::tx& tx) {
      hold_store(tx);
      std::set<uuid> out;
      for (const db::row& r : tx.run(sql_moved, c.files, c.from, c.to)) out.insert(r.id(0));
      say_settled(tx, p);
      return out;
    });
    with_.pass(step::stored);
    for (const file_move& m : p.moves) {
      if (!moved.contains(m.file)) drop_unused(m);
      drop_old_name(m);
      note(m);
      with_.pass(step::source_gone);
    }
    end(p.moves);
    log::info("organise.moved", {{"book", p.book}, {"files", p.moves.size()}});
  }

  void say_moved(const std::vector<file_move>& moves) const {
    columns c(moves);
    with_.pool.write_now([&](db::tx& tx) { tx.run(sql_moved, c.files, c.from, c.to); });
  }

  void say_settled(db::tx& tx, const move_plan& p) const {
    if (p.version > 0) tx.run(sql_settled, p.book, library_.id, p.version, library_.pattern, problem_);
  }

  void end(const std::vector<file_move>& moves) const {
    columns c(moves);
    with_.pool.write_now([&](db::tx& tx) { tx.run(sql_end, c.files); });
  }

  struct columns {
    explicit columns(const std::vector<file_move>& moves) {
      for (const file_move& m : moves) {
        files.push_back(m.file);
        checksums.push_back(m.checksum);
        from.push_back(m.from);
        to.push_back(m.to);
      }
    }
    std::vector<uuid> files;
    std::vector<std::string> checksums, from, to;
  };

  const services& with_;
  const library::book_library& library_;
  uuid book_;
  tree_listing& names_;
  std::string prefix_, problem_;
};

}  // namespace

std::string tree_prefix(const uuid& library) { return "trees/" + library.text() + "/"; }

std::optional<error> link_trees(const services& s) {
  fs::path trees = s.store.data() / "trees";
  if (std::optional<error> bad = make_synced_folder(trees)) return bad;
  std::set<std::string> known;
  for (const library::book_library& l : s.pool.read_now(library::all_trees)) {
    known.insert(l.id.text());
    fs::path link = trees / l.id.text();
    std::error_code code;
    if (fs::read_symlink(link, code) == l.root) continue;
    fs::path fresh = trees / ("." + uuid::make().text());
    if (::symlink(l.root.c_str(), fresh.c_str()) != 0 || ::rename(fresh.c_str(), link.c_str()) != 0)
      return unwritable(errno, link.native());
  }
  std::error_code code;
  for (const fs::directory_entry& e : fs::directory_iterator(trees, code)) {
    std::string name = e.path().filename().native();
    if (e.is_symlink(code) && !known.contains(name)) ::unlink(e.path().c_str());
  }
  return library::sync_folder(trees);
}

result<move_plan> organise_book(const services& s, const library::book_library& l, const uuid& book, tree_listing& names) {
  std::optional<item_lock> alone = item_lock::take(s.store, book, true);
  if (std::optional<error> bad = settle_file_writes(s, book)) return *bad;
  return mover(s, l, book, names).run();
}

}  // namespace carrel::ingest
