#include "library/review.hpp"

#include <algorithm>

#include "library/candidate.hpp"
#include "library/catalog.hpp"
#include "server/commands/command.hpp"
#include "server/core/text.hpp"

namespace carrel::commands {
namespace {

struct arguments {
  std::string user;
  std::vector<std::string> names;
  int limit = 50;
  bool all = false;
};
arguments given;

constexpr int most_at_once = 1000;

struct waiting {
  library::book book;
  library::queue_note note;
};

std::vector<waiting> load_queue(db::tx& tx, const uuid& viewer, int most) {
  library::list which;
  which.what = library::list::of::waiting;
  std::vector<waiting> out;
  library::cursor from;
  while (static_cast<int>(out.size()) < most) {
    library::page page = library::browse(tx, viewer, which, from, std::min(200, most - static_cast<int>(out.size())));
    std::vector<uuid> ids;
    for (const library::book& b : page.books) ids.push_back(b.id);
    std::vector<library::queue_note> notes = library::queue_notes(tx, ids);
    for (std::size_t i = 0; i < page.books.size(); ++i) out.push_back({std::move(page.books[i]), std::move(notes[i])});
    if (!page.next) break;
    from = *page.next;
  }
  return out;
}

std::vector<std::string> authors_of(const library::book& b) {
  std::vector<std::string> out;
  for (const library::person& p : b.authors) out.push_back(p.name);
  return out;
}

json::object to_json(const waiting& w) {
  json::array warnings, files;
  for (const publication::warning& one : w.note.warnings)
    warnings.push_back(json::object{{"code", one.code}, {"message", publication::message_for(one.code, one.detail)}});
  for (const library::book_file& f : w.book.files) {
    json::object file{{"id", f.id}, {"format", f.format}, {"size", f.size}};
    file.set("original_name", f.original_name).set("destination", library::destination_of(f)).set("final_name", f.download_name);
    files.emplace_back(std::move(file));
  }
  json::object out{{"book", w.book.id}, {"title", w.book.title}, {"authors", authors_of(w.book)}, {"status", w.book.status}};
  out.set("source", w.note.source.empty() ? json::value() : json::value(w.note.source));
  out.set("confidence", w.note.source.empty() ? json::value() : json::value(w.note.confidence)).set("reasons", w.note.reasons);
  out.set("warnings", std::move(warnings)).set("possible_duplicate_of", w.book.possible_duplicate_of);
  out.set("came_by", w.note.came_by.empty() ? json::value() : json::value(w.note.came_by)).set("files", std::move(files));
  return out;
}

std::string percent(double part) { return std::to_string(static_cast<int>(part * 100 + 0.5)) + " %"; }

exit_status list(invocation& call) {
  environment e = call.open(1);
  std::vector<waiting> all = e.pool->write_now([](db::tx& tx) {
    return as_viewer(tx, given.user, [&](const uuid& viewer) { return load_queue(tx, viewer, given.limit); });
  });
  json::array document;
  std::vector<std::vector<std::string>> rows;
  for (const waiting& w : all) {
    document.emplace_back(to_json(w));
    std::string doubts = w.book.possible_duplicate_of ? "maybe a duplicate" : "";
    for (const publication::warning& one : w.note.warnings) doubts += (doubts.empty() ? "" : ", ") + one.code;
    rows.push_back({w.book.id.text(), percent(w.note.confidence), w.book.title + " - " + join(authors_of(w.book), ", "), doubts});
  }
  call.answer(document, all.empty() ? "Nothing waits." : table(rows));
  return done;
}

struct item {
  waiting what;
  library::comparison known;
};

json::object candidate_json(const library::candidate& c) {
  json::object fields, terms;
  for (const library::offer& o : c.offers) fields.set(o.field, o.value);
  for (const auto& [name, value] : c.terms) terms.set(name, value);
  json::object out{{"id", c.id}, {"source", c.source}, {"status", c.status}, {"confidence", c.confidence}};
  out.set("reasons", c.reasons).set("terms", std::move(terms)).set("taken", c.taken).set("fields", std::move(fields));
  return out;
}

std::string item_text(const item& i) {
  std::vector<std::vector<std::string>> rows{{"FIELD", "NOW", "FROM", ""}};
  for (const library::field_now& f : i.known.fields)
    rows.push_back({f.name, json::dump(f.value), f.source, f.locked ? "locked" : ""});
  std::string out = i.what.book.title + "\n" + table(rows);
  for (const library::candidate& c : i.known.candidates) {
    out += "\n" + c.source + ", " + percent(c.confidence) + " sure" +
           (c.reasons.empty() ? "" : " (" + join(c.reasons, ", ") + ")") + "\n";
    rows.clear();
    for (const library::offer& o : c.offers) rows.push_back({"  " + o.field, o.same ? "the same" : json::dump(o.value)});
    out += table(rows);
  }
  return out;
}

exit_status show(invocation& call) {
  environment e = call.open(1);
  double least = library::least_shown(e.settings);
  item found = e.pool->write_now([least](db::tx& tx) {
    return as_viewer(tx, given.user, [&](const uuid& viewer) {
      uuid id = book_named(tx, viewer, given.names.front());
      std::vector<library::queue_note> notes = library::queue_notes(tx, {id});
      return item{{*library::find_book(tx, viewer, id), notes.front()}, *library::compare(tx, id, least)};
    });
  });
  json::object document = to_json(found.what);
  json::array fields, candidates;
  for (const library::field_now& f : found.known.fields) {
    json::object one{{"field", f.name}, {"value", f.value}, {"locked", f.locked}};
    fields.emplace_back(std::move(one.set("source", f.source.empty() ? json::value() : json::value(f.source))));
  }
  for (const library::candidate& c : found.known.candidates) candidates.emplace_back(candidate_json(c));
  document.set("fields", std::move(fields)).set("candidates", std::move(candidates));
  call.answer(document, item_text(found));
  return done;
}

struct named {
  uuid id;
  std::string title;
  bool doubtful = false;  // comes with --all and may be a duplicate: a person has to look first
};

std::vector<named> named_books(environment& e) {
  return e.pool->write_now([](db::tx& tx) {
    return as_viewer(tx, given.user, [&](const uuid& viewer) {
      std::vector<named> out;
      if (given.all) {
        for (const waiting& w : load_queue(tx, viewer, most_at_once))
          out.push_back({w.book.id, w.book.title, w.book.possible_duplicate_of.has_value()});
      }
      for (const std::string& name : given.names) {
        uuid id = book_named(tx, viewer, name);
        std::erase_if(out, [&](const named& n) { return n.id == id; });
        out.push_back({id, library::find_book(tx, viewer, id)->title});
      }
      return out;
    });
  });
}

// Each in a transaction of its own: one that fails stops no other.
exit_status approve(invocation& call) {
  if (given.names.empty() && !given.all) throw stop(usage, "Name books, or use --all.");
  environment e = call.open(1);
  json::array approved, failures;
  std::string text;
  for (const named& n : named_books(e)) {
    json::object line{{"book", n.id}, {"title", n.title}};
    auto fail = [&](const std::string& code, const std::string& message) {
      text += n.title + ": " + message + "\n";
      failures.emplace_back(std::move(line.set("code", code).set("message", message)));
    };
    if (n.doubtful) {
      fail("possible_duplicate", "It may be the same as another book; name it to approve it.");
      continue;
    }
    try {
      library::approval outcome = change(e, call, [&](db::tx& tx) {
        return as_viewer(tx, given.user,
                         [&](const uuid& viewer) { return library::approve_waiting(tx, viewer, n.id, command_line); });
      });
      if (outcome == library::approval::already) fail("already", "It is in the library already.");
      if (outcome == library::approval::gone) fail("gone", "It is not there any more.");
      if (outcome != library::approval::done) continue;
      text += n.title + (call.dry_run ? ": would be approved.\n" : ": approved.\n");
      approved.emplace_back(std::move(line));
    } catch (const db::lost&) {
      throw;
    } catch (const db::failure& f) {
      fail("failed", f.what());
    }
  }
  bool some = !approved.empty(), all = failures.empty();
  call.answer(json::object{{"approved", std::move(approved)}, {"failed", std::move(failures)}},
              text.empty() ? "Nothing waits." : text);
  return all ? done : some ? partly : refused;
}

exit_status reject(invocation& call) {
  environment e = call.open(1);
  std::vector<uuid> ids;
  for (const named& n : named_books(e)) ids.push_back(n.id);
  int changed = change(e, call, [&](db::tx& tx) { return library::reject_waiting(tx, ids, command_line); });
  call.answer(json::object{{"rejected", changed}}, std::to_string(changed) + " rejected; they lie in the trash.");
  if (changed == static_cast<int>(ids.size())) return done;
  return changed > 0 ? partly : refused;
}

}  // namespace

void describe_review(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("review", "the inbox: list, show, approve, reject");
  cmd->require_subcommand(1);
  auto sub = [&](const char* name, const char* help, const std::function<exit_status(invocation&)>& run) {
    CLI::App* s = cmd->add_subcommand(name, help);
    s->callback([&call, run] { call.action = run; });
    s->add_option("--user", given.user, "as this account sees it (default: the owner)");
    return s;
  };
  CLI::App* one = sub("list", "books that wait, newest first, with how sure their best source is", list);
  one->add_option("--limit", given.limit, "at most so many, 1 to 1000")
      ->capture_default_str()
      ->check(CLI::Range(1, most_at_once));
  one = sub("show", "one book: its fields, and what each source says of them", show);
  one->add_option("BOOK", given.names, "id or exact title")->required()->expected(1);
  one = sub("approve", "put books into the library, one by one", approve);
  one->add_option("BOOK", given.names, "ids or exact titles");
  one->add_flag("--all", given.all, "everything that waits, up to 1000 books");
  one->footer(
      "--all leaves out what may be a duplicate. With --dry-run nothing is changed: the lists say what would happen. Books that "
      "are there already are in `failed`;\n"
      "exit status 5 when only some could be approved. On the page an approval can be taken back for 30 days.");
  sub("reject", "move books that wait to the trash", reject)->add_option("BOOK", given.names, "ids or exact titles")->required();
}

}  // namespace carrel::commands
