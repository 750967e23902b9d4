#include <algorithm>

#include "ingest/command.hpp"
#include "ingest/organise.hpp"
#include "server/commands/library.hpp"
#include "server/commands/reading_run.hpp"

namespace carrel::commands {
namespace {

struct arguments {
  std::vector<std::string> paths;
  std::string user, library;
  bool wait = false, approve = false, keep = false;
};
arguments given;

bool waits(const ingest::added_file& f) { return f.status == "review"; }

std::string summary(const ingest::outcome& o) {
  auto review = std::count_if(o.added.begin(), o.added.end(), waits);
  std::string reviewed = review > 0 ? " (" + std::to_string(review) + " for review)" : "";
  std::string out = std::to_string(o.added.size()) + (o.dry_run ? " would be added" : " added") + reviewed + ", " +
                    std::to_string(o.duplicates.size()) + " already there, " + std::to_string(o.failed.size()) +
                    " could not be taken in, " + std::to_string(o.ignored) + " ignored.\n";
  for (const ingest::failed_file& f : o.failed) out += f.path + ": " + f.message + " (" + f.code + ")\n";
  if (o.resumed > 0) out += std::to_string(o.resumed) + " of them had been left unfinished by an earlier run.\n";
  for (const ingest::added_file& f : o.added) {
    if (!o.dry_run && f.possible_duplicate_of)
      out += f.path + ": waits for review, may be the same as book " + f.possible_duplicate_of->text() + '\n';
    else if (!o.dry_run && given.approve && waits(f))
      out += f.path + ": waits for review\n";
  }
  for (const ingest::duplicate_file& f : o.duplicates) {
    if (f.trashed) out += f.path + ": its book lies in the trash. To have it back: carrel book untrash " + f.book.text() + '\n';
  }
  if (o.dry_run) {
    for (const ingest::added_file& f : o.added) {
      out += f.path + ": new, " + (f.status == "organized" ? "into the library" : "for review");
      if (f.possible_duplicate_of) out += ", may be the same as book " + f.possible_duplicate_of->text();
      out += '\n';
    }
    for (const ingest::duplicate_file& f : o.duplicates)
      out += f.path + ": " + (f.same_as.empty() ? "the same file as in book " + f.book.text() : "the same file as " + f.same_as) +
             '\n';
  }
  for (const ingest::added_file& f : o.added) {
    for (const publication::warning& w : f.warnings) {
      if (w.code == "source_stays") out += f.path + ": " + publication::message_for(w.code, "") + '\n';
    }
  }
  return out;
}

void put_into(environment& e, const library::book_library& l, const ingest::outcome& o) {
  e.pool->write_now([&](db::tx& tx) {
    for (const ingest::added_file& f : o.added) library::move_to_library(tx, f.book, l.id, command_line);
    ingest::enqueue_organise(tx, l);
  });
}

exit_status ingest(invocation& call) {
  std::vector<std::filesystem::path> paths;
  for (const std::string& p : given.paths) paths.push_back(std::filesystem::absolute(p));
  auto missing = [](const std::filesystem::path& p) {
    std::error_code code;
    return !std::filesystem::exists(std::filesystem::symlink_status(p, code));
  };
  if (std::all_of(paths.begin(), paths.end(), missing))
    throw stop(not_found, "There is no file or folder " + given.paths.front() + ".");
  reading_run run(call);
  ingest::ingest_options options{.approve = given.approve,
                                 .keep = given.keep,
                                 .user = run.user(given.user),
                                 .dry_run = call.dry_run,
                                 .stop = run.asked_to_end()};
  std::optional<library::book_library> into;
  if (!given.library.empty()) into = run.env().pool->read_now([](db::tx& tx) { return library_named(tx, given.library); });
  if (into && into->in_place())
    throw stop(refused, into->name + " is only read; files are put into its folder by hand.", "library.read_only");
  ingest::outcome o;
  {
    progress_bar bar("files");
    o = ingest::ingest_paths(run.services(), paths, options, [&](std::int64_t now, std::int64_t found) { bar.show(now, found); });
  }
  if (into && !o.added.empty() && !call.dry_run) put_into(run.env(), *into, o);
  json::object document = ingest::to_json(o);
  if (o.interrupted) {
    failure why = failure_of(o.interrupted);
    bool asked = options.stop.stop_requested();
    if (asked) why.code = "interrupted";
    document.set("error", to_json(why).take("error"));
    call.answer(document, summary(o));
    call.fail(why);
    return asked || !o.added.empty() || !o.duplicates.empty() ? partly : failed;
  }
  call.answer(document, summary(o));
  if (o.failed.empty()) return done;
  return o.added.empty() && o.duplicates.empty() ? failed : partly;
}

}  // namespace

void describe_ingest(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("ingest", "take files and folders into the library");
  cmd->add_option("PATH", given.paths, "files or folders (walked; links that leave them are not followed)")->required();
  cmd->add_flag("--approve", given.approve, "put the books straight into the library instead of the inbox");
  cmd->add_flag("--keep", given.keep,
                "leave the sources where they are; without it they go to the attic once their copy is proven");
  cmd->add_flag("--wait", given.wait, "accepted for scripts: the command always waits until every file is done");
  cmd->add_option("--library", given.library, "the managed library they are for (default: the one that takes what is new)");
  cmd->add_option("--user", given.user, "who brings them (default: nobody)");
  cmd->footer(
      "Works beside a running service. The same command twice changes nothing the second time.\n"
      "Files that cannot be taken in are listed with their reason and stay where they are (--keep) or go to quarantine.\n"
      "What an interrupted run left unfinished is finished too. Ctrl-C ends after the files in hand (exit status 5), twice at "
      "once.\n"
      "Nothing is moved out of the folder of a library: without --keep such files are refused. `carrel library scan` reads them\n"
      "where they are.\n"
      "With --dry-run every file is read and nothing is stored: the lists say what would happen.");
  cmd->callback([&call] { call.action = ingest; });
}

}  // namespace carrel::commands
