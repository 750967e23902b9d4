#include <algorithm>

#include "library/catalog.hpp"
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

exit_status find(invocation& call) {
  environment e = call.open(1);
  std::vector<library::book> books = e.pool->write_now([](db::tx& tx) {
    library::filter f;
    f.text = given.query;
    return as_viewer(tx, given.user, [&](const uuid& viewer) { return library::browse(tx, viewer, f, {}, given.limit).books; });
  });
  json::array document;
  std::vector<std::vector<std::string>> rows;
  for (const library::book& b : books) {
    document.push_back(library::to_json(b, api_base));
    rows.push_back({b.id.text(), b.status, one_line(b)});
  }
  call.answer(document, books.empty() ? "Nothing found." : table(rows));
  return done;
}

std::string to_text(const library::book& b) {
  std::vector<std::vector<std::string>> rows{{"id", b.id.text()}, {"status", b.status}, {"title", b.title}};
  std::vector<std::string> authors, tags;
  for (const library::person& p : b.authors) authors.push_back(p.name);
  for (const library::tag& t : b.tags) tags.push_back(t.name);
  rows.push_back({"authors", join(authors, ", ")});
  if (!b.series.empty()) rows.push_back({"series", b.series + (b.series_index ? " " + shortest(*b.series_index) : "")});
  rows.push_back({"languages", join(b.languages, ", ")});
  rows.push_back({"tags", join(tags, ", ")});
  for (const library::book_file& f : b.files) {
    rows.push_back(
        {"file", f.format + ", " + std::to_string(f.size) + " bytes, KOReader " + f.koreader_md5 + ", SHA-256 " + f.checksum});
  }
  return table(rows);
}

void print(invocation& call, const library::book& b) { call.answer(library::to_json(b, api_base), to_text(b)); }

exit_status show(invocation& call) {
  environment e = call.open(1);
  library::book b = e.pool->write_now([](db::tx& tx) {
    return as_viewer(tx, given.user, [&](const uuid& viewer) {
      return *library::find_book(tx, viewer, book_named(tx, viewer, given.names.front()));
    });
  });
  print(call, b);
  return done;
}

// FIELD=VALUE as the API has it: lists separated by ';', series as "Name #2", identifiers as identifiers.isbn_13=...
json::object changes_given() {
  json::object out;
  for (std::size_t i = 1; i < given.names.size(); ++i) {
    const std::string& pair = given.names[i];
    std::size_t equals = pair.find('=');
    if (equals == pair.npos || equals == 0) throw stop(usage, "Expected FIELD=VALUE, got " + pair);
    std::string field = pair.substr(0, equals), text = pair.substr(equals + 1);
    bool list = field == "authors" || field == "languages" || field == "genres" || field == "tags";
    if (list) {
      std::vector<std::string> items = split(text, ';');
      std::erase_if(items, [](const std::string& item) { return trim(item).empty(); });
      out.set(field, items);
    } else if (field == "series") {
      std::size_t mark = text.rfind(" #");
      std::optional<double> index = mark == text.npos ? std::nullopt : to_double(text.substr(mark + 2));
      if (text.empty())
        out.set(field, nullptr);
      else
        out.set(field, json::object{{"name", index ? text.substr(0, mark) : text}, {"index", index}});
    } else if (field == "page_count" || field == "age_rating") {
      out.set(field, text.empty() ? json::value() : json::value(json::number{text}));
    } else if (field == "identifiers") {
      result<json::object> o = json::read_object(text);
      if (!o) throw stop(usage, "identifiers expects a JSON object such as {\"isbn_13\":\"9780000000019\"}");
      out.set(field, *o);
    } else {
      out.set(field, text);
    }
  }
  return out;
}

exit_status set(invocation& call) {
  json::object changes = changes_given();
  environment e = call.open(1);
  library::book b = change(e, call, [&](db::tx& tx) {
    return as_viewer(tx, given.user, [&](const uuid& viewer) {
      uuid id = book_named(tx, viewer, given.names.front());
      result<bool> changed = library::edit_book(tx, id, changes, command_line);
      if (!changed) throw stop(usage, changed.error().message());
      return *library::find_book(tx, viewer, id);
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
  CLI::App* cmd = app.add_subcommand("book", "books: find, show, set, approve, trash, untrash");
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
      "Fields: title, subtitle, title_sort, authors, series, languages, identifiers, description, publisher, published,\n"
      "genres, tags, page_count, age_rating. Lists are separated by ';', a series is \"Name #2\".");
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
