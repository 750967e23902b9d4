#include "library/document.hpp"
#include "library/position.hpp"
#include "server/commands/command.hpp"
#include "server/core/text.hpp"

namespace carrel::commands {
namespace {

struct arguments {
  std::string user, document, book;
};
arguments given;

exit_status unknown(invocation& call) {
  environment e = call.open(1);
  auto all = e.pool->read_now([](db::tx& tx) { return library::unknown_documents(tx, acting_user(tx, given.user).id, 1000); });
  json::array document;
  std::vector<std::vector<std::string>> rows{{"DOCUMENT", "DEVICE", "PERCENT", "TITLE", "AT"}};
  for (const library::unknown_document& d : all) {
    json::array suggestions;
    for (const library::suggestion& s : d.suggestions) suggestions.push_back(json::object{{"book", s.book}, {"score", s.score}});
    document.push_back(json::object{{"document", d.document},
                                    {"device", d.device},
                                    {"percentage", d.percentage},
                                    {"at", d.at},
                                    {"title", d.title.empty() ? json::value() : json::value(d.title)},
                                    {"filename", d.file_name.empty() ? json::value() : json::value(d.file_name)},
                                    {"suggestions", std::move(suggestions)}});
    rows.push_back({d.document, d.device, shortest(d.percentage * 100), d.title, rfc3339(d.at)});
  }
  call.answer(document, all.empty() ? "Every document belongs to a book." : table(rows));
  return done;
}

exit_status link(invocation& call) {
  environment e = call.open(1);
  bool linked = change(e, call, [](db::tx& tx) {
    uuid user = acting_user(tx, given.user).id;
    return library::link_by_hand(tx, user, given.document, book_named(tx, user, given.book));
  });
  if (!linked) throw stop(not_found, "No device has sent a position for this document.");
  call.answer(json::object{{"linked", 1}}, "Linked. Its positions now belong to the book.");
  return done;
}

exit_status history(invocation& call) {
  environment e = call.open(1);
  auto rows = e.pool->read_now([](db::tx& tx) {
    uuid user = acting_user(tx, given.user).id;
    return library::positions_of_book(tx, user, book_named(tx, user, given.book), 1000);
  });
  json::array document;
  std::vector<std::vector<std::string>> text{{"AT", "PERCENT", "DEVICE", "POSITION", ""}};
  for (const library::position_row& p : rows) {
    document.push_back(json::object{{"id", p.id},
                                    {"document", p.document},
                                    {"book", p.book},
                                    {"percentage", p.percentage},
                                    {"progress", p.progress},
                                    {"device", p.device},
                                    {"source", p.source},
                                    {"at", p.at},
                                    {"current", p.current},
                                    {"accepted", p.accepted},
                                    {"waits", p.waits()}});
    text.push_back({rfc3339(p.at), shortest(p.percentage * 100), p.device, p.progress,
                    p.current    ? "current"
                    : p.waits()  ? "held"
                    : p.accepted ? ""
                                 : "settled"});
  }
  call.answer(document, rows.empty() ? "No positions yet." : table(text));
  return done;
}

}  // namespace

void describe_kosync(CLI::App& app, invocation& call) {
  CLI::App* cmd = app.add_subcommand("kosync", "reading positions: unknown, link, history");
  cmd->require_subcommand(1);
  auto sub = [&](const char* name, const char* help, exit_status (*run)(invocation&)) {
    CLI::App* s = cmd->add_subcommand(name, help);
    s->callback([&call, run] { call.action = run; });
    s->add_option("--user", given.user, "whose positions (default: the owner's)");
    return s;
  };
  sub("unknown", "documents that belong to no book", unknown);
  CLI::App* one = sub("link", "say which book a document is", link);
  one->add_option("DOCUMENT", given.document, "as `kosync unknown` prints it")->required();
  one->add_option("BOOK", given.book, "id or exact title")->required();
  sub("history", "every position of a book, newest first", history)
      ->add_option("BOOK", given.book, "id or exact title")
      ->required();
}

}  // namespace carrel::commands
