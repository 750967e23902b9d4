#include "tests/integration/kobo/shop.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "kobo/artifact.hpp"
#include "kobo/quiet.hpp"
#include "library/device.hpp"
#include "library/shelf.hpp"

namespace carrel::kobo::tests {
namespace {

namespace fs = std::filesystem;

constexpr db::statement sql_gate{"test.gate", R"sql(
  select r.revision, r.changed_at, u.audience, u.state, u.state_at from users u cross join catalog_revision r where u.id = $1)sql"};
constexpr db::statement sql_size{"test.size", "update book_files set file_size = $2 where book_id = $1"};
constexpr db::statement sql_file{"test.file_version", R"sql(
  update books set version = version + 1, file_version = version + 1 where id = $1)sql"};
constexpr db::statement sql_converting{"test.converting", R"sql(
  with f as (update book_files set kobo_as = null, kobo_how = '' where book_id = $1)
  update books set kobo_ready = false where id = $1)sql"};
constexpr db::statement sql_converted{"test.converted", R"sql(
  with f as (update book_files set kobo_as = id, kobo_how = 'off' where book_id = $1)
  update books set kobo_ready = true where id = $1 and not kobo_ready)sql"};
constexpr db::statement sql_erase{"test.erase_book", "delete from books where id = $1"};
constexpr db::statement sql_files{"test.files", "select id from book_files where book_id = $1"};
constexpr db::statement sql_entitlement{"test.entitlement", "select entitlement from books where id = $1"};

library::gate gate_of(db::tx& tx, const uuid& user) {
  db::rows rows = tx.run(sql_gate, user);
  const db::row& r = rows[0];
  return {.catalog = {.number = r.integer(0), .changed_at = r.at(1)},
          .audience = r.integer(2),
          .state = r.integer(3),
          .state_at = r.at(4)};
}

}  // namespace

shop::shop() {
  fs::path folder = harness::fresh_folder("kobo");
  store_ = std::move(library::store::open(folder, folder / "cache").value());
  std::ofstream(store_->absolute("library/x")) << "the bytes of every book here";
  open();
}

void shop::start_over() {
  db.pool().write_now(
      [](db::tx& tx) { tx.script("delete from devices; delete from shelves; delete from books; delete from kobo_states"); });
  sizes_ = 1000;
  open();
}

void shop::open() {
  how = {};
  how.page_size = 3;
  shelf = db.pool().write_now([&](db::tx& tx) { return library::create_shelf(tx, db.reader(), "To read", true)->id; });
}

uuid shop::add_kobo(const std::string& name) {
  return db.pool().write_now([&](db::tx& tx) {
    library::new_device added = library::add_device(tx, db.reader(), name, "kobo").value();
    uuid id = added.made.id;
    secrets_[id] = library::kobo_secret_hash(added.token);
    library::feed_device(tx, id, shelf, true);
    return id;
  });
}

uuid shop::add_book(const std::string& title) {
  uuid id = db.add({.title = title});
  db.pool().write_now([&](db::tx& tx) { tx.run(sql_size, id, ++sizes_); });
  return id;
}

void shop::shelve(const uuid& book, bool on) {
  db.pool().write_now([&](db::tx& tx) {
    if (on)
      library::add_to_shelf(tx, db.reader(), shelf, {book});
    else
      library::remove_from_shelf(tx, db.reader(), shelf, {book});
  });
}

void shop::retitle(const uuid& book, const std::string& title) {
  db.pool().write_now([&](db::tx& tx) {
    REQUIRE(library::edit_book(tx, book, {{"title", title}}, {}));
    library::bump_revision(tx);
  });
}

void shop::set_series(const uuid& book, const std::string& name) {
  db.pool().write_now([&](db::tx& tx) {
    json::value series = name.empty() ? json::value(nullptr) : json::value(json::object{{"name", name}});
    REQUIRE(library::edit_book(tx, book, {{"series", series}}, {}));
    library::bump_revision(tx);
  });
}

void shop::replace_file(const uuid& book) {
  db.pool().write_now([&](db::tx& tx) {
    tx.run(sql_size, book, ++sizes_);
    tx.run(sql_file, book);
    library::bump_revision(tx);
  });
}

void shop::lose_file(const uuid& book, bool lost) {
  db.pool().write_now([&](db::tx& tx) { library::mark_file_missing(tx, tx.run(sql_files, book)[0].id(0), lost); });
}

void shop::begin_conversion(const uuid& book) {
  replace_file(book);
  db.pool().write_now([&](db::tx& tx) {
    tx.run(sql_converting, book);
    library::bump_revision(tx);
  });
}

void shop::end_conversion(const uuid& book) {
  db.pool().write_now([&](db::tx& tx) {
    if (tx.run(sql_converted, book).affected() > 0) tell_devices(tx);
  });
}

void shop::purge(const uuid& book) {
  db.pool().write_now([&](db::tx& tx) {
    library::trash_books(tx, {book}, {.user = std::nullopt, .name = "test"});
    library::bump_revision(tx);
  });
}

void shop::restore(const uuid& book) {
  db.pool().write_now([&](db::tx& tx) { library::untrash_books(tx, {book}, {.user = std::nullopt, .name = "test"}); });
}

void shop::erase(const uuid& book) {
  db.pool().write_now([&](db::tx& tx) {
    tx.run(sql_erase, book);
    library::bump_revision(tx);
  });
}

sync_answer shop::sync(const uuid& kobo, const std::string& token, const std::string& hash) {
  return db.pool().write_now([&](db::tx& tx) { return sync_in(tx, kobo, token, hash); });
}

sync_answer shop::sync_in(db::tx& tx, const uuid& kobo, const std::string& token, const std::string& hash) {
  sync_request in{.device = kobo,
                  .user = db.reader(),
                  .reader = {.device_hash = hash, .model = "Clara", .firmware = "4.45"},
                  .token = token,
                  .gate = gate_of(tx, db.reader()),
                  .base = {"https://books.example/kobo/secret"}};
  std::optional<sync_token> at = claimed_token(token);
  if (at && at->done && quiet_sync(tx, {.secret = secrets_.at(kobo), .reader = in.reader, .token = token, .at = *at}, "key"))
    return {.body = "[]", .token = token, .more = false};
  return run_sync(tx, in, how, *store_, "key");
}

std::map<std::string, shown_book> shop::target(const uuid& kobo, const std::string& hash) {
  std::map<std::string, shown_book> out;
  with_row(
      kobo,
      [&](db::tx& tx, const kobo_row& k) {
        std::vector<uuid> ids;
        for (const target_book& t : read_target(tx, k.ids).books) {
          if (!t.pending) ids.push_back(t.id);
        }
        for (const auto& [id, d] : read_deliveries(tx, k.ids, ids)) out[id.text()] = {d.title, d.file.size};
      },
      hash);
  return out;
}

std::set<std::string> shop::wanted(const uuid& kobo) {
  std::set<std::string> out;
  with_row(kobo, [&](db::tx& tx, const kobo_row& k) {
    for (const target_book& t : read_target(tx, k.ids).books) out.insert(t.id.text());
  });
  return out;
}

std::set<std::string> shop::pending(const uuid& kobo, const std::string& hash) {
  std::set<std::string> out;
  with_row(
      kobo,
      [&](db::tx& tx, const kobo_row& k) {
        for (const target_book& t : read_target(tx, k.ids).books) {
          if (t.pending) out.insert(t.id.text());
        }
      },
      hash);
  return out;
}

std::string shop::entitlement(const uuid& book) {
  return db.pool().read_now([&](db::tx& tx) { return tx.run(sql_entitlement, book)[0].id(0).text(); });
}

int complete_sync(shop& s, const uuid& kobo, reader& r) {
  for (int requests = 1;; ++requests) {
    sync_answer a = s.sync(kobo, r.token);
    for (const json::value& item : items_of(a.body)) r.apply(item);
    r.token = a.token;
    if (!a.more) return requests;
    REQUIRE(requests < 200);
  }
}

}  // namespace carrel::kobo::tests
