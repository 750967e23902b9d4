#include <algorithm>

#include "library/catalog.hpp"
#include "library/opinion.hpp"
#include "server/commands/book_fields.hpp"
#include "server/commands/command.hpp"
#include "server/core/text.hpp"

namespace carrel::commands {
namespace {

constexpr const char* api_base = "/api/v1/books";

struct arguments {
  std::string query, user;
  std::vector<std::string> names;
  int limit = 20;
};
arguments given;

std::string one_line(const library::book& b) {
  std::vector<std::string> authors;
  for (const library::person& p : b.authors) authors.push_back(p.name);
  return b.title + (authors.empty() ? "" : " - " + join(authors, ", "));
}

json::object to_json(const library::book& b, const library::book_mark& mark) {
  json::object out = library::to_json(b, api_base);
  return out.set("reading", library::to_json(mark));
}

// A book, and how it is to its reader.
struct marked_book {
  library::book book;
  library::book_mark mark;
};

std::vector<marked_book> marked(db::tx& tx, const uuid& viewer, std::vector<library::book> books) {
  std::vector<uuid> ids;
  for (const library::book& b : books) ids.push_back(b.id);
  library::book_marks marks = library::marks_of(tx, viewer, ids);
  std::vector<marked_book> out;
  for (library::book& b : books) {
    library::book_mark mark = library::mark_of(marks, b.id);
    out.push_back({std::move(b), mark});
  }
  return out;
}

exit_status find(invocation& call) {
  environment e = call.open(1);
  std::vector<marked_book> books = e.pool->write_now([](db::tx& tx) {
    library::filter f;
    f.text = given.query;
    return as_viewer(tx, given.user, [&](const uuid& viewer) {
      return marked(tx, viewer, library::browse(tx, viewer, f, {}, given.limit).books);
    });
  });
  json::array document;
  std::vector<std::vector<std::string>> rows;
  for (const auto& [b, mark] : books) {
    document.push_back(to_json(b, mark));
    rows.push_back({b.id.text(), b.status, one_line(b)});
  }
  call.answer(document, books.empty() ? "Nothing found." : table(rows));
  return done;
}

std::string to_text(const library::book& b, const library::book_mark& mark) {
  std::vector<std::vector<std::string>> rows{{"id", b.id.text()}, {"status", b.status}, {"title", b.title}};
  std::vector<std::string> authors, tags;
  for (const library::person& p : b.authors) authors.push_back(p.name);
  for (const library::tag& t : b.tags) tags.push_back(t.name);
  rows.push_back({"authors", join(authors, ", ")});
  if (!b.series.empty()) rows.push_back({"series", b.series + (b.series_index ? " " + shortest(*b.series_index) : "")});
  rows.push_back({"languages", join(b.languages, ", ")});
  rows.push_back({"tags", join(tags, ", ")});
  rows.push_back({"state", std::string(publication::name_of(mark.state))});
  if (mark.rating > 0) rows.push_back({"rating", publication::stars_text(mark.rating)});
  for (const library::book_file& f : b.files) {
    rows.push_back(
        {"file", f.format + ", " + std::to_string(f.size) + " bytes, KOReader " + f.koreader_md5 + ", SHA-256 " + f.checksum});
  }
  return table(rows);
}

marked_book load(db::tx& tx, const uuid& viewer, const uuid& id) {
  return {*library::find_book(tx, viewer, id), library::mark_of(library::marks_of(tx, viewer, {id}), id)};
}

void print(invocation& call, const marked_book& b) { call.answer(to_json(b.book, b.mark), to_text(b.book, b.mark)); }

exit_status show(invocation& call) {
  environment e = call.open(1);
  marked_book b = e.pool->write_now([](db::tx& tx) {
    return as_viewer(tx, given.user,
                     [&](const uuid& viewer) { return load(tx, viewer, book_named(tx, viewer, given.names.front())); });
  });
  print(call, b);
  return done;
}

bool is_of_opinion(const std::string& field) {
  return field == "state" || field == "rating" || field == "started" || field == "finished" || field == "review";
}

json::value opinion_value(const std::string& field, const std::string& text) {
  if (text.empty()) return {};
  return field == "rating" && to_double(text) ? json::value(json::number{text}) : json::value(text);
}

struct changes {
  json::object book, opinion;  // what is of the book, and what is its reader's
};

changes changes_given() {
  changes all;
  for (std::size_t i = 1; i < given.names.size(); ++i) {
    const std::string& pair = given.names[i];
    std::size_t equals = pair.find('=');
    if (equals == pair.npos || equals == 0) throw stop(usage, "Expected FIELD=VALUE, got " + pair);
    std::string field = pair.substr(0, equals), text = pair.substr(equals + 1);
    if (is_of_opinion(field))
      all.opinion.set(field, opinion_value(field, text));
    else
      all.book.set(field, value_given(field, text));
  }
  return all;
}

void say(db::tx& tx, const uuid& reader, const uuid& book, const library::opinion_change& change) {
  std::optional<result<library::opinion>> said = library::change_opinion(tx, reader, book, change);
  if (!said) throw stop(not_found, "There is no such book.");
  if (!*said) throw stop(usage, said->error().message());
}

exit_status set(invocation& call) {
  changes all = changes_given();
  result<library::opinion_change> opinion = library::read_opinion_change(all.opinion);
  if (!opinion) throw stop(usage, opinion.error().message());
  environment e = call.open(1);
  marked_book b = change(e, call, [&](db::tx& tx) {
    if (!all.opinion.empty()) acting_user(tx, given.user);  // nobody's opinion is none
    return as_viewer(tx, given.user, [&](const uuid& viewer) {
      uuid id = book_named(tx, viewer, given.names.front());
      result<bool> changed = all.book.empty() ? result<bool>(false) : library::edit_book(tx, id, all.book, command_line);
      if (!changed) throw stop(usage, changed.error().message());
      if (!all.opinion.empty()) say(tx, viewer, id, *opinion);
      return load(tx, viewer, id);
    });
  });
  print(call, b);
  return done;
}

exit_status trash(invocation& call, bool back) {
  environment e = call.open(1);
  int changed = change(e, call, [back](db::tx& tx) {
    std::vector<uuid> ids = as_viewer(tx, given.user, [&](const uuid& viewer) {
      std::vector<uuid> out;
      for (const std::string& name : given.names) {
        std::optional<uuid> id = uuid::parse(name);
        out.push_back(back && id ? *id : book_named(tx, viewer, name));  // trashed books are found by id only
      }
      return out;
    });
    return back ? library::untrash_books(tx, ids, command_line) : library::trash_books(tx, ids, command_line);
  });
  std::string name = back ? "restored" : "trashed";
  call.answer(json::object{{name, changed}}, std::to_string(changed) + " " + name + ".");
  return done;
}

exit_status approve(invocation& call) {
  environment e = call.open(1);
  std::size_t count = change(e, call, [](db::tx& tx) {
    return as_viewer(tx, given.user, [&](const uuid& viewer) {
      for (const std::string& name : given.names) library::approve_book(tx, book_named(tx, viewer, name), command_line);
      return given.names.size();
    });
  });
  call.answer(json::object{{"approved", count}}, std::to_string(count) + " approved.");
  return done;
}

}  // namespace

void describe_book(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("book", "books: find, show, set, edit, approve, trash, untrash, merge, unmerge");
  cmd->require_subcommand(1);
  auto sub = [&](const char* name, const char* help, const std::function<exit_status(invocation&)>& run) {
    CLI::App* s = cmd->add_subcommand(name, help);
    s->callback([&call, run] { call.action = run; });
    s->add_option("--user", given.user, "as this account sees it (default: the owner)");
    return s;
  };
  CLI::App* one = sub("find", "search; without words the newest", find);
  one->add_option("QUERY", given.query, "words of title, author, series, tag, publisher or ISBN");
  one->add_option("--limit", given.limit, "at most so many, 1 to 1000")->capture_default_str()->check(CLI::Range(1, 1000));
  sub("show", "everything about one book", show)->add_option("BOOK", given.names, "id or exact title")->required()->expected(1);
  one = sub("set", "change fields by hand; they are locked afterwards", set);
  one->add_option("BOOK", given.names, "id or exact title, then FIELD=VALUE ...")->required()->expected(2, 100);
  one->footer(
      std::string(fields_help) +
      "\nWhat --user thinks of it, which locks nothing: state (unread, wanted, reading, read, abandoned), rating (0.5 to 5 "
      "stars),\n"
      "started, finished (2021-03-15, 2021-03, 2021), review. Nothing after = takes it back.");
  describe_book_edit(*cmd, call);
  sub("approve", "put books from the inbox into the library", approve)
      ->add_option("BOOK", given.names, "ids or exact titles")
      ->required();
  sub("trash", "move books to the trash", [](invocation& c) { return trash(c, false); })
      ->add_option("BOOK", given.names, "ids or exact titles")
      ->required();
  sub("untrash", "take books out of the trash", [](invocation& c) { return trash(c, true); })
      ->add_option("BOOK", given.names, "ids")
      ->required();
}

}  // namespace carrel::commands
