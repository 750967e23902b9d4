#include "ingest/missing_covers.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include "ingest/covers.hpp"
#include "ingest/sweep.hpp"
#include "library/revision.hpp"
#include "server/core/file.hpp"

namespace carrel::ingest {
namespace {

// 18.4: what a person emptied stays empty.
#define CARREL_WITHOUT_COVER \
  "from books b where b.cover_id is null and b.deleted_at is null and not 'cover' = any (b.locked_fields)"
constexpr db::statement sql_count{"ingest.count_without_cover", "select count(*) " CARREL_WITHOUT_COVER};
constexpr db::statement sql_some{"ingest.without_cover",
                                 "select b.id " CARREL_WITHOUT_COVER " and b.id > $1 order by b.id limit 500"};
constexpr db::statement sql_free{"ingest.still_without_cover", "select b.id " CARREL_WITHOUT_COVER " and b.id = $1 for update"};
#undef CARREL_WITHOUT_COVER
constexpr db::statement sql_files{"ingest.files_to_look_into", R"sql(
  select coalesce(storage_path, inbox_path), original_name from book_files
   where book_id = $1 and coalesce(storage_path, inbox_path) is not null order by rank, id)sql"};

struct stored_file {
  std::string path, name;
};

class search {
 public:
  search(const services& with, bool dry_run) : with_(with), dry_run_(dry_run) {}

  // In the order in which its formats are preferred.
  void look_into(const uuid& book) {
    ++out.books;
    bool opened = false;
    for (const stored_file& f : files_of(book)) {
      file in(library::open_without_links(with_.store.absolute(f.path)));
      if (!in) continue;
      result<publication::isolated::inspection, publication::refusal> seen = with_.inspectors.inspect(in.get(), f.name);
      if (!seen) continue;
      opened = true;
      if (!seen->about.cover) continue;
      if (dry_run_ || use(book, *seen)) ++out.found;
      return;
    }
    if (!opened) ++out.unreadable;
  }

  missing_covers out;

 private:
  std::vector<stored_file> files_of(const uuid& book) const {
    return with_.pool.read_now([&](db::tx& tx) {
      std::vector<stored_file> files;
      for (const db::row& r : tx.run(sql_files, book)) files.push_back({r.text(0), r.text(1)});
      return files;
    });
  }

  bool use(const uuid& book, const publication::isolated::inspection& seen) const {
    result<library::new_cover> stored = store_cover(with_, *seen.about.cover, seen.thumbnails, "embedded");
    if (!stored) throw std::runtime_error(stored.error().message());
    return with_.pool.write_now([&](db::tx& tx) {
      hold_store(tx);
      if (tx.run(sql_free, book).empty()) return false;  // somebody was faster
      library::set_cover(tx, book, *stored);
      library::bump_revision(tx);
      return true;
    });
  }

  const services& with_;
  bool dry_run_;
};

}  // namespace

missing_covers find_missing_covers(const services& s, const missing_covers_options& how,
                                   const std::function<void(std::int64_t, std::int64_t)>& progress) {
  std::int64_t all = s.pool.read_now([](db::tx& tx) { return tx.run(sql_count)[0].integer(0); });
  search books(s, how.dry_run);
  uuid last;
  for (;;) {
    std::vector<uuid> some = s.pool.read_now([&](db::tx& tx) {
      std::vector<uuid> ids;
      for (const db::row& r : tx.run(sql_some, last)) ids.push_back(r.id(0));
      return ids;
    });
    if (some.empty()) return books.out;
    last = some.back();
    for (const uuid& book : some) {
      if (how.stop.stop_requested()) return books.out;
      books.look_into(book);
      progress(books.out.books, all);
    }
  }
}

}  // namespace carrel::ingest
