#include "server/commands/import_csv.hpp"

#include <algorithm>

#include "ingest/reading_list.hpp"
#include "server/commands/long_run.hpp"
#include "server/core/text.hpp"

namespace carrel::commands {
namespace {

struct arguments {
  std::string file, user;
};
arguments given;

constexpr std::size_t most_shown = 50;  // lines of each kind; --json has more

std::string name_of(const ingest::list_entry& e) {
  std::string out = "Line " + std::to_string(e.line);
  if (!e.title.empty()) out += ": " + e.title;
  if (!e.authors.empty()) out += " - " + join(e.authors, ", ");
  if (!e.isbns.empty()) out += " (ISBN " + join(e.isbns, ", ") + ")";
  return out;
}

template <class Words>
void append(std::string& out, const char* heading, const ingest::entry_list& list, Words words) {
  if (list.count == 0) return;
  out += std::string(heading) + '\n';
  std::size_t shown = std::min(most_shown, list.entries.size());
  for (std::size_t i = 0; i < shown; ++i) out += "  " + name_of(list.entries[i]) + words(list.entries[i]) + '\n';
  std::int64_t more = list.count - static_cast<std::int64_t>(shown);
  if (more > 0) out += "  and " + std::to_string(more) + " more; --json lists them\n";
}

std::string books_of(const ingest::list_entry& e) {
  std::vector<std::string> ids;
  for (const uuid& id : e.books) ids.push_back(id.text());
  return ids.empty() ? "" : ": " + join(ids, ", ");
}

std::string report(const ingest::list_outcome& o) {
  auto number = [](std::int64_t n) { return std::to_string(n); };
  const char* would = o.dry_run ? " would be" : "";
  std::string out = number(o.rows) + " rows (" + o.source + "): " + number(o.matched) + " are books here (" + number(o.by_isbn) +
                    " by ISBN), " + number(o.unmatched.count) + " are not, " + number(o.ambiguous.count) + " may be several, " +
                    number(o.failed.count) + " could not be read.\n" + number(o.changed) + would + " changed, " +
                    number(o.unchanged) + " unchanged, " + number(o.kept.count) + " kept as they were set here.\n";
  auto nothing = [](const ingest::list_entry&) { return std::string(); };
  append(out, "Not in the library:", o.unmatched, nothing);
  append(out, "More than one book may be meant:", o.ambiguous, books_of);
  append(out, "Set here by hand, and not older:", o.kept, nothing);
  append(out, "A row before was the same book:", o.repeated,
         [](const ingest::list_entry& e) { return ", as line " + std::to_string(e.first_line); });
  append(out, "Values that could not be understood, and were left out:", o.unclear,
         [](const ingest::list_entry& e) { return ": " + join(e.columns, ", "); });
  append(out, "Could not be read:", o.failed,
         [](const ingest::list_entry& e) { return ": " + publication::message_for(e.code, ""); });
  return out;
}

exit_status import_csv(invocation& call) {
  input_file in(given.file);
  patience::block();
  environment e = call.open(2);
  patience signals;
  ingest::list_options how{.user = e.pool->read_now([](db::tx& tx) { return acting_user(tx, given.user).id; }),
                           .dry_run = call.dry_run,
                           .stop = signals.asked()};
  result<ingest::list_outcome, publication::refusal> o = publication::refusal{};
  {
    progress_bar bar("rows");
    o = ingest::import_reading_list(*e.pool, publication::bytes_of_file(in.descriptor()), how,
                                    [&](std::int64_t rows) { bar.show(rows, rows); });
  }
  if (!o) throw stop(failed, publication::message_for(o.error().code, o.error().detail), o.error().code);
  json::object document = ingest::to_json(*o);
  if (o->interrupted) {
    failure why = failure_of(o->interrupted);
    if (how.stop.stop_requested()) why.code = "interrupted";
    document.set("error", to_json(why).take("error"));
    call.answer(document, report(*o));
    call.fail(why);
    return o->rows > 0 ? partly : failed;
  }
  call.answer(document, report(*o));
  if (o->failed.count == 0) return done;
  return o->failed.count == o->rows ? failed : partly;
}

}  // namespace

void describe_import_csv(CLI::App& import, invocation& call) {
  CLI::App* csv = import.add_subcommand("csv", "what somebody has read, as Goodreads, StoryGraph or a table has it");
  csv->add_option("FILE", given.file, "a CSV file in UTF-8; its first row names the columns")->required();
  csv->add_option("--user", given.user, "whose states, stars and reviews they are (default: the owner)");
  csv->footer(
      "The exports of Goodreads and StoryGraph are recognised. Of other tables these columns are read: title, author, isbn, "
      "rating\n"
      "(of five stars, or 8/10), state (unread, wanted, reading, read, abandoned), date started, date read, review; their names "
      "may\n"
      "be English, German or French.\n"
      "A row is a book here by its ISBN, else by title and author; where two books may be meant none is taken. What is not here, "
      "or\n"
      "may be several, is listed. What was set here by hand stays, unless the row names a day of reading after the day on which "
      "it\n"
      "was set. Nothing is taken away, no book is made, and the same file again changes nothing.\n"
      "Rows that cannot be read are listed (exit status 5). With --dry-run nothing is stored: the lists say what would happen.");
  csv->callback([&call] { call.action = import_csv; });
}

}  // namespace carrel::commands
