#include "ingest/missing_covers.hpp"
#include "library/cover_cache.hpp"
#include "server/commands/reading_run.hpp"

namespace carrel::commands {
namespace {

struct arguments {
  bool missing = false, rebuild = false;
};
arguments given;

constexpr db::statement sql_covers{"commands.covers", R"sql(
  select (select count(*) from covers), (select coalesce(sum(bytes), 0) from covers),
         (select count(*) from books where cover_id is null and deleted_at is null))sql"};

struct figures {
  std::int64_t covers = 0, without = 0;
  std::uint64_t bytes = 0;
};
figures count(db::tx& tx) {
  db::rows rows = tx.run(sql_covers);
  return {.covers = rows[0].integer(0), .without = rows[0].integer(2), .bytes = static_cast<std::uint64_t>(rows[0].integer(1))};
}

exit_status show(invocation& call) {
  environment e = call.open(1);
  figures f = e.pool->read_now(count);
  std::uint64_t cached = library::cover_cache_bytes(e.store);
  call.answer(json::object{{"covers", f.covers}, {"bytes", f.bytes}, {"cached_bytes", cached}, {"books_without", f.without}},
              std::to_string(f.covers) + " covers, " + mebibytes(f.bytes) + "; smaller copies of them, " + mebibytes(cached) +
                  "; " + std::to_string(f.without) + " books have none.");
  return done;
}

// A running server cuts what is asked for meanwhile.
exit_status rebuild(invocation& call) {
  environment e = call.open(1);
  std::uint64_t before = library::cover_cache_bytes(e.store);
  if (!call.dry_run) library::trim_cover_cache(e.store, 0);
  call.answer(json::object{{"removed_bytes", before}},
              mebibytes(before) + (call.dry_run ? " would be" : "") + " removed. Each is cut again when it is asked for.");
  return done;
}

exit_status find_missing(invocation& call) {
  reading_run run(call);
  ingest::missing_covers_options how{.dry_run = call.dry_run, .stop = run.asked_to_end()};
  ingest::missing_covers o;
  {
    progress_bar bar("books");
    o = ingest::find_missing_covers(run.services(), how, [&](std::int64_t now, std::int64_t all) { bar.show(now, all); });
  }
  bool stopped = how.stop.stop_requested();
  call.answer(json::object{{"books", o.books}, {"found", o.found}, {"unreadable", o.unreadable}, {"interrupted", stopped}},
              std::to_string(o.books) + " books had no cover; " + std::to_string(o.found) +
                  (call.dry_run ? " would have" : " have") + " one now, of " + std::to_string(o.unreadable) +
                  " no file can be read." + (stopped ? " The run was interrupted; the same command goes on." : ""));
  return stopped ? partly : done;
}

}  // namespace

void describe_covers(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("covers", "how many covers there are, and which are missing");
  CLI::Option* missing =
      cmd->add_flag("--missing", given.missing, "look into the files of books without a cover once more, and use what is found");
  cmd->add_flag("--rebuild", given.rebuild, "remove the smaller copies; they are cut again when they are asked for")
      ->excludes(missing);
  cmd->callback([&call] { call.action = given.missing ? find_missing : given.rebuild ? rebuild : show; });
}

}  // namespace carrel::commands
