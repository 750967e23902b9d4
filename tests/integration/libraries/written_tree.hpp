#pragma once
// A tree that is written back, and what lies in it.

#include <optional>

#include "helper.hpp"
#include "ingest/paths.hpp"
#include "ingest/write_back.hpp"
#include "library/user.hpp"
#include "managed_tree.hpp"
#include "publication/sidecar.hpp"
#include "tests/integration/ingest/unshared.hpp"

namespace carrel::ingest::test {

struct written : managed {
  explicit written(const std::string& where, const fs::path& root_at = {}) : managed(root_at) {
    choose(library::every_field(where));
  }

  void choose(const library::write_choice& c) { REQUIRE(set_write_back(b.with, id, c, ada)); }
  library::write_choice choice() {
    return b.pool.read_now([&](db::tx& tx) { return library::find_write_choice(tx, id); });
  }
  std::vector<uuid> due() {
    library::book_library l = is();
    library::write_choice c = choice();
    if (!c.on()) return {};
    return b.pool.read_now([&](db::tx& tx) { return library::books_to_write(tx, l, c, 0, {}, 100); });
  }
  // Everything that is due, until nothing is; the codes of what could not be done.
  std::string settle() {
    std::string out;
    for (int round = 0; round < 5; ++round) {
      organise();
      std::vector<uuid> some = due();
      if (some.empty()) return out + problems();
      for (const uuid& book : some) {
        if (std::optional<error> bad = write_book(b.with, is(), choice(), book)) return bad->field;
      }
    }
    return "always something due";
  }
  library::write_counts counts() {
    library::book_library l = is();
    return b.pool.read_now([&](db::tx& tx) { return library::count_written(tx, l); });
  }
  std::string problems() {
    return b.text("select coalesce(string_agg(problem, ' ' order by problem), '') from written_books where problem <> ''");
  }
  std::string state() { return b.text("select coalesce(string_agg(state, ' '), '') from written_books"); }

  publication::told beside(const std::string& path) {
    result<publication::told, publication::refusal> t = publication::read_metadata_opf(read(root / path));
    REQUIRE(t);
    return *t;
  }
  publication::metadata inside(const std::string& path) {
    result<source> in = open_source(root / path);
    REQUIRE(in);
    result<publication::isolated::inspection, publication::refusal> out = b.inspectors.inspect(in->handle.get(), "x.epub");
    REQUIRE(out);
    return out->about.about;
  }
  std::string checksum() { return b.text("select checksum from book_files"); }
  std::string sum(const std::string& path) const { return sha256_hex(read(root / path)); }
  std::size_t kept_in_attic(const std::string& digest) const {
    std::size_t n = 0;
    for (const fs::path& p : b.files("attic")) n += sha256_hex(read(p)) == digest ? 1 : 0;
    return n;
  }
  // A Kobo that has the book; its revocation lets go of it.
  void fetch_with_kobo(const uuid& book) {
    uuid user =
        b.pool.write_now([](db::tx& tx) { return library::add_user(tx, "reader", library::role::reader, std::nullopt).id; });
    b.text(
        "with d as (insert into devices (id, user_id, name, name_key, kind) values (gen_random_uuid(), '" + user.text() +
        "', 'Kobo', 'kobo', 'kobo') returning id),"
        " k as (insert into kobo_devices (id, device_id) select gen_random_uuid(), id from d returning id),"
        " e as (select entitlement from books where id = '" +
        book.text() +
        "'), l as (insert into kobo_ledger (kobo_id, subject, id) select k.id, 1, entitlement from k, e returning id),"
        " s as (insert into kobo_signals (kobo_id, id, download_done_at) select k.id, entitlement, now() from k, e returning id)"
        " select count(*)::text from l, s");
  }
};

// For a shell; what it says goes to `said`.
inline std::string command_to_write(const written& t) {
  return std::string("'") + INGEST_HELPER + "' write '" + t.b.database.url() + "' '" + t.b.data.native() + "' '" +
         t.b.store.cache().native() + "' 99 1 Tree 2> '" + (t.b.folder / "said").native() + "'";
}

// What is due is written while the tree lies on a file system of that size; what is there then is in `copy`, what was said in
// `said`. The status of the process; nothing where no such file system can be made.
inline std::optional<int> write_in_little_room(const written& t, const std::string& size) {
  std::string tree = "'" + t.root.native() + "'", copy = "'" + (t.b.folder / "copy").native() + "'";
  std::string mount = "mount -t tmpfs -o size=" + size + " none " + tree;
  if (unshared(mount) != 0) {
    WARN("no file system of a given size can be made here");
    return std::nullopt;
  }
  std::string script = "cp -a " + tree + " " + copy + " && " + mount + " && cp -a " + copy + "/. " + tree + " && { " +
                       command_to_write(t) + "; code=$?; rm -rf " + copy + "; cp -a " + tree + "/. " + copy + "; exit $code; }";
  return unshared(script);
}

inline const std::string small_folder = "Ada Lark/The Small Book/";
inline const std::string small_epub = small_folder + "The Small Book - Ada Lark.epub";

}  // namespace carrel::ingest::test
