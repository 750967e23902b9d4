#include "workbench.hpp"

#include <algorithm>
#include <map>

#include "ingest/jobs.hpp"
#include "ingest/recover.hpp"
#include "schema/migrations.hpp"

namespace carrel::ingest::test {
namespace {

bool migrate_first() {
  static const bool done = [] {
    harness::use_migrations(schema::migrations());
    return true;
  }();
  return done;
}

// A statement's texts live as long as the program.
db::statement kept(const std::string& sql) {
  static std::map<std::string, std::string> names;
  auto [at, fresh] = names.try_emplace(sql, "test." + std::to_string(names.size()));
  return {at->second.c_str(), at->first.c_str()};
}

}  // namespace

publication::isolated::options helper_inspectors(const std::string& command) {
  publication::isolated::options out;
  out.command = {INGEST_HELPER, command};
  out.cpu = std::chrono::seconds(10);
  return out;
}

settings quick_settings(const fs::path& data) {
  settings out;
  out.drop_dir = data / "drop";
  out.ignore = {"._*", ".*", "*.part", "*.tmp", "Thumbs.db"};
  out.settle = std::chrono::milliseconds(150);
  out.sample_gap = std::chrono::milliseconds(50);
  out.scan_every = std::chrono::milliseconds(500);
  out.unreadable_gap = std::chrono::milliseconds(200);
  out.reserve = 0;
  return out;
}

workbench::workbench()
    : database((migrate_first(), harness::database())),
      folder(fs::absolute(harness::fresh_folder("ingest"))),
      data(folder / "data"),
      inbox(folder / "in"),
      store(library::store::open(data, folder / "cache").value()),
      pool({.url = database.url(), .connections = 6}),
      inspectors(helper_inspectors()),
      with{pool, store, inspectors, quick_settings(data)} {
  fs::create_directories(inbox);
}

outcome workbench::take(const std::vector<fs::path>& paths, bool keep, bool approve) {
  ingest_options o;
  o.keep = keep;
  o.approve = approve;
  outcome out = ingest_paths(with, paths, o);
  if (out.interrupted) std::rethrow_exception(out.interrupted);
  return out;
}

void workbench::recover() {
  pool.write_now([](db::tx& tx) { return enqueue_unfinished(tx, true); });
  db::notifier bell(database.url());
  jobs::workers w(pool, bell, 1, "test");
  register_jobs(w, with);
  while (w.run_one()) {
  }
}

std::int64_t workbench::number(const std::string& sql) {
  db::statement s = kept(sql);
  return pool.read_now([&](db::tx& tx) { return tx.run(s)[0].integer(0); });
}

std::string workbench::text(const std::string& sql) {
  db::statement s = kept(sql);
  return pool.read_now([&](db::tx& tx) { return tx.run(s)[0].text(0); });
}

std::vector<fs::path> workbench::files(const std::string& below) const {
  std::vector<fs::path> out;
  for (const fs::directory_entry& e : fs::recursive_directory_iterator(data / below)) {
    if (e.is_regular_file() && e.path().filename() != ".lock") out.push_back(e.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string workbench::rows_of_everything() {
  std::string out;
  for (const char* table : {"books", "book_files", "book_file_hashes", "covers", "people", "series", "tags", "ingest_items",
                            "jobs", "catalog_revision"}) {
    out += text("select coalesce(string_agg(t::text, chr(10) order by t::text), '') from " + std::string(table) + " t") + "\n";
  }
  return out;
}

std::string codes(const outcome& o) {
  std::string out;
  for (const failed_file& f : o.failed) out += fs::path(f.path).filename().native() + "=" + f.code + " ";
  return out;
}

}  // namespace carrel::ingest::test
