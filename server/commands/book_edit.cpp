// `carrel book edit`: one change of all books that a search finds, with a preview, and an undo on the page of such runs.
#include "library/bulk.hpp"
#include "server/commands/book_fields.hpp"
#include "server/commands/command.hpp"
#include "server/commands/long_run.hpp"
#include "server/core/text.hpp"
#include "web/bulk_jobs.hpp"

namespace carrel::commands {
namespace {

using kind = library::bulk_edit::kind;

constexpr int most_shown = 1000;

struct arguments {
  std::string where, status, user;
  std::vector<std::string> pairs;
  bool locked = false;
};
arguments given;

// A series without a number leaves each book its own.
json::value value_to_set(const std::string& field, const std::string& text) {
  json::value value = value_given(field, text);
  std::string name;
  bool numbered =
      value.as_object() == nullptr || !value.as_object()->find("index") || !value.as_object()->find("index")->is_null();
  if (field != "series" || numbered) return value;
  value.as_object()->take("name", name);
  return json::object{{"name", name}};
}

// FIELD=VALUE, FIELD+=VALUE, FIELD-=VALUE, FIELD:OLD=NEW
library::bulk_edit edit_given(const std::string& pair) {
  std::size_t equals = pair.find('=');
  if (equals == pair.npos || equals == 0) throw stop(usage, "Expected FIELD=VALUE, got " + pair);
  std::string field = pair.substr(0, equals), text = pair.substr(equals + 1);
  char sign = field.back();
  if (sign == '+' || sign == '-') {
    field.pop_back();
    return {.how = sign == '+' ? kind::add : kind::remove, .field = field, .value = list_given(text)};
  }
  if (std::size_t colon = field.find(':'); colon != field.npos)
    return {.how = kind::replace, .field = field.substr(0, colon), .value = {}, .from = field.substr(colon + 1), .to = text};
  if (trim(text).empty()) return {.how = kind::clear, .field = field};
  return {.how = kind::set, .field = field, .value = value_to_set(field, text)};
}

library::bulk_request request_given() {
  library::bulk_request out;
  out.locked_too = given.locked;
  for (const std::string& pair : given.pairs) {
    out.edits.push_back(edit_given(pair));
    if (std::optional<error> bad = library::check_edit(out.edits.back())) throw stop(usage, bad->message());
  }
  out.edits = library::in_order(std::move(out.edits));
  return out;
}

library::filter filter_given() {
  library::filter f;
  f.text = given.where;
  f.status = given.status == "all" ? "" : given.status;
  if (trim(given.where).empty()) throw stop(usage, "--where needs words that the books have.");
  return f;
}

template <class F>
auto in_step(environment& e, F fn) {
  return e.pool->write_now(
      [&](db::tx& tx) { return as_viewer(tx, given.user, [&](const uuid& viewer) { return fn(tx, viewer); }); });
}

uuid start(environment& e, const library::filter& f, const library::bulk_request& wanted) {
  return e.pool->write_now([&](db::tx& tx) {
    std::optional<uuid> user = viewer_or_none(tx, given.user);
    uuid run = library::start_bulk(tx, user, command_line, "edit", given.where);
    library::choose_matching(tx, run, f);
    if (std::optional<error> bad = library::request_bulk(tx, run, user.value_or(uuid{}), wanted))
      throw stop(usage, bad->message());
    return run;
  });
}

// Until it rests, or until somebody asks the program to end.
library::bulk_run work(environment& e, const uuid& run, const patience& p, progress_bar& bar) {
  for (;;) {
    std::optional<library::bulk_run> r =
        in_step(e, [&](db::tx& tx, const uuid& viewer) { return library::step_bulk(tx, run, viewer); });
    if (!r) throw stop(failed, "The run is gone.");
    bar.show(r->progress(), r->total().value_or(0));
    if (r->at_rest() || p.asked().stop_requested()) return *r;
  }
}

// The job is there in case this process ends before its work does: a server then goes on with it.
void begin(environment& e, const uuid& run) {
  e.pool->write_now([&](db::tx& tx) {
    if (!library::begin_bulk(tx, run)) throw stop(refused, "The run was taken by somebody else.");
    web::enqueue_bulk(tx, run);
  });
}

std::string text_of(const library::bulk_change& c) {
  return c.title + ": " + c.field + " " + json::dump(c.before) + " -> " + json::dump(c.after) +
         (c.state == "locked"  ? " (locked, stays)"
          : c.state == "stale" ? " (changed meanwhile, stays)"
                               : "") +
         "\n";
}

std::string summary(const library::bulk_run& r, bool dry) {
  const library::bulk_counts& c = r.counts;
  std::string out = std::to_string(c.books) + " found, ";
  out += dry ? std::to_string(c.to_change) + " would change" : std::to_string(c.done) + " changed";
  out += ", " + std::to_string(c.same) + " stay as they are";
  if (c.locked > 0)
    out += ", " + std::to_string(c.locked) + " fields left alone because they are locked (--locked changes them too)";
  if (c.invalid + c.failed > 0) out += ", " + std::to_string(c.invalid + c.failed) + " could not be changed";
  return out + ".";
}

exit_status tell(invocation& call, environment& e, const library::bulk_run& r) {
  bool dry = call.dry_run;
  auto [changes, problems] = e.pool->read_now([&](db::tx& tx) {
    return std::pair(library::bulk_changes(tx, r.id, {}, most_shown), library::bulk_problems(tx, r.id, 0, most_shown));
  });
  json::object document = library::to_json(r);
  json::array listed, wrong;
  std::string text;
  for (const library::bulk_change& c : changes) {
    listed.push_back(library::to_json(c));
    if (dry) text += text_of(c);
  }
  for (const library::bulk_outcome& o : problems) {
    wrong.push_back(library::to_json(o));
    text += (o.title.empty() ? o.book.text() : o.title) + ": " + o.reason + "\n";
  }
  document.set("changes", std::move(listed)).set("problems", std::move(wrong)).set("dry_run", dry);
  call.answer(document, text + summary(r, dry));
  if (r.counts.invalid + r.counts.failed == 0) return done;
  return r.counts.to_change > r.counts.failed ? partly : failed;
}

exit_status edit(invocation& call) {
  library::filter f = filter_given();
  library::bulk_request wanted = request_given();
  patience::block();
  environment e = call.open(1);
  patience p;
  progress_bar bar("books");
  uuid run = start(e, f, wanted);
  library::bulk_run r = work(e, run, p, bar);
  auto drop = [&] { e.pool->write_now([&](db::tx& tx) { return library::drop_bulk(tx, run); }); };
  if (r.counts.books == 0 || r.state != "ready") {
    drop();
    if (r.state == "cancelled") throw stop(refused, "This account may not change books.");
    throw r.state == "ready" ? stop(not_found, "No book matches.") : stop(failed, "Ended before anything was changed.");
  }
  if (call.dry_run || r.counts.to_change == 0) {
    exit_status status = tell(call, e, r);
    drop();
    return status;
  }
  begin(e, run);
  r = work(e, run, p, bar);
  exit_status status = tell(call, e, r);
  return r.at_rest() ? status : partly;
}

}  // namespace

void describe_book_edit(CLI::App& book, invocation& call) {
  CLI::App* one = book.add_subcommand("edit", "change fields of all books that a search finds; they are locked afterwards");
  one->callback([&call] { call.action = edit; });
  one->add_option("--where", given.where, "words, as for `carrel book find`")->required();
  one->add_option("--status", given.status, "organized, inbox, review or all")
      ->default_val("all")
      ->check(CLI::IsMember({"organized", "inbox", "review", "all"}));
  one->add_flag("--locked", given.locked, "locked fields too");
  one->add_option("--user", given.user, "as this account sees it (default: the owner)");
  one->add_option("FIELD=VALUE", given.pairs, "FIELD=VALUE sets, FIELD+=VALUE adds, FIELD-=VALUE removes, FIELD:OLD=NEW replaces")
      ->required();
  one->footer(std::string(fields_help) +
              "\nAn empty value empties the field. The run can be taken back under /bulk for 30 days.");
}

}  // namespace carrel::commands
