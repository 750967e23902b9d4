// Readers with Kobos, in a library that load_rows has filled. Each argument USERSxDEVICESxBOOKS makes so many users, each with a
// shelf of so many books that feeds all of the user's devices; a line "ARGUMENT TOKEN" is printed for each device.
#include <cstdio>

#include "database.hpp"
#include "kobo/artifact.hpp"
#include "library/device.hpp"
#include "library/shelf.hpp"
#include "library/user.hpp"

namespace {

using namespace carrel;

// Other books for each shelf, from all over the library, and the same ones in every run.
constexpr db::statement sql_pick{"bench.pick", "select id from books order by md5($1 || id::text) limit $2"};

// As if each had been converted when it was put on the shelf.
constexpr db::statement sql_converted{"bench.converted", R"sql(
  with made as (
    insert into kobo_artifacts (id, file_id, source, version, options, file_size, checksum)
    select gen_random_uuid(), f.id, f.checksum, 1, $2, f.file_size, reverse(f.checksum)
      from book_files f where f.book_id = any ($1::uuid[]) and f.kobo_as is null
    returning id, file_id),
  noted as (update book_files f set kobo_as = m.id, kobo_how = $3 from made m where f.id = m.file_id)
  update books set kobo_ready = true where id = any ($1::uuid[]))sql"};

struct group {
  int users = 0, devices = 0, books = 0;
};

std::optional<group> read_group(const char* text) {
  group g;
  int end = 0;
  bool whole = std::sscanf(text, "%dx%dx%d%n", &g.users, &g.devices, &g.books, &end) == 3 && text[end] == '\0';
  return whole ? std::optional(g) : std::nullopt;
}

void add_reader(db::tx& tx, const std::string& name, const group& g, const char* argument) {
  library::user reader = library::add_user(tx, name, library::role::reader, std::nullopt);
  uuid shelf = library::create_shelf(tx, reader.id, "To read", true)->id;
  std::vector<uuid> books;
  for (const db::row& r : tx.run(sql_pick, name, g.books)) books.push_back(r.id(0));
  kobo::conversion how = kobo::conversion_from(config::load({}).value());
  tx.run(sql_converted, books, how.form(), how.how());
  if (library::add_to_shelf(tx, reader.id, shelf, books) != g.books) throw std::runtime_error("the library has too few books");
  for (int n = 0; n < g.devices; ++n) {
    library::new_device d = *library::add_device(tx, reader.id, "Kobo " + std::to_string(n), "kobo");
    library::feed_device(tx, d.made.id, shelf, true);
    std::printf("%s %s\n", argument, d.token.c_str());
  }
}

int run(int count, char** arguments) {
  auto opened = bench::open_database(1);
  if (!opened) return std::fprintf(stderr, "load_kobos: %s\n", opened.error().message().c_str()), 1;
  for (int i = 0; i < count; ++i) {
    std::optional<group> g = read_group(arguments[i]);
    if (!g) return std::fprintf(stderr, "load_kobos: %s is not USERSxDEVICESxBOOKS\n", arguments[i]), 2;
    opened->pool->write_now([&](db::tx& tx) {
      for (int n = 0; n < g->users; ++n) add_reader(tx, arguments[i] + std::string("-") + std::to_string(n), *g, arguments[i]);
    });
  }
  opened->pool->read_now([](db::tx& tx) { tx.script("vacuum analyze"); });
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: load_kobos USERSxDEVICESxBOOKS...\n"), 2;
  try {
    return run(argc - 1, argv + 1);
  } catch (const std::exception& e) {
    return std::fprintf(stderr, "load_kobos: %s\n", e.what()), 1;
  }
}
