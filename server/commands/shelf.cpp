#include "library/shelf.hpp"

#include <algorithm>

#include "library/device.hpp"
#include "library/rule_shelf.hpp"
#include "server/commands/command.hpp"

namespace carrel::commands {
namespace {

struct arguments {
  std::string name, user, device, rule;
  std::vector<std::string> books;
  bool off = false, preview = false, by_hand = false;
};
arguments given;

stop several_shelves(const std::vector<library::shelf>& all) {
  std::vector<std::vector<std::string>> rows;
  rows.reserve(all.size());
  for (const library::shelf& s : all) rows.push_back({s.id.text(), s.name, "of " + s.user_name});
  return ambiguous("shelves", given.name, rows);
}

std::vector<library::shelf> candidates(db::tx& tx) {
  std::vector<library::shelf> all = library::shelves_called(tx, given.name);
  if (!given.user.empty()) {
    uuid of = acting_user(tx, given.user).id;
    std::erase_if(all, [&](const library::shelf& s) { return s.user_id != of && !s.shared; });
    // One's own comes before a shared one of that name.
    bool own = std::any_of(all.begin(), all.end(), [&](const library::shelf& s) { return s.user_id == of; });
    if (own) std::erase_if(all, [&](const library::shelf& s) { return s.user_id != of; });
  }
  if (all.empty()) throw stop(not_found, "There is no shelf called " + given.name + ". `carrel shelf list` shows them.");
  return all;
}

// A shelf by id or name, whoever's it is.
library::shelf shelf_named(db::tx& tx) {
  std::vector<library::shelf> all = candidates(tx);
  if (all.size() > 1) throw several_shelves(all);
  return all.front();
}

struct feeding {
  library::shelf shelf;
  library::device device;
};

// Shelf and device belong together: a name that several accounts use is settled by the other one's account.
feeding shelf_and_device(db::tx& tx) {
  std::vector<library::shelf> shelves = candidates(tx);
  std::optional<uuid> id = uuid::parse(given.device);
  std::vector<library::device> devices = library::devices(tx, std::nullopt);
  std::erase_if(devices, [&](const library::device& d) {
    return d.id != id && library::name_key(d.name) != library::name_key(given.device);
  });
  if (devices.empty()) throw stop(not_found, "There is no device called " + given.device + ". `carrel device list` shows them.");

  std::vector<feeding> own, shared;
  for (const library::shelf& s : shelves) {
    for (const library::device& d : devices) {
      if (d.user_id == s.user_id)
        own.push_back({s, d});
      else if (s.shared)
        shared.push_back({s, d});
    }
  }
  const std::vector<feeding>& fit = own.empty() ? shared : own;
  if (fit.size() == 1) return fit.front();
  if (fit.empty()) {
    throw stop(refused, "The shelf " + shelves.front().name + " of " + shelves.front().user_name +
                            " is not shared, and the device " + devices.front().name + " belongs to " +
                            devices.front().user_name + ".");
  }
  if (devices.size() == 1) throw several_shelves(shelves);
  std::vector<std::vector<std::string>> rows;
  rows.reserve(devices.size());
  for (const library::device& d : devices) rows.push_back({d.id.text(), d.name, "of " + d.user_name});
  throw ambiguous("devices", given.device, rows);
}

std::optional<library::rule> given_rule() {
  if (given.rule.empty()) return std::nullopt;
  result<library::rule> r = library::read_rule_text(given.rule);
  if (!r) throw stop(usage, "This is no rule: " + r.error().message());
  return std::move(*r);
}

[[noreturn]] void refuse_rule(const error& e) {
  if (e.field == "cycle") throw stop(refused, "The shelf would depend on itself.");
  if (e.field == "hand") throw stop(refused, "Books were put on this shelf by hand.");
  if (e.field == "shelf") throw stop(not_found, "The rule names a shelf that is not there.");
  throw stop(usage, e.message());
}

exit_status create(invocation& call) {
  std::optional<library::rule> rule = given_rule();
  environment e = call.open(1);
  try {
    library::shelf made = change(e, call, [&](db::tx& tx) {
      uuid of = acting_user(tx, given.user).id;
      result<library::shelf> s =
          rule ? library::create_rule_shelf(tx, of, given.name, true, *rule) : library::create_shelf(tx, of, given.name, true);
      if (!s) refuse_rule(s.error());
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
  e.pool->write_now(library::settle_rules);
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
  e.pool->write_now(library::settle_rules);
  auto [shelf, ids, books] = e.pool->read_now([](db::tx& tx) {
    library::shelf s = shelf_named(tx);
    uuid viewer = given.user.empty() ? s.user_id : acting_user(tx, given.user).id;
    std::vector<uuid> in_order = library::shelf_books(tx, viewer, s.id);
    return std::tuple(s, in_order, library::load_books(tx, viewer, in_order));
  });
  std::string text = shelf.name + ", " + std::to_string(ids.size()) + " books\n";
  std::vector<std::vector<std::string>> rows;
  for (const library::book& b : books) rows.push_back({b.id.text(), b.title});
  call.answer(json::object{{"id", shelf.id}, {"name", shelf.name}, {"books", ids}}, text + table(rows));
  return done;
}

// What the shelf's rule is now, or what one would find.
struct rule_outcome {
  library::shelf shelf;
  std::optional<library::rule> rule;
  std::int64_t count = 0;
};

rule_outcome set_or_show(db::tx& tx, const std::optional<library::rule>& wish) {
  rule_outcome out{.shelf = shelf_named(tx), .rule = wish};
  const library::shelf& s = out.shelf;
  if (wish && given.preview) {
    out.count = library::preview_rule(tx, s.user_id, *wish, 0).count;
    return out;
  }
  if (wish || given.by_hand) {
    result<bool> set = library::set_rule(tx, s.user_id, s.id, wish);
    if (!set) refuse_rule(set.error());
  }
  library::settle_rules(tx);
  out.rule = library::rule_of(tx, s.user_id, s.id);
  out.count = library::find_shelf(tx, s.user_id, s.id).value().count;
  return out;
}

exit_status rule(invocation& call) {
  std::optional<library::rule> wish = given_rule();
  environment e = call.open(1);
  rule_outcome now = change(e, call, [&](db::tx& tx) { return set_or_show(tx, wish); });
  json::object document{{"id", now.shelf.id}, {"name", now.shelf.name}, {"rule", json::value()}, {"count", now.count}};
  if (now.rule) document.set("rule", library::to_json(*now.rule));
  std::string text = now.rule ? json::dump(library::to_json(*now.rule)) : "This shelf is filled by hand.";
  call.answer(document, text + "\n" + std::to_string(now.count) + " books");
  return done;
}

exit_status fill(invocation& call, bool add) {
  environment e = call.open(1);
  int changed = change(e, call, [add](db::tx& tx) {
    library::shelf s = shelf_named(tx);
    if (s.kind != "hand") throw stop(refused, "The shelf " + s.name + " is filled by its rule.");
    std::vector<uuid> books;
    for (const std::string& name : given.books) books.push_back(book_named(tx, s.user_id, name));
    return add ? library::add_to_shelf(tx, s.user_id, s.id, books) : library::remove_from_shelf(tx, s.user_id, s.id, books);
  });
  call.answer(json::object{{"changed", changed}}, std::to_string(changed) + (add ? " added." : " removed."));
  return done;
}

exit_status feed(invocation& call) {
  environment e = call.open(1);
  bool changed = change(e, call, [](db::tx& tx) {
    feeding f = shelf_and_device(tx);
    return library::feed_device(tx, f.device.id, f.shelf.id, !given.off);
  });
  call.answer(json::object{{"changed", changed ? 1 : 0}}, changed ? "Changed." : "It was so already.");
  return done;
}

}  // namespace

void describe_shelf(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("shelf", "shelves: create, list, show, add, remove, rule, feed");
  cmd->require_subcommand(1);
  auto of = [&](CLI::App* s, const char* help) { s->add_option("--user", given.user, help); };
  auto sub = [&](const char* name, const char* help, const std::function<exit_status(invocation&)>& run) {
    CLI::App* s = cmd->add_subcommand(name, help);
    s->callback([&call, run] { call.action = run; });
    return s;
  };
  CLI::App* one = sub("create", "make a shelf: an empty one, or one by rule", create);
  one->add_option("NAME", given.name, "its name")->required();
  one->add_option("--rule", given.rule, "JSON, such as '{\"all\":[{\"field\":\"state\",\"op\":\"is\",\"value\":\"unread\"}]}'");
  of(one, "account it belongs to (default: the owner)");
  of(sub("list", "all shelves the account may look at", list), "that account (default: the owner)");
  const char* whose = "account it belongs to, for a name that several use";
  one = sub("show", "the books of a shelf in order", show);
  one->add_option("SHELF", given.name, "name or id")->required();
  of(one, whose);
  for (bool add : {true, false}) {
    one = sub(add ? "add" : "remove", add ? "put books on a shelf" : "take books off a shelf",
              [add](invocation& c) { return fill(c, add); });
    one->add_option("SHELF", given.name, "name or id")->required();
    one->add_option("BOOK", given.books, "ids or exact titles")->required();
    of(one, whose);
  }
  one = sub("rule", "show or change the rule of a shelf", rule);
  one->add_option("SHELF", given.name, "name or id")->required();
  CLI::Option* text = one->add_option("RULE", given.rule, "the new rule, JSON; the shelf has one already or is empty");
  one->add_flag("--preview", given.preview, "only count what the new rule would find")->needs(text);
  one->add_flag("--by-hand", given.by_hand, "take the rule away; the shelf keeps its books")->excludes(text);
  of(one, whose);
  one = sub("feed", "send a shelf to a device", feed);
  one->add_option("SHELF", given.name, "name or id")->required();
  one->add_option("--device", given.device, "name or id")->required();
  one->add_flag("--off", given.off, "stop sending it");
  of(one, whose);
}

}  // namespace carrel::commands
