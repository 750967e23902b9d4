#include <thread>

#include "ingest/in_place.hpp"
#include "ingest/library_acts.hpp"
#include "ingest/organise.hpp"
#include "library/source_queue.hpp"
#include "server/commands/library.hpp"
#include "server/commands/long_run.hpp"
#include "server/core/text.hpp"
#include "server/db/notify.hpp"
#include "server/jobs/worker.hpp"

namespace carrel::commands {
namespace {

struct arguments {
  std::string name, folder, pattern = std::string(ingest::default_pattern);
  bool in_place = false, managed = false, takes_new = false, wait = false, yes = false;
};
arguments given;

constexpr int most_refused = 10'000;
constexpr std::chrono::seconds longest_preview{30};

stop refusal(const error& why) {
  bool words = why.field == "library.pattern" || why.field == "library.no_name";
  return stop(why.field == "library.no_folder" ? not_found : words ? usage : refused, why.reason, why.field);
}

std::string preview_text(const library::folder_preview& p) {
  std::string out = std::to_string(p.files) + " files, " + std::to_string(p.bytes >> 20) + " MiB";
  for (const auto& [extension, count] : p.by_extension)
    out += ", " + std::to_string(count) + " " + (extension.empty() ? "without a type" : extension);
  out += "; " + std::to_string(p.ignored) + " other names and " + std::to_string(p.special) + " links are passed over.";
  return p.complete ? out : "More than " + out;
}

exit_status add(invocation& call) {
  if (trim(given.name).empty()) throw stop(usage, "A library needs a name.");
  if (given.in_place == given.managed)
    throw stop(usage,
               "Say --in-place (the files stay as and where they are, and are only read) or --managed (Carrel names them).");
  workshop w(call.open());
  library::library_wish wish{.name = given.name,
                             .folder = given.folder,
                             .managed = given.managed,
                             .pattern = given.pattern,
                             .takes_new = given.takes_new,
                             .sure = given.yes};
  json::object out{{"name", given.name}, {"kind", given.managed ? "managed" : "in_place"}};
  if (call.dry_run) {
    result<library::foreseen_library> seen = ingest::foresee_library(w.services, wish, longest_preview);
    if (!seen) throw refusal(seen.error());
    call.answer(out.set("root", seen->root).set("preview", library::to_json(seen->preview)), preview_text(seen->preview));
    return done;
  }
  result<ingest::made_library> made = ingest::add_library(w.services, wish, longest_preview, command_line);
  if (!made) throw refusal(made.error());
  out.set("root", made->foreseen.root).set("preview", library::to_json(made->foreseen.preview));
  out.set("id", made->id).set("job", made->job);
  std::string next = given.managed ? "Books come in through the drop folder; what lies there already stays and is not looked at."
                                   : "The service reads them; `carrel library scan " + given.name + " --wait` reads them here.";
  call.answer(out, preview_text(made->foreseen.preview) + "\n" + next);
  return done;
}

exit_status list(invocation& call) {
  environment e = call.open(1);
  json::array document;
  std::vector<std::vector<std::string>> rows{{"NAME", "KIND", "BOOKS", "FILES", "MISSING", "WAITING", "REFUSED", "FOLDER"}};
  for (const library::book_library& l : e.pool->read_now(library::libraries)) {
    library::library_counts c = e.pool->read_now([&](db::tx& tx) { return library::count_library(tx, l.id); });
    document.push_back(library::to_json(l, c));
    auto number = [](std::int64_t n) { return std::to_string(n); };
    rows.push_back({l.name, l.in_place() ? "in place" : "managed", number(c.books), number(c.files), number(c.missing),
                    number(c.waiting), number(c.refused), l.root + (l.trouble.empty() ? "" : " (" + l.trouble + ")")});
  }
  call.answer(document, table(rows));
  return done;
}

json::array refused_list(const std::vector<ingest::refused_place>& all) {
  json::array out;
  for (const ingest::refused_place& r : all) {
    json::object one{{"path", r.path}, {"code", r.code}, {"message", publication::message_for(r.code, r.detail)}};
    out.emplace_back(std::move(one));
  }
  return out;
}

std::string counts_text(const library::library_counts& c) {
  auto number = [](std::int64_t n) { return std::to_string(n); };
  return number(c.books) + " books with " + number(c.files) + " files; " + number(c.missing) + " missing, " + number(c.damaged) +
         " damaged, " + number(c.duplicates) + " are in the library twice, " + number(c.refused) + " cannot be read as books, " +
         number(c.waiting) + " wait.";
}

using enqueue = uuid (*)(db::tx&, const library::book_library&);

exit_status start_job(invocation& call, enqueue make) {
  workshop w = busy_workshop(call);
  auto [l, job] = w.e.pool->write_now([&](db::tx& tx) {
    library::book_library found = library_named(tx, given.name);
    return std::pair(found, make(tx, found));
  });
  if (!given.wait) {
    call.answer(json::object{{"job", job}},
                "The service does it; `carrel job list` shows how far it is. With --wait it is done here.");
    return done;
  }
  jobs::job ended = follow(w, job);
  library::library_counts c = w.e.pool->read_now([&](db::tx& tx) { return library::count_library(tx, l.id); });
  std::optional<library::book_library> now = w.e.pool->read_now([&](db::tx& tx) { return library::find_library(tx, l.id); });
  std::vector<ingest::refused_place> bad =
      w.e.pool->read_now([&](db::tx& tx) { return ingest::refused_places(tx, l.id, most_refused); });
  json::object out = library::to_json(now.value_or(l), c);
  out.set("job", jobs::to_json(ended)).set("failed", refused_list(bad));
  std::string text = counts_text(c) + "\n";
  for (const ingest::refused_place& r : bad)
    text += r.path + ": " + publication::message_for(r.code, r.detail) + " (" + r.code + ")\n";
  if (!ended.last_error.empty()) text += ended.last_error + "\n";
  call.answer(out, text);
  if (ended.state == "done") return c.missing + c.damaged + c.refused > 0 ? partly : done;
  return ended.state == "failed" ? failed : partly;
}

exit_status scan(invocation& call) {
  return start_job(call, [](db::tx& tx, const library::book_library& l) {
    if (!l.in_place())
      throw stop(refused, l.name + " is managed: what comes in comes through the drop folder.", "library.managed");
    return ingest::enqueue_scan(tx, l, false);
  });
}

exit_status verify(invocation& call) {
  return start_job(call, [](db::tx& tx, const library::book_library& l) { return ingest::enqueue_verify(tx, l); });
}

exit_status remove(invocation& call) {
  environment e = call.open(1);
  library::book_library l = e.pool->read_now([](db::tx& tx) { return library_named(tx, given.name); });
  if (l.root.empty()) throw stop(refused, "This is the store itself, which stays.", "library.store");
  library::library_counts c = e.pool->read_now([&](db::tx& tx) { return library::count_library(tx, l.id); });
  std::string what = std::to_string(c.books) + " books go to the trash. " +
                     (l.in_place() ? "The files in " + l.root + " stay as they are."
                                   : "Their files in " + l.root + " go with them when the trash is emptied.");
  if (!given.yes && !call.dry_run) throw stop(refused, what + " Say --yes to do it.", "library.confirm");
  int books = change(e, call, [&](db::tx& tx) { return library::remove_library(tx, l.id, command_line); });
  call.answer(json::object{{"id", l.id}, {"trashed", books}}, what);
  return done;
}

}  // namespace

workshop::workshop(environment opened)
    : e(std::move(opened)),
      inspectors(publication::isolated::options_from(e.settings)),
      services{.pool = *e.pool,
               .store = e.store,
               .inspectors = inspectors,
               .how = ingest::settings_from(e.settings),
               .added = [this](db::tx& tx, const uuid& book) { library::fetch_after_import(tx, e.settings, book); }} {}

workshop busy_workshop(invocation& call) {
  patience::block();
  return workshop(call.open(ingest::settings_from(call.load_settings()).workers * 2 + 2));
}

jobs::job follow(workshop& w, const uuid& id) {
  patience signals;
  db::notifier bell(w.e.url);
  jobs::workers here(*w.e.pool, bell, 1, "command");
  ingest::register_library_jobs(here, w.services);
  here.start();
  progress_bar bar("files");
  for (;;) {
    std::optional<jobs::job> j = w.e.pool->read_now([&](db::tx& tx) { return jobs::find_job(tx, id); });
    if (!j) throw stop(failed, "The job is gone.");
    if (j->total) bar.show(j->done, *j->total);
    bool over = j->finished_at || j->state == "paused" || signals.asked().stop_requested();
    if (over) {
      here.stop();
      return *j;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

library::book_library library_named(db::tx& tx, const std::string& name) {
  std::optional<library::book_library> found = library::find_library_named(tx, name);
  if (!found) throw stop(not_found, "There is no library called " + name + ". `carrel library list` shows them.");
  return *found;
}

void describe_library(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("library", "libraries: folders that are read in place, trees whose files Carrel names");
  cmd->require_subcommand(1);
  describe_library_tree(*cmd, call);
  describe_library_write(*cmd, call);

  CLI::App* adding = cmd->add_subcommand("add", "make a folder a library");
  adding->add_option("NAME", given.name, "what it is called")->required();
  adding->add_option("DIR", given.folder, "the folder; it lies below one of library.roots")->required();
  adding->add_flag("--in-place", given.in_place, "the files stay as and where they are, and are only read");
  adding->add_flag("--managed", given.managed, "Carrel names the files and moves them when the books change");
  adding->add_option("--pattern", given.pattern, "of a managed library (`carrel library pattern --help`)");
  adding->add_flag("--default", given.takes_new, "of a managed library: what comes in from now on is of it");
  adding->add_flag("--yes", given.yes, "also when another program keeps its library there");
  adding->footer("With --dry-run it says what is in the folder and changes nothing.");
  adding->callback([&call] { call.action = add; });

  cmd->add_subcommand("list", "all libraries")->callback([&call] { call.action = list; });

  CLI::App* scanning = cmd->add_subcommand("scan", "look for new, changed and missing files");
  CLI::App* verifying = cmd->add_subcommand("verify", "read every file again and compare its bytes");
  for (CLI::App* one : {scanning, verifying}) {
    one->add_option("NAME", given.name, "the library")->required();
    one->add_flag("--wait", given.wait, "stay until it is done (Ctrl-C ends it; it goes on where it was)");
  }
  scanning->callback([&call] { call.action = scan; });
  verifying->callback([&call] { call.action = verify; });

  CLI::App* removing = cmd->add_subcommand("remove", "put its books into the trash; files that are read in place stay");
  removing->add_option("NAME", given.name, "the library")->required();
  removing->add_flag("--yes", given.yes, "do it");
  removing->callback([&call] { call.action = remove; });
}

}  // namespace carrel::commands
