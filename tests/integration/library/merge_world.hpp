#pragma once
// Books with files, several readers with shelves, positions, highlights and Kobos: what a merge must not lose.

#include <algorithm>
#include <catch2/catch.hpp>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include "library/document.hpp"
#include "library/merge.hpp"
#include "library/position.hpp"
#include "library/shelf.hpp"
#include "server/core/text.hpp"
#include "tests/integration/library/shelf_of_books.hpp"

namespace carrel::harness {

// A statement's name and text must outlive the connection that has prepared it.
inline db::statement kept(const std::string& sql) {
  static std::map<std::string, std::string> names;
  auto [at, fresh] = names.try_emplace(sql, "test.kept." + std::to_string(names.size()));
  return {at->second.c_str(), at->first.c_str()};
}

class merge_world : public library_db {
 public:
  void run(const std::string& sql) {
    pool().write_now([&](db::tx& tx) { tx.script(sql); });
  }
  std::string text(const std::string& sql) {
    db::statement one = kept(sql);
    return pool().read_now([&](db::tx& tx) {
      db::rows rows = tx.run(one);
      return rows.empty() ? std::string() : rows[0].text(0);
    });
  }
  std::int64_t number(const std::string& sql) { return std::stoll(text(sql)); }
  static std::string quoted(const uuid& id) { return "'" + id.text() + "'"; }

  result<library::merge_outcome> merge(const uuid& kept, const std::vector<uuid>& others,
                                       library::merge_act act = library::merge_act::merge) {
    return pool().write_now([&](db::tx& tx) { return library::merge_books(tx, kept, others, act, {owner(), "owner"}); });
  }
  result<library::unmerge_outcome> undo(const uuid& merge) {
    return pool().write_now([&](db::tx& tx) { return library::undo_merge(tx, merge, {owner(), "owner"}); });
  }

  uuid shelf_of(const uuid& user, const std::string& name) {
    return pool().write_now([&](db::tx& tx) { return library::create_shelf(tx, user, name, true)->id; });
  }
  void shelve(const uuid& user, const uuid& shelf, const uuid& book) {
    pool().write_now([&](db::tx& tx) { library::add_to_shelf(tx, user, shelf, {book}); });
  }
  std::vector<uuid> on(const uuid& user, const uuid& shelf) {
    return pool().read_now([&](db::tx& tx) { return library::shelf_books(tx, user, shelf); });
  }

  // The name by which KOReader knows the file of a book made by add().
  std::string document_of(const uuid& book) {
    return text("select koreader_md5 from book_files where book_id = " + quoted(book) + " order by id limit 1");
  }
  void push(const uuid& user, const std::string& document, double percentage, const std::string& device = "Tablet") {
    library::position p;
    p.user = user;
    p.document = document;
    p.progress = "/body/" + std::to_string(percentage);
    p.percentage = percentage;
    p.device = device;
    p.device_id = device;
    p.device_key = "d:" + device;
    p.timestamp = unix_seconds(now());
    pool().write_now([&](db::tx& tx) {
      library::put_positions(tx, {p}, {});
      library::link_document(tx, user, document);
    });
  }
  std::vector<library::position_row> positions(const uuid& user, const uuid& book) {
    return pool().read_now([&](db::tx& tx) { return library::positions_of_book(tx, user, book, 1000); });
  }

  void place(const uuid& user, const uuid& book, const std::string& document, double fraction, const std::string& at) {
    run("insert into book_positions (user_id, book_id, total_fraction, quality, document, device, origin, at) values (" +
        quoted(user) + ", " + quoted(book) + ", " + std::to_string(fraction) + ", 'exact', '" + document +
        "', 'Tablet', 'device', '" + at + "')");
  }

  // Its file is a recording; the book is played from it.
  void play(const uuid& book) {
    std::string edition = quoted(uuid::make());
    run("insert into audio_editions (id, book_id, duration_seconds) values (" + edition + ", " + quoted(book) +
        ", 60);"
        "insert into audio_tracks (id, edition_id, book_file_id, track_index, start_offset, duration_seconds, mime_type)"
        " select gen_random_uuid(), " +
        edition + ", id, 1, 0, 60, 'audio/mpeg' from book_files where book_id = " + quoted(book) + " limit 1");
  }

  std::string entitlement(const uuid& book) { return text("select entitlement::text from books where id = " + quoted(book)); }

  // Rows that are in one of them only.
  static std::string differences(const std::string& before, const std::string& after) {
    auto lines = [](const std::string& all) {
      std::vector<std::string> out = split(all, '\n');
      std::sort(out.begin(), out.end());
      return out;
    };
    std::vector<std::string> a = lines(before), b = lines(after), gone, fresh;
    std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(gone));
    std::set_difference(b.begin(), b.end(), a.begin(), a.end(), std::back_inserter(fresh));
    std::string out;
    for (const std::string& line : gone) out += "was: " + line + "\n";
    for (const std::string& line : fresh) out += "is: " + line + "\n";
    return out;
  }

  // All that belongs to books, but for numbers that only grow.
  std::string everything() {
    static const char* tables[]{
        "select to_jsonb(b) - 'version' - 'file_version' - 'updated_at' from books b order by b.id",
        "select to_jsonb(f) - 'updated_at' from book_files f order by f.id",
        "select to_jsonb(h) from book_file_hashes h order by h.file_id, h.kind, h.hash",
        "select to_jsonb(c) from book_metadata_candidates c order by c.id",
        "select to_jsonb(p) from book_people p order by p.book_id, p.role, p.person_id",
        "select to_jsonb(t) from book_tags t order by t.book_id, t.tag_id",
        "select to_jsonb(s) from shelf_books s order by s.shelf_id, s.book_id",
        "select to_jsonb(d) - 'last_seen_at' from documents d order by d.user_id, d.document",
        "select to_jsonb(p) from reading_progress p order by p.id",
        "select to_jsonb(h) from reading_progress_history h order by h.id",
        "select to_jsonb(p) - 'revision' from book_positions p order by p.user_id, p.book_id",
        "select to_jsonb(d) from downloads d order by d.id",
        "select to_jsonb(i) from imported_books i order by i.book_uuid",
        "select to_jsonb(i) from ingest_items i order by i.id",
        "select to_jsonb(a) from annotations a order by a.id",
        "select to_jsonb(t) from kobo_tombstones t order by t.kobo_id, t.id",
        "select to_jsonb(s) - 'revision' - 'created_at' from kobo_states s where s.status is not null or s.bookmark is not null"
        " order by s.user_id, s.entitlement",
        "select to_jsonb(d) from duplicate_candidates d order by d.book_id, d.other_id",
        "select to_jsonb(e) from audio_editions e order by e.id",
        "select to_jsonb(t) from audio_tracks t order by t.id",
        "select to_jsonb(a) from file_aliases a"};
    std::string out;
    pool().read_now([&](db::tx& tx) {
      for (const char* sql : tables) {
        db::statement one = kept(sql);
        for (const db::row& r : tx.run(one)) out += r.text(0) + "\n";
      }
      return 0;
    });
    return out;
  }
};

}  // namespace carrel::harness
