// `carrel book merge`, `carrel book unmerge`: two books become one, and two again.

#include "library/merge.hpp"

#include "ingest/merging.hpp"
#include "library/merge_file.hpp"
#include "server/commands/command.hpp"
#include "server/core/text.hpp"

namespace carrel::commands {
namespace {

struct arguments {
  std::string kept, name, user, act = "merge";
  std::vector<std::string> others;
};
arguments given;

library::merge_act act_given() {
  return given.act == "format"    ? library::merge_act::format
         : given.act == "replace" ? library::merge_act::replace
                                  : library::merge_act::merge;
}

[[noreturn]] void refuse(const error& why) {
  if (why.field == "missing") throw stop(not_found, "There is no such book: " + why.reason + ".");
  if (why.field == "same") throw stop(usage, "A book cannot be merged with itself.");
  if (why.field == "disk_full") throw stop(failed, "There is not enough space. Nothing was changed.");
  if (why.field == "later")
    throw stop(refused, "A later merge holds these books. Take it back first: carrel book unmerge " + why.reason);
  throw stop(refused, "Nothing was changed: " + why.reason + ".", why.field);
}

// A book that was merged before is found by its id all the same, so that the command can be repeated.
uuid other_named(db::tx& tx, const uuid& viewer, const std::string& name, const uuid& kept) {
  std::optional<uuid> id = uuid::parse(name);
  if (id && library::survivor_of(tx, viewer, *id) == kept) return *id;
  return book_named(tx, viewer, name);
}

struct named {
  uuid kept;
  std::vector<uuid> others;
};
named find_books(db::tx& tx) {
  return as_viewer(tx, given.user, [&](const uuid& viewer) {
    named out{.kept = book_named(tx, viewer, given.kept), .others = {}};
    for (const std::string& name : given.others) out.others.push_back(other_named(tx, viewer, name, out.kept));
    return out;
  });
}

uuid find_merge(db::tx& tx) {
  return as_viewer(tx, given.user, [&](const uuid& viewer) {
    std::optional<uuid> id = uuid::parse(given.name);
    if (id && library::find_merge(tx, viewer, *id)) return *id;
    std::optional<library::merge_row> of_book = library::merge_of_book(tx, viewer, id ? *id : book_named(tx, viewer, given.name));
    if (!of_book) throw stop(not_found, "There is no merge of that id, and no merged book of that id or title: " + given.name);
    return of_book->id;
  });
}

// What works with the bytes of files, as the server does.
template <class F>
auto with_store(environment& e, F fn) {
  publication::isolated::pool inspectors(publication::isolated::options_from(e.settings));
  ingest::services services{
      .pool = *e.pool, .store = e.store, .inspectors = inspectors, .how = ingest::settings_from(e.settings)};
  return fn(services);
}

result<library::merge_outcome> foresee(environment& e, const invocation& call, const named& books) {
  return change(e, call, [&](db::tx& tx) -> result<library::merge_outcome> {
    bool replaces = act_given() == library::merge_act::replace;
    if (replaces && (books.others.size() != 1 || library::exchangeable_files(tx, books.kept, books.others.front()).empty()))
      return error{"format", "the two books have no file of the same format that could take the place of the other"};
    return library::merge_books(tx, books.kept, books.others, act_given(), command_line);
  });
}

std::string to_text(const library::merge_outcome& o, bool foreseen) {
  if (o.books.empty()) return "These are one book already (merge " + o.merge.text() + ").";
  std::string out = foreseen ? "Would merge " : "Merged ";
  out += std::to_string(o.books.size()) + (o.books.size() == 1 ? " book" : " books") + " into " + o.kept.text() + ": ";
  out += std::to_string(o.files) + " files, " + std::to_string(o.shelves) + " places on shelves, " + std::to_string(o.documents) +
         " documents with their reading places, " + std::to_string(o.annotations) + " highlights.";
  return foreseen ? out : out + "\nTo take it back: carrel book unmerge " + o.merge.text();
}

std::string to_text(const library::unmerge_outcome& o, bool foreseen) {
  if (o.books.empty()) return "This merge has been taken back before.";
  std::string out = foreseen ? "Would be there again:" : "There again:";
  for (const uuid& b : o.books) out += " " + b.text();
  if (!o.left.empty()) out += "\nChanged since, and staying with " + o.kept.text() + ": " + join(o.left, ", ") + ".";
  return out;
}

exit_status merge(invocation& call) {
  environment e = call.open(2);
  named books = e.pool->write_now(find_books);
  result<library::merge_outcome> out = call.dry_run ? foresee(e, call, books) : with_store(e, [&](const ingest::services& s) {
    return ingest::merge_books(s, books.kept, books.others, act_given(), command_line);
  });
  if (!out) refuse(out.error());
  call.answer(library::to_json(*out), to_text(*out, call.dry_run));
  return done;
}

exit_status unmerge(invocation& call) {
  environment e = call.open(2);
  uuid id = e.pool->write_now(find_merge);
  result<library::unmerge_outcome> out =
      call.dry_run ? change(e, call, [&](db::tx& tx) { return library::undo_merge(tx, id, command_line); })
                   : with_store(e, [&](const ingest::services& s) { return ingest::undo_merge(s, id, command_line); });
  if (!out) refuse(out.error());
  call.answer(library::to_json(*out), to_text(*out, call.dry_run));
  return done;
}

}  // namespace

void describe_merge(CLI::App& app, invocation& call) {
  CLI::App* book = app.get_subcommand("book");
  auto sub = [&](const char* name, const char* help, const std::function<exit_status(invocation&)>& run) {
    CLI::App* s = book->add_subcommand(name, help);
    s->callback([&call, run] { call.action = run; });
    s->add_option("--user", given.user, "as this account sees it (default: the owner)");
    return s;
  };
  CLI::App* one = sub("merge", "make one book of several; nothing is lost, and it can be taken back", merge);
  one->add_option("KEEP", given.kept, "the book that stays: id or exact title")->required();
  one->add_option("OTHER", given.others, "books that become part of it: ids or exact titles")->required();
  one->add_option(
         "--act", given.act,
         "merge: with what they say of themselves; format: their files only; replace: and their file takes the place of its own")
      ->capture_default_str()
      ->check(CLI::IsMember({"merge", "format", "replace"}));
  one->footer(
      "Files, shelves, reading places, highlights and fingerprints become those of KEEP; addresses of the others lead to it.\n"
      "The same command twice changes nothing the second time.");
  one = sub("unmerge", "take a merge back: the books as they were, but for what has changed since", unmerge);
  one->add_option("MERGE", given.name, "id of the merge, or one of its books by id or title (its newest merge)")->required();
}

}  // namespace carrel::commands
