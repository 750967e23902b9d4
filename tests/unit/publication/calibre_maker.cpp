#include "calibre_maker.hpp"

#include <sqlite3.h>

#include <catch2/catch.hpp>
#include <fstream>

namespace carrel::publication::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* schema = R"sql(
pragma user_version = 26;
create table authors (id integer primary key, name text not null collate nocase, sort text collate nocase, unique (name));
create table books (id integer primary key autoincrement, title text not null default 'Unknown' collate nocase, sort text collate nocase,
  timestamp timestamp, pubdate timestamp, series_index real not null default 1.0, author_sort text collate nocase,
  path text not null default '', uuid text, has_cover bool default 0, last_modified timestamp not null);
create table books_authors_link (id integer primary key, book integer not null, author integer not null, unique (book, author));
create table books_languages_link (id integer primary key, book integer not null, lang_code integer not null, item_order integer not null default 0);
create table books_publishers_link (id integer primary key, book integer not null, publisher integer not null, unique (book));
create table books_ratings_link (id integer primary key, book integer not null, rating integer not null, unique (book, rating));
create table books_series_link (id integer primary key, book integer not null, series integer not null, unique (book));
create table books_tags_link (id integer primary key, book integer not null, tag integer not null, unique (book, tag));
create table comments (id integer primary key, book integer not null, text text not null collate nocase, unique (book));
create table custom_columns (id integer primary key autoincrement, label text not null, name text not null default '', datatype text not null,
  mark_for_delete bool default 0 not null, is_multiple bool default 0 not null, normalized bool not null, unique (label));
create table data (id integer primary key, book integer not null, format text not null collate nocase, uncompressed_size integer not null default 0,
  name text not null, unique (book, format));
create table identifiers (id integer primary key, book integer not null, type text not null collate nocase, val text not null collate nocase);
create table languages (id integer primary key, lang_code text not null collate nocase, unique (lang_code));
create table library_id (id integer primary key, uuid text not null, unique (uuid));
create table publishers (id integer primary key, name text not null collate nocase, unique (name));
create table ratings (id integer primary key, rating integer check (rating > -1 and rating < 11), unique (rating));
create table series (id integer primary key, name text not null collate nocase, unique (name));
create table tags (id integer primary key, name text not null collate nocase, unique (name));
create view meta as select id, title, (select sortconcat(id, title) from books) as authors from books;
create trigger books_insert_trg after insert on authors begin select 1; end;
)sql";

std::string sql_text(const std::string& s) {
  std::string out = "'";
  for (char c : s) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

void write(const fs::path& p, const std::string& bytes) {
  std::ofstream out(p, std::ios::binary | std::ios::trunc);
  out << bytes;
}

}  // namespace

void calibre_maker::open(const fs::path& folder) {
  folder_ = folder;
  REQUIRE(::sqlite3_open((folder_ / "metadata.db").c_str(), &db_) == SQLITE_OK);
  auto compare = [](void*, int a_size, const void* a, int b_size, const void* b) {
    return std::string_view(static_cast<const char*>(a), static_cast<std::size_t>(a_size))
        .compare({static_cast<const char*>(b), static_cast<std::size_t>(b_size)});
  };
  REQUIRE(::sqlite3_create_collation(db_, "pynocase", SQLITE_UTF8, nullptr, compare) == SQLITE_OK);
}

std::unique_ptr<calibre_maker> calibre_maker::reopen(const fs::path& folder) {
  std::unique_ptr<calibre_maker> out(new calibre_maker);
  out->open(folder);
  return out;
}

calibre_maker::calibre_maker(const fs::path& folder, const std::string& library) {
  fs::create_directories(folder);
  open(folder);
  run(schema);
  run("insert into library_id (uuid) values (" + sql_text(library) + ")");
}

calibre_maker::~calibre_maker() { ::sqlite3_close(db_); }

void calibre_maker::run(const std::string& sql) {
  char* message = nullptr;
  int code = ::sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, &message);
  INFO(sql << ": " << (message != nullptr ? message : ""));
  ::sqlite3_free(message);
  REQUIRE(code == SQLITE_OK);
}

int calibre_maker::add(const calibre_book& b) {
  run("insert into books (title, sort, timestamp, pubdate, author_sort, uuid, has_cover, last_modified) values (" +
      sql_text(b.title) + ", " + sql_text(b.title) + ", " + sql_text(b.timestamp) + ", " + sql_text(b.pubdate) + ", " +
      sql_text(b.author_sort) + ", " + sql_text(b.uuid) + ", 1, " + sql_text(b.last_modified) + ")");
  int id = static_cast<int>(::sqlite3_last_insert_rowid(db_));
  std::string number = std::to_string(id);
  std::string folder = b.folder.empty() ? "Author/Title (" + number + ")" : b.folder;
  run("update books set path = " + sql_text(folder) + " where id = " + number);
  if (b.uuid.empty()) run("update books set uuid = '00000000-0000-4000-8000-' || printf('%012d', id) where id = " + number);
  run("insert or ignore into authors (name, sort) values (" + sql_text(b.author) + ", " + sql_text(b.author_sort) + ")");
  run("insert into books_authors_link (book, author) select " + number + ", id from authors where name = " + sql_text(b.author));
  fs::create_directories(folder_ / folder);
  for (const calibre_file& f : b.files) {
    run("insert into data (book, format, name) values (" + number + ", " + sql_text(f.format) + ", " + sql_text(b.stem) + ")");
    std::string ending = f.format;
    for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    if (!f.bytes.empty()) write(folder_ / folder / (b.stem + "." + ending), f.bytes);
  }
  if (!b.cover.empty()) write(folder_ / folder / "cover.jpg", b.cover);
  return id;
}

fs::path calibre_maker::folder_of(int id) { return folder_ / "Author" / ("Title (" + std::to_string(id) + ")"); }

}  // namespace carrel::publication::test
