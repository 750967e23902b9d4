#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "ingest/drop_folder.hpp"
#include "ingest/names.hpp"
#include "ingest/recover.hpp"
#include "ingest/settings.hpp"
#include "library/catalog.hpp"
#include "publication/cover.hpp"
#include "schema/migrations.hpp"
#include "server/commands/command.hpp"
#include "server/core/text.hpp"

namespace carrel::commands {
namespace {

struct finding {
  std::string check;
  bool ok;
  std::string detail;
};

constexpr db::statement sql_missing{"doctor.missing_files", "select count(*) from book_files where missing_since is not null"};
constexpr db::statement sql_failed{"doctor.failed_items", R"sql(
  select count(*) from ingest_items i
   where state in ('rejected', 'failed') and dismissed_at is null
     and not (i.error_code in ('duplicate_trashed', 'recording_trashed') and exists (select from books b where b.id = i.book_id and b.deleted_at is null)))sql"};
// A file that was refused counts as a file.
constexpr db::statement sql_failed_jobs{"doctor.failed_jobs",
                                        "select count(*) from jobs where state = 'failed' and kind <> 'ingest.file'"};
constexpr db::statement sql_version{"doctor.version",
                                    "select current_setting('server_version'), extract(epoch from clock_timestamp())::bigint"};

finding disk(const std::string& data) {
  struct statvfs facts {};
  if (::statvfs(data.c_str(), &facts) != 0) return {"disk", false, data + " cannot be looked at"};
  std::uint64_t free_mib = facts.f_bavail * facts.f_frsize >> 20;
  return {"disk", free_mib > 1024, std::to_string(free_mib) + " MiB free under " + data};
}

finding address(const config& c) {
  if (c.is_set("external_url")) return {"external_url", true, c.text("external_url")};
  return {"external_url", true, "not set: links follow the address that is typed. Set it for Kobos and behind a proxy."};
}

// A book that is on its way is in no other list.
finding unfinished(environment& e) {
  constexpr std::size_t most_named = 5;
  std::vector<ingest::abandoned_item> left = ingest::find_abandoned(*e.pool, e.store).items;
  std::string detail = std::to_string(left.size()) + " files were left unfinished";
  if (!left.empty()) detail += " (`carrel ingest` or the service finishes them): ";
  for (std::size_t i = 0; i < std::min(left.size(), most_named); ++i)
    detail += (i > 0 ? ", " : "") + ingest::shown_name(left[i].path);
  if (left.size() > most_named) detail += ", …";
  return {"unfinished", left.empty(), std::move(detail)};
}

finding pictures() {
  bool good = publication::can_read_pictures();
  return {"pictures", good, good ? "covers can be read" : "no covers: libvips cannot be loaded, is libvips42 installed?"};
}

finding drop_folder(environment& e) {
  std::filesystem::path folder = ingest::settings_from(e.settings).drop_dir;
  std::vector<library::book_library> libraries = e.pool->read_now(library::libraries);
  std::optional<error> bad = ingest::unusable_drop_folder(folder, e.store, libraries);
  return {"drop_folder", !bad, ingest::shown_name(folder.native()) + (bad ? " cannot be watched: " + bad->reason : "")};
}

void look_at_database(environment& e, std::vector<finding>& out) {
  e.pool->read_now([&](db::tx& tx) {
    db::rows version = tx.run(sql_version);
    out.push_back({"database", true, "PostgreSQL " + version[0].text(0) + (e.cluster ? ", private" : "")});
    std::int64_t drift = version[0].integer(1) - unix_seconds(now());
    out.push_back({"time", drift > -5 && drift < 5, "database and server differ by " + std::to_string(drift) + " s"});
    bool owner = library::has_owner(tx);
    out.push_back({"owner", owner, owner ? "there is one" : "not set up yet: carrel setup --code"});
    std::int64_t missing = tx.run(sql_missing)[0].integer(0);
    out.push_back({"files", missing == 0, std::to_string(missing) + " files are missing on disk"});
    std::int64_t failed = tx.run(sql_failed)[0].integer(0);
    out.push_back({"ingest", failed == 0, std::to_string(failed) + " files could not be taken in"});
    std::int64_t jobs = tx.run(sql_failed_jobs)[0].integer(0);
    out.push_back({"jobs", jobs == 0, std::to_string(jobs) + " jobs failed"});
  });
  db::schema_state schema = db::state_of_schema(*e.pool, schema::migrations());
  out.push_back({"schema", schema.pending.empty(), std::to_string(schema.applied) + " of " + std::to_string(schema.known)});
  out.push_back(unfinished(e));
}

exit_status doctor(invocation& call) {
  std::vector<finding> all;
  config settings = call.load_settings();
  all.push_back({"settings", true, std::to_string(settings.entries().size()) + " valid"});
  all.push_back(address(settings));
  all.push_back(pictures());
  std::string data = data_dir(settings);
  result<environment> e = open_environment(std::move(settings), {.connections = 1, .migrate = false});
  all.push_back(disk(data));
  if (!e) {
    all.push_back({"database", false, e.error().message()});
  } else {
    all.push_back(drop_folder(*e));
    try {
      look_at_database(*e, all);
    } catch (const db::failure& bad) {
      all.push_back({"database", false, bad.what()});
    }
  }

  json::array document;
  std::vector<std::vector<std::string>> rows;
  bool good = true;
  for (const finding& f : all) {
    document.push_back(json::object{{"check", f.check}, {"ok", f.ok}, {"detail", f.detail}});
    rows.push_back({f.ok ? "ok" : "look", f.check, f.detail});
    good = good && f.ok;
  }
  call.answer(document, table(rows));
  return good ? done : failed;
}

}  // namespace

void describe_doctor(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("doctor", "check disk, database, schema, covers, files and jobs");
  cmd->callback([&call] { call.action = doctor; });
}

}  // namespace carrel::commands
