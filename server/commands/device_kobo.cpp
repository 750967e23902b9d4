// `carrel device status`, `resend`, `restore` and `reset-sync`: what a Kobo holds, and how it is brought back to its shelf.
#include "library/kobo_acts.hpp"
#include "library/kobo_ledger.hpp"
#include "server/commands/device.hpp"

namespace carrel::commands {
namespace {

struct arguments : device_arguments {
  std::vector<std::string> books;
  bool lift_removed = false, hard = false;
};
arguments given;

library::device kobo_named(db::tx& tx) {
  library::device d = device_named(tx, given);
  if (d.kind != "kobo") throw stop(refused, d.name + " is no Kobo: only of Kobos it is known what they hold.");
  return d;
}

std::string time_text(const std::optional<instant>& at) { return at ? rfc3339(*at) : ""; }

std::string to_text(const std::vector<library::ledger_row>& rows) {
  std::string out;
  for (const library::ledger_row& r : rows) {
    out += r.row ? (r.model.empty() ? "Reader" : r.model) + ", firmware " + (r.firmware.empty() ? "unknown" : r.firmware) +
                       ", last sync " + (r.last_sync_at ? rfc3339(*r.last_sync_at) : "never") + "\n"
                 : std::string("It has not come yet.\n");
    if (r.guarded_since)
      out +=
          std::to_string(r.guarded_count) + " books vanished from the library and stay on the reader until a day has passed.\n";
    std::vector<std::vector<std::string>> lines{{"STATE", "TITLE", "ANNOUNCED", "FETCHED", "LAST SEEN", "SUSPICION"}};
    for (const library::ledger_book& b : r.books) {
      lines.push_back({b.state, b.title, time_text(b.announced_at), time_text(b.fetched_at), time_text(b.last_seen_at),
                       b.doubt ? b.doubt->reason + " since " + rfc3339(b.doubt->since) : ""});
    }
    out += table(lines);
  }
  return out;
}

exit_status status(invocation& call) {
  environment e = call.open(1);
  auto [device, rows] = e.pool->read_now([](db::tx& tx) {
    library::device d = kobo_named(tx);
    return std::pair(d, library::kobo_ledger(tx, d.id));
  });
  call.answer(library::ledger_json(device.id, device.name, rows), device.name + " of " + device.user_name + "\n" + to_text(rows));
  return done;
}

exit_status queued(const invocation& call, int count) {
  call.answer(json::object{{"queued", count}}, std::to_string(count) + " books will be announced with the next sync.\n");
  return done;
}

exit_status again(invocation& call, bool only_removed) {
  environment e = call.open(1);
  int count = change(e, call, [&](db::tx& tx) {
    library::device d = kobo_named(tx);
    std::vector<uuid> books;
    for (const std::string& name : given.books) books.push_back(book_named(tx, d.user_id, name));
    library::record(tx, command_line, only_removed ? "device.restore" : "device.resend", "device", d.id);
    return library::announce_again(tx, d.id, books, {.only_removed = only_removed, .fetch_again = given.hard && !only_removed});
  });
  return queued(call, count);
}
exit_status resend(invocation& call) { return again(call, false); }
exit_status restore(invocation& call) { return again(call, true); }

exit_status reset_sync(invocation& call) {
  environment e = call.open(1);
  int count = change(e, call, [&](db::tx& tx) {
    library::device d = kobo_named(tx);
    library::record(tx, command_line, "device.reset_sync", "device", d.id);
    return library::reset_kobo(tx, d.id, given.lift_removed);
  });
  return queued(call, count);
}

}  // namespace

void describe_kobo(CLI::App& device, invocation& call) {
  auto sub = [&](const char* name, const char* help, exit_status (*run)(invocation&)) {
    CLI::App* s = device.add_subcommand(name, help);
    s->callback([&call, run] { call.action = run; });
    s->add_option("--user", given.user, "account it belongs to (default: the owner)");
    s->add_option("DEVICE", given.name, "name or id")->required();
    return s;
  };
  sub("status", "what a Kobo holds of its shelves, with the evidence", status);
  CLI::App* again = sub("resend", "announce books again with the next sync", resend);
  again->add_option("BOOK", given.books, "ids or titles")->required()->allow_extra_args(true);
  again->add_flag("--hard", given.hard, "as a sample first, so that the Kobo fetches the files again, where its firmware can");
  sub("restore", "bring books back that were removed on the Kobo", restore)
      ->add_option("BOOK", given.books, "ids or titles")
      ->required()
      ->allow_extra_args(true);
  sub("reset-sync", "say everything again from the start; the reader may download its books again", reset_sync)
      ->add_flag("--lift-removed", given.lift_removed, "also books that were removed on the Kobo");
}

}  // namespace carrel::commands
