#include "ingest/library_acts.hpp"
#include "ingest/organise.hpp"
#include "server/commands/library.hpp"

namespace carrel::commands {
namespace {

struct arguments {
  std::string name, pattern, user;
  std::vector<std::string> books;
  bool wait = false;
};
arguments given;

constexpr std::size_t most_listed = 10'000, most_shown = 50;

// What a job moves: by the service, or with --wait here.
exit_status move_files(invocation& call, workshop& w, const uuid& job, json::object out, std::string text) {
  if (!given.wait) {
    call.answer(out.set("job", job), text + "The service moves the files; `carrel job list` shows how far it is.");
    return done;
  }
  jobs::job ended = follow(w, job);
  if (!ended.last_error.empty()) text += ended.last_error + "\n";
  call.answer(out.set("job", jobs::to_json(ended)), text);
  if (ended.state == "done") return done;
  return ended.state == "failed" ? failed : partly;
}

// Before and after of every file that moves.
exit_status pattern(invocation& call) {
  workshop w = busy_workshop(call);
  library::book_library l = w.e.pool->read_now([](db::tx& tx) { return library_named(tx, given.name); });
  result<library::pattern_preview> seen = ingest::foresee_pattern(w.services, l.id, given.pattern, most_listed);
  if (!seen) throw stop(seen.error().field == "library.pattern" ? usage : refused, seen.error().reason, seen.error().field);
  const library::pattern_preview& preview = *seen;
  json::array moves;
  std::string text = std::to_string(preview.moved) + " of " + std::to_string(preview.books) + " books move.\n";
  for (std::size_t i = 0; i < preview.lines.size(); ++i) {
    const library::pattern_preview::line& m = preview.lines[i];
    moves.push_back(json::object{{"book", m.book}, {"title", m.title}, {"from", m.from}, {"to", m.to}});
    if (i < most_shown) text += (m.from.empty() ? "(the store)" : m.from) + " -> " + m.to + "\n";
  }
  if (preview.lines.size() > most_shown) text += "And more; --json lists them.\n";
  json::object out{
      {"id", l.id}, {"before", l.pattern}, {"pattern", given.pattern}, {"books", preview.books}, {"moved", preview.moved}};
  out.set("moves", std::move(moves));
  if (call.dry_run) {
    call.answer(out, text);
    return done;
  }
  result<uuid> job = ingest::set_pattern(w.services, l.id, given.pattern, command_line);
  if (!job) throw stop(refused, job.error().reason, job.error().field);
  text += "To go back: carrel library pattern '" + l.name + "' '" + l.pattern + "'\n";
  return move_files(call, w, *job, std::move(out), std::move(text));
}

exit_status put(invocation& call) {
  workshop w = busy_workshop(call);
  auto [changed, job] = change(w.e, call, [&](db::tx& tx) {
    library::book_library l = library_named(tx, given.name);
    if (l.in_place()) throw stop(refused, l.name + " is only read; files are put into its folder by hand.", "library.read_only");
    return as_viewer(tx, given.user, [&](const uuid& viewer) {
      int out = 0;
      for (const std::string& name : given.books)
        out += library::move_to_library(tx, book_named(tx, viewer, name), l.id, command_line);
      return std::pair(out, ingest::enqueue_organise(tx, l));
    });
  });
  json::object out{{"changed", changed}};
  std::string text = std::to_string(changed) + " books.\n";
  if (!call.dry_run) return move_files(call, w, job, std::move(out), std::move(text));
  call.answer(out, text);
  return done;
}

exit_status take_new(invocation& call) {
  environment e = call.open(1);
  library::book_library l = change(e, call, [&](db::tx& tx) {
    library::book_library found = library_named(tx, given.name);
    if (found.in_place()) throw stop(refused, found.name + " is only read.", "library.read_only");
    library::set_takes_new(tx, found.id, command_line);
    return found;
  });
  call.answer(json::object{{"id", l.id}, {"name", l.name}}, "What comes in from now on is of " + l.name + ".");
  return done;
}

}  // namespace

void describe_library_tree(CLI::App& cmd, invocation& call) {
  CLI::App* naming = cmd.add_subcommand("pattern", "name the files of a managed library anew");
  naming->add_option("NAME", given.name, "the library")->required();
  naming->add_option("PATTERN", given.pattern, "where the files of a book lie")->required();
  naming->footer(
      "{author} {authors} {author_sort} {title} {title_sort} {subtitle} {series} {series_index:2} {year} {language} {publisher}\n"
      "{isbn} {format} {id8} {original} stand for what is known; {a|b} for the first of them that is known; what stands in\n"
      "[ ] is left out when a name in it is not known; / makes a folder. The default:\n" +
      std::string(ingest::default_pattern) +
      "\nWith --dry-run it lists every file that would move and changes nothing. Setting the pattern back moves them back.");
  naming->callback([&call] { call.action = pattern; });

  CLI::App* putting = cmd.add_subcommand("put", "make books belong to a managed library");
  putting->add_option("NAME", given.name, "the library")->required();
  putting->add_option("BOOK", given.books, "ids or titles")->required();
  putting->add_option("--user", given.user, "whose titles (default: the first owner)");
  putting->callback([&call] { call.action = put; });

  for (CLI::App* one : {naming, putting})
    one->add_flag("--wait", given.wait, "stay until the files are moved (Ctrl-C ends it; it goes on where it was)");

  CLI::App* defaulting = cmd.add_subcommand("default", "the library that takes what comes in");
  defaulting->add_option("NAME", given.name, "the library")->required();
  defaulting->callback([&call] { call.action = take_new; });
}

}  // namespace carrel::commands
