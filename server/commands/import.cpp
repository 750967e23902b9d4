#include <algorithm>

#include "ingest/calibre.hpp"
#include "server/commands/import_csv.hpp"
#include "server/commands/reading_run.hpp"

namespace carrel::commands {
namespace {

struct arguments {
  std::string folder, user, read_column;
};
arguments given;

constexpr std::size_t most_shown = 50;  // lines about oddities; --json has them all

std::string summary(const ingest::import_outcome& o) {
  auto number = [](auto n) { return std::to_string(n); };
  const char* would = o.files.dry_run ? " would be" : "";
  std::string out = number(o.seen) + " of " + number(o.books) + " books: " + number(o.added) + would + " added, " +
                    number(o.updated) + would + " updated, " + number(o.unchanged) + " unchanged, " + number(o.without_files) +
                    " without a file, " + number(o.failed) + " could not be taken in.\n" + number(o.files.added.size()) +
                    " files" + would + " added, " + number(o.files.duplicates.size()) + " already there, " +
                    number(o.files.failed.size()) + " could not be taken in, " + number(o.files_missing) + " missing, " +
                    number(o.files_unknown) + " that Calibre does not know.\n" + number(o.opinions) +
                    " ratings and states of reading" + would + " set.\n";
  for (const ingest::failed_file& f : o.files.failed) out += f.path + ": " + f.message + " (" + f.code + ")\n";
  for (std::size_t i = 0; i < std::min(most_shown, o.oddities.size()); ++i) {
    const ingest::oddity& one = o.oddities[i];
    if (one.number != 0) out += "Book " + number(one.number) + " of Calibre: ";
    out += (one.path.empty() ? "" : one.path + ": ") + one.message + '\n';
  }
  if (o.oddities.size() > most_shown) out += "And " + number(o.oddities.size() - most_shown) + " more; --json lists them all.\n";
  for (const ingest::added_file& f : o.files.added) {
    if (f.possible_duplicate_of) out += f.path + ": may be the same as book " + f.possible_duplicate_of->text() + '\n';
  }
  return out;
}

exit_status import_calibre(invocation& call) {
  std::filesystem::path folder = std::filesystem::absolute(given.folder);
  std::error_code code;
  if (!std::filesystem::is_directory(folder, code)) throw stop(not_found, "There is no folder " + given.folder + ".");
  if (!std::filesystem::exists(folder / "metadata.db", code))
    throw stop(not_found, given.folder + ": " + publication::message_for("calibre_no_library", ""));
  reading_run run(call);
  ingest::import_options options{.user = run.user(given.user), .dry_run = call.dry_run, .stop = run.asked_to_end()};
  options.reader = run.services().pool.read_now([](db::tx& tx) { return viewer_or_none(tx, given.user); });
  options.read_column = given.read_column;
  result<ingest::import_outcome, publication::refusal> o = publication::refusal{};
  {
    progress_bar bar("books");
    o = ingest::import_calibre(run.services(), folder, options, [&](std::int64_t now, std::int64_t all) { bar.show(now, all); });
  }
  if (!o) throw stop(failed, publication::message_for(o.error().code, o.error().detail), o.error().code);
  json::object document = ingest::to_json(*o);
  bool some = o->added + o->updated + o->unchanged > 0;
  if (o->files.interrupted) {
    failure why = failure_of(o->files.interrupted);
    bool asked = options.stop.stop_requested();
    if (asked) why.code = "interrupted";
    document.set("error", to_json(why).take("error"));
    call.answer(document, summary(*o));
    call.fail(why);
    return asked || some ? partly : failed;
  }
  call.answer(document, summary(*o));
  if (o->files.failed.empty() && o->failed == 0) return done;
  return some ? partly : failed;
}

}  // namespace

void describe_import(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("import", "bring in the library, or the reading list, of another program");
  cmd->require_subcommand(1);
  describe_import_csv(*cmd, call);
  CLI::App* calibre = cmd->add_subcommand("calibre", "the books of a Calibre library, with what Calibre knows about them");
  calibre->add_option("DIR", given.folder, "the folder that holds metadata.db; it is only read, and every file is copied")
      ->required();
  calibre->add_option(
      "--user", given.user,
      "who brings them (default: nobody), and whose ratings and states of reading they are (default: the owner's)");
  calibre->add_option("--read-column", given.read_column, "the label of the column of Calibre that tells what was read");
  calibre->footer(
      "Every book goes straight into the library with its title, authors, series, tags, identifiers, description, cover and the "
      "day it\n"
      "was added to Calibre. All its formats become files of one book; saved originals (ORIGINAL_...) are left out.\n"
      "The same command again adds what is new, takes over what was changed in Calibre since, and finishes what was interrupted. "
      "What\n"
      "somebody edited in Carrel stays as it is, and so does what Calibre does not know. Ratings, and columns about "
      "reading,\n"
      "become those of --user: read, gelesen, lu, status (yes or no, a word such as \"to read\", or the day), date_read, "
      "gelesen_am,\n"
      "lu_le, date_started, review. What was set here by hand stays, as with `carrel import csv`. Your other columns are kept "
      "with\n"
      "the book's candidates (columns called pages, subtitle, narrators and genre become fields).\n"
      "Missing and unknown files and whatever else is odd are listed. Ctrl-C ends after the books in hand (exit status 5).\n"
      "With --dry-run every file is read and nothing is stored: the lists say what would happen.");
  calibre->callback([&call] { call.action = import_calibre; });
}

}  // namespace carrel::commands
