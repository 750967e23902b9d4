#include "ingest/organise.hpp"
#include "ingest/write_back.hpp"
#include "server/commands/library.hpp"
#include "server/core/text.hpp"

namespace carrel::commands {
namespace {

struct arguments {
  std::string name, where, user;
  std::vector<std::string> fields;
  bool wait = false;
};
arguments given;

constexpr std::size_t most_listed = 10'000, most_shown = 50;
constexpr int most_unwritten = 200;

stop refusal(const error& why) {
  bool words = why.field == "library.write_fields" || why.field == "library.write_where";
  return stop(words ? usage : refused, why.reason, why.field);
}

library::write_choice wanted_choice(const library::write_choice& now) {
  std::string where = given.where.empty() ? (now.on() ? now.where : "off") : given.where;
  std::vector<std::string> fields = given.fields;
  if (fields.empty()) fields = now.on() ? now.fields : library::every_field(where).fields;
  result<library::write_choice> out = library::write_choice_of(where, fields);
  if (!out) throw refusal(out.error());
  return *out;
}

// What is, and what could not be written.
json::object state_of(workshop& w, const library::book_library& l, std::string& text) {
  library::write_choice c = w.e.pool->read_now([&](db::tx& tx) { return library::find_write_choice(tx, l.id); });
  library::write_counts n = w.e.pool->read_now([&](db::tx& tx) { return library::count_written(tx, l); });
  std::vector<library::unwritten_book> bad = w.e.pool->write_now([&](db::tx& tx) {
    return as_viewer(tx, given.user, [&](const uuid& viewer) {
      return library::unwritten_books(tx, viewer, l.id, std::nullopt, most_unwritten);
    });
  });
  auto number = [](std::int64_t i) { return std::to_string(i); };
  text += c.on() ? l.name + " writes " + join(c.fields, ", ") + (c.where == "side" ? " beside its books. " : " into EPUBs. ")
                 : l.name + " writes nothing into its files. ";
  text += number(n.written) + " books are written, " + number(n.waiting) + " wait, " + number(n.failed) +
          " could not be written, " + number(n.held) + " are written beside their file because a Kobo has it.\n";
  json::array problems;
  for (const library::unwritten_book& b : bad) {
    problems.push_back(json::object{{"book", b.book}, {"title", b.title}, {"code", b.problem}, {"detail", b.detail}});
    text += b.title + ": " + b.problem + (b.detail.empty() ? "" : " (" + b.detail + ")") + "\n";
  }
  json::object out = library::to_json(c, n);
  return out.set("id", l.id).set("name", l.name).set("problems", std::move(problems));
}

exit_status preview(invocation& call, workshop& w, const library::book_library& l, const library::write_choice& c) {
  result<library::write_preview> seen = ingest::preview_write_back(w.services, l.id, c, most_listed);
  if (!seen) throw refusal(seen.error());
  auto number = [](std::int64_t i) { return std::to_string(i); };
  std::string text = number(seen->books) + " books: " + number(seen->files) + " files would be written into, " +
                     number(seen->beside) + " books would get a file beside them, " + number(seen->held) +
                     " files wait until no Kobo has them.\n";
  for (std::size_t i = 0; i < seen->lines.size() && i < most_shown; ++i)
    text += seen->lines[i].path + " (" + seen->lines[i].how + ")\n";
  if (seen->lines.size() > most_shown) text += "And more; --json lists them.\n";
  json::object out = library::to_json(*seen);
  call.answer(out.set("where", c.on() ? c.where : "off").set("fields", c.fields), text);
  return done;
}

exit_status write(invocation& call) {
  workshop w = busy_workshop(call);
  library::book_library l = w.e.pool->read_now([](db::tx& tx) { return library_named(tx, given.name); });
  if (std::optional<error> why = library::refuses_write(l)) throw refusal(*why);
  library::write_choice now = w.e.pool->read_now([&](db::tx& tx) { return library::find_write_choice(tx, l.id); });
  library::write_choice wanted = wanted_choice(now);
  if (call.dry_run) return preview(call, w, l, wanted);

  if (given.wait) {  // their places first
    uuid places = w.e.pool->write_now([&](db::tx& tx) { return ingest::enqueue_organise(tx, l); });
    follow(w, places);
  }
  std::string text;
  bool changes = !given.where.empty() || !given.fields.empty() || given.wait;
  std::optional<uuid> job;
  if (changes) {
    result<ingest::chosen_write_back> set = ingest::set_write_back(w.services, l.id, wanted, command_line);
    if (!set) throw refusal(set.error());
    job = set->job;
    if (!(set->before == wanted)) text = "It was: " + library::to_text(set->before) + "\n";
  }
  std::string trouble;
  if (job && given.wait) trouble = follow(w, *job).last_error;
  json::object out = state_of(w, l, text);
  out.set("job", job ? json::value(*job) : json::value());
  if (!trouble.empty()) text += trouble + "\n";
  if (job && !given.wait) text += "The service writes; `carrel job list` shows how far it is.\n";
  std::int64_t bad = 0;
  out.take("failed", bad);
  call.answer(out, text);
  return given.wait && (bad > 0 || !trouble.empty()) ? partly : done;
}

}  // namespace

void describe_library_write(CLI::App& cmd, invocation& call) {
  CLI::App* writing =
      cmd.add_subcommand("write", "write what the library says into the files of a managed library, or beside them");
  writing->add_option("NAME", given.name, "the library")->required();
  writing->add_option("WHERE", given.where,
                      "off | side (metadata.opf beside the book) | files (into EPUBs, beside other formats)");
  writing->add_option("--field", given.fields, "what is written; may be said several times (default: all)");
  writing->add_option("--user", given.user, "whose books are named (default: the first owner)");
  writing->add_flag("--wait", given.wait, "stay until what is due is written (Ctrl-C ends it; it goes on where it was)");
  writing->footer(
      "Fields: title authors series description language identifiers tags publisher date cover.\n"
      "Without WHERE it says what is written now and what could not be. With --dry-run it lists every file that would be written "
      "and\n"
      "changes nothing. A library that is read in place is never written to. A file that somebody else has changed is not\n"
      "overwritten; the bytes before go to the attic; switching it off leaves the files as they are.");
  writing->callback([&call] { call.action = write; });
}

}  // namespace carrel::commands
