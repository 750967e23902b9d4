#include "server/commands/device.hpp"

#include "library/shelf.hpp"

namespace carrel::commands {
namespace {

struct arguments : device_arguments {
  std::string kind;
  std::vector<std::string> shelves;
  bool grace = false;
};
arguments given;

json::object urls(const std::string& base) {
  return {{"opds", base + "/opds"}, {"opds2", base + "/opds/v2"}, {"kosync", base + "/kosync"}, {"dav", base + "/dav"}};
}

json::object to_json(const library::new_device& d, const std::string& base) {
  json::object o{{"id", d.made.id},          {"name", d.made.name},          {"kind", d.made.kind},
                 {"user", d.made.user_name}, {"username", d.made.user_name}, {"password", d.password},
                 {"urls", urls(base)}};
  if (d.made.kind == "kobo") o.set("kobo", json::object{{"token", d.token}, {"api_endpoint", base + "/kobo/" + d.token}});
  return o;
}

std::string to_text(const library::new_device& d, const std::string& base) {
  std::string out = "Device " + d.made.name + " of " + d.made.user_name + ". The password is shown this once.\n\n";
  std::vector<std::vector<std::string>> rows{{"user name", d.made.user_name},
                                             {"password", d.password},
                                             {"catalog (OPDS)", base + "/opds"},
                                             {"positions (KOSync)", base + "/kosync"}};
  if (d.made.kind != "kobo") return out + table(rows);
  rows.push_back({"api_endpoint", base + "/kobo/" + d.token});
  return out + table(rows) + "\nPut the api_endpoint into [OneStoreServices] of .kobo/Kobo/Kobo eReader.conf on the reader.\n";
}

exit_status add(invocation& call) {
  environment e = call.open(1);
  std::string base = device_base(e.settings);
  try {
    library::new_device made = change(e, call, [&](db::tx& tx) {
      library::user owner = acting_user(tx, given.user);
      result<library::new_device> d = library::add_device(tx, owner.id, given.name, given.kind);
      if (!d) throw stop(usage, d.error().message());
      for (const std::string& shelf : given.shelves) {
        std::optional<library::shelf> s = library::find_shelf_named(tx, owner.id, shelf);
        if (!s) throw stop(not_found, "There is no shelf called " + shelf + ".");
        library::feed_device(tx, d->made.id, s->id, true);
      }
      library::record(tx, command_line, "device.add", "device", d->made.id);
      return *d;
    });
    call.answer(to_json(made, base), to_text(made, base));
  } catch (const db::unique_violation&) {
    throw stop(refused, "There is a device called " + given.name + " already.");
  }
  return done;
}

json::object row(const library::device& d) {
  return {{"id", d.id}, {"name", d.name}, {"kind", d.kind}, {"user", d.user_name}, {"last_seen_at", d.last_seen_at}};
}

exit_status list(invocation& call) {
  environment e = call.open(1);
  std::vector<library::device> all = e.pool->read_now([](db::tx& tx) {
    std::optional<uuid> of;
    if (!given.user.empty()) of = acting_user(tx, given.user).id;
    return library::devices(tx, of);
  });
  json::array document;
  std::vector<std::vector<std::string>> rows{{"NAME", "KIND", "OF", "LAST SEEN", "ID"}};
  for (const library::device& d : all) {
    document.push_back(row(d));
    rows.push_back({d.name, d.kind, d.user_name, d.last_seen_at ? rfc3339(*d.last_seen_at) : "never", d.id.text()});
  }
  call.answer(document, table(rows));
  return done;
}

exit_status show(invocation& call) {
  environment e = call.open(1);
  auto [d, requests] = e.pool->read_now([](db::tx& tx) {
    library::device found = device_named(tx, given);
    return std::pair(found, library::recent_requests(tx, found.id, 20));
  });
  json::object document = row(d);
  json::array seen;
  std::vector<std::vector<std::string>> rows{{"AT", "STATUS", "REQUEST", "NOTE"}};
  for (const library::device_request& r : requests) {
    seen.push_back(
        json::object{{"at", r.at}, {"protocol", r.protocol}, {"request", r.request}, {"status", r.status}, {"note", r.note}});
    rows.push_back({rfc3339(r.at), std::to_string(r.status), r.request, r.note});
  }
  document.set("shelves", d.shelves).set("requests", std::move(seen));
  call.answer(document, d.name + " (" + d.kind + ") of " + d.user_name + "\n" + table(rows));
  return done;
}

exit_status rotate(invocation& call) {
  environment e = call.open(1);
  std::string base = device_base(e.settings);
  library::new_device made = change(e, call, [&](db::tx& tx) {
    library::device d = device_named(tx, given);
    std::optional<library::new_device> fresh =
        library::rotate_device(tx, d.id, given.grace ? std::chrono::hours{1} : std::chrono::hours{0});
    if (!fresh) throw stop(not_found, "The device is gone.");
    library::record(tx, command_line, "device.rotate", "device", d.id);
    return *fresh;
  });
  call.answer(to_json(made, base), to_text(made, base));
  return done;
}

exit_status revoke(invocation& call) {
  environment e = call.open(1);
  library::device gone = change(e, call, [](db::tx& tx) {
    library::device d = device_named(tx, given);
    library::revoke_device(tx, d.id);
    library::record(tx, command_line, "device.revoke", "device", d.id);
    return d;
  });
  call.answer(row(gone), "Revoked " + gone.name + ". Its password is refused from now on; its positions stay.");
  return done;
}

}  // namespace

library::device device_named(db::tx& tx, const device_arguments& wanted) {
  std::optional<uuid> of;
  if (!wanted.user.empty()) of = acting_user(tx, wanted.user).id;
  std::optional<library::device> found = library::find_device_named(tx, of, wanted.name);
  if (found) return *found;
  std::vector<std::vector<std::string>> rows;
  for (const library::device& d : library::devices(tx, of)) {
    if (library::name_key(d.name) == library::name_key(wanted.name)) rows.push_back({d.id.text(), d.name, "of " + d.user_name});
  }
  if (rows.size() > 1) throw ambiguous("devices", wanted.name, rows);
  throw stop(not_found, "There is no device called " + wanted.name + ". `carrel device list` shows them.");
}

void describe_device(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand(
      "device", "devices and their secrets: add, list, show, rotate, revoke; Kobos: status, resend, restore, reset-sync");
  cmd->require_subcommand(1);
  auto sub = [&](const char* name, const char* help, exit_status (*run)(invocation&)) {
    CLI::App* s = cmd->add_subcommand(name, help);
    s->callback([&call, run] { call.action = run; });
    s->add_option("--user", given.user, "account it belongs to (default: the owner)");
    return s;
  };
  CLI::App* one = sub("add", "add a device; prints its password this once", add);
  one->add_option("NAME", given.name, "what people call it")->required();
  one->add_option("--kind", given.kind, "kobo, koreader or app")->required();
  one->add_option("--shelf", given.shelves, "a shelf that feeds it; may be repeated")->allow_extra_args(false);
  sub("list", "all devices", list);
  sub("show", "one device with its last requests", show)->add_option("DEVICE", given.name, "name or id")->required();
  one = sub("rotate", "a new password; the old one ends", rotate);
  one->add_option("DEVICE", given.name, "name or id")->required();
  one->add_flag("--grace", given.grace, "the old password stays good for one more hour");
  sub("revoke", "remove a device and refuse its password", revoke)->add_option("DEVICE", given.name, "name or id")->required();
  describe_kobo(*cmd, call);
}

}  // namespace carrel::commands
