#include "library/shelf.hpp"
#include "library/device.hpp"
#include "server/commands/command.hpp"

namespace carrel::commands {
namespace {

struct arguments {
  std::string name, user, device;
  std::vector<std::string> books;
  bool off = false;
};
arguments given;

struct found_shelf {
  library::user owner;
  library::shelf shelf;
};

// A shelf by name or id among those of the account.
found_shelf shelf_named(db::tx& tx) {
  library::user owner = acting_user(tx, given.user);
  std::optional<library::shelf> s = library::find_shelf_named(tx, owner.id, given.name);
  if (!s) throw stop(not_found, "There is no shelf called " + given.name + ".");
  return {owner, *s};
}

exit_status create(invocation& call) {
  environment e = call.open(1);
  try {
    library::shelf made = change(e, call, [](db::tx& tx) {
      result<library::shelf> s = library::create_shelf(tx, acting_user(tx, given.user).id, given.name, true);
      if (!s) throw stop(usage, s.error().message());
      return *s;
    });
    call.answer(json::object{{"id", made.id}, {"name", made.name}}, "Made the shelf " + made.name + ".");
  } catch (const db::unique_violation&) {
    throw stop(refused, "There is a shelf called " + given.name + " already.");
  }
  return done;
}

exit_status list(invocation& call) {
  environment e = call.open(1);
  std::vector<library::shelf> all =
      e.pool->read_now([](db::tx& tx) { return library::shelves(tx, acting_user(tx, given.user).id); });
  json::array document;
  std::vector<std::vector<std::string>> rows{{"NAME", "BOOKS", "OF", "ID"}};
  for (const library::shelf& s : all) {
    document.push_back(json::object{{"id", s.id}, {"name", s.name}, {"user", s.user_name}, {"count", s.count}});
    rows.push_back({s.name, std::to_string(s.count), s.user_name, s.id.text()});
  }
  call.answer(document, table(rows));
  return done;
}

exit_status show(invocation& call) {
  environment e = call.open(1);
  auto [shelf, ids, books] = e.pool->read_now([](db::tx& tx) {
    found_shelf f = shelf_named(tx);
    std::vector<uuid> in_order = library::shelf_books(tx, f.owner.id, f.shelf.id);
    return std::tuple(f.shelf, in_order, library::load_books(tx, f.owner.id, in_order));
  });
  std::string text = shelf.name + ", " + std::to_string(ids.size()) + " books\n";
  std::vector<std::vector<std::string>> rows;
  for (const library::book& b : books) rows.push_back({b.id.text(), b.title});
  call.answer(json::object{{"id", shelf.id}, {"name", shelf.name}, {"books", ids}}, text + table(rows));
  return done;
}

exit_status fill(invocation& call, bool add) {
  environment e = call.open(1);
  int changed = change(e, call, [add](db::tx& tx) {
    found_shelf f = shelf_named(tx);
    std::vector<uuid> books;
    for (const std::string& name : given.books) books.push_back(book_named(tx, f.owner.id, name));
    return add ? library::add_to_shelf(tx, f.shelf.user_id, f.shelf.id, books)
               : library::remove_from_shelf(tx, f.shelf.user_id, f.shelf.id, books);
  });
  call.answer(json::object{{"changed", changed}}, std::to_string(changed) + (add ? " added." : " removed."));
  return done;
}

exit_status feed(invocation& call) {
  environment e = call.open(1);
  bool changed = change(e, call, [](db::tx& tx) {
    found_shelf f = shelf_named(tx);
    std::optional<library::device> d = library::find_device_named(tx, f.shelf.user_id, given.device);
    if (!d) throw stop(not_found, "There is no device called " + given.device + ".");
    return library::feed_device(tx, d->id, f.shelf.id, !given.off);
  });
  call.answer(json::object{{"changed", changed ? 1 : 0}}, changed ? "Changed." : "It was so already.");
  return done;
}

}  // namespace

void describe_shelf(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("shelf", "shelves: create, list, show, add, remove, feed");
  cmd->require_subcommand(1);
  auto sub = [&](const char* name, const char* help, std::function<exit_status(invocation&)> run) {
    CLI::App* s = cmd->add_subcommand(name, help);
    s->callback([&call, run] { call.action = run; });
    s->add_option("--user", given.user, "account it belongs to (default: the owner)");
    return s;
  };
  sub("create", "make an empty shelf", create)->add_option("NAME", given.name, "its name")->required();
  sub("list", "all shelves the account may look at", list);
  sub("show", "the books of a shelf in order", show)->add_option("SHELF", given.name, "name or id")->required();
  for (bool add : {true, false}) {
    CLI::App* one = sub(add ? "add" : "remove", add ? "put books on a shelf" : "take books off a shelf",
                        [add](invocation& c) { return fill(c, add); });
    one->add_option("SHELF", given.name, "name or id")->required();
    one->add_option("BOOK", given.books, "ids or exact titles")->required();
  }
  CLI::App* one = sub("feed", "send a shelf to a device", feed);
  one->add_option("SHELF", given.name, "name or id")->required();
  one->add_option("--device", given.device, "name or id")->required();
  one->add_flag("--off", given.off, "stop sending it");
}

}  // namespace carrel::commands
