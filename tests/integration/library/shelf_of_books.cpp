#include "tests/integration/library/shelf_of_books.hpp"
#include "tests/harness/kobo_file.hpp"

#include "library/revision.hpp"
#include "publication/unicode.hpp"
#include "schema/migrations.hpp"
#include "server/core/digest.hpp"

namespace carrel::harness {

library_db::library_db() {
  static const bool prepared = (use_migrations(schema::migrations()), true);
  (void)prepared;
  database_ = std::make_unique<database>();
  pool_ = std::make_unique<db::pool>(db::pool_options{.url = database_->url(), .connections = 2});
  pool_->write_now([this](db::tx& tx) {
    owner_ = library::add_user(tx, "owner", library::role::owner, std::nullopt).id;
    reader_ = library::add_user(tx, "reader", library::role::reader, std::nullopt).id;
  });
}

uuid library_db::add(const book_spec& spec) {
  publication::metadata m;
  m.title = spec.title;
  if (!spec.author.empty()) m.authors.push_back({.name = spec.author, .sort = ""});
  m.series = spec.series;
  m.series_index = spec.index;
  m.languages = {spec.language};
  m.subjects = spec.tags;
  if (!spec.isbn.empty()) m.identifiers.emplace_back("isbn_13", spec.isbn);
  library::new_file f;
  f.id = uuid::make();
  f.format = "epub";
  f.mime = "application/epub+zip";
  f.extension = ".epub";
  f.original_name = "book " + std::to_string(++files_) + ".epub";
  f.size = 1000;
  f.checksum = sha256_hex(f.original_name + spec.title);
  f.md5 = md5_hex(f.original_name);
  f.koreader_md5 = md5_hex("k" + f.original_name);
  f.storage_path = "library/x";
  uuid id = uuid::make();
  pool_->write_now([&](db::tx& tx) {
    library::add_book(tx, id, spec.status, m, f, std::nullopt, std::nullopt);
    harness::deliver_as_it_is(tx, id);
    library::bump_revision(tx);
  });
  return id;
}

library::page library_db::browse(const uuid& viewer, const library::list& l, const library::cursor& from, int limit) {
  return pool_->read_now([&](db::tx& tx) { return library::browse(tx, viewer, l, from, limit); });
}

std::vector<std::string> titles(const std::vector<library::book>& books) {
  std::vector<std::string> out;
  for (const library::book& b : books) out.push_back(b.title);
  return out;
}

}  // namespace carrel::harness
