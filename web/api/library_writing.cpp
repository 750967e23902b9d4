// What a managed library writes into its files or beside them (product.md 3.2).

#include "web/api/call.hpp"
#include "web/reachable_libraries.hpp"

namespace carrel::web {
namespace {

struct chosen {
  std::optional<library::book_library> is;
  library::write_choice choice;
  library::write_counts counts;
};

chosen load_choice(db::tx& tx, const uuid& viewer, const uuid& id) {
  chosen out;
  out.is = reachable_library(tx, viewer, id);
  if (!out.is || library::refuses_write(*out.is)) return out;
  out.choice = library::find_write_choice(tx, id);
  out.counts = library::count_written(tx, *out.is);
  return out;
}

void need_writing(const site& at, const chosen& c) {
  if (!c.is || !at.with.libraries.set_writing) not_there();
  if (std::optional<error> why = library::refuses_write(*c.is)) throw http::problem{409, why->reason, why->field};
}

library::write_choice choice_in(const json::object& body) {
  std::string where;
  if (!body.take("where", where)) invalid("where is missing.", "where");
  std::vector<std::string> fields;
  if (body.find("fields") == nullptr)
    fields = library::every_field(where).fields;
  else if (!body.take("fields", fields))
    invalid("fields is a list of names.", "fields");
  result<library::write_choice> out = library::write_choice_of(where, fields);
  if (!out) invalid(out.error().reason, out.error().field);
  return *out;
}

}  // namespace

answer get_write_back(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::run_jobs);
  uuid id = id_param(c, "id");
  chosen now = co_await at.with.pool.read(load_choice, who.id(), id);
  need_writing(at, now);
  co_return json_object(library::to_json(now.choice, now.counts));
}

answer put_write_back(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::run_jobs);
  uuid id = id_param(c, "id");
  chosen now = co_await at.with.pool.read(load_choice, who.id(), id);
  need_writing(at, now);
  json::object body = body_of(c);
  library::write_choice wanted = choice_in(body);
  bool dry_run = false;
  body.take("dry_run", dry_run);
  if (dry_run) {
    result<library::write_preview> seen = co_await at.with.cpu.run(at.with.libraries.foresee_writing, id, wanted);
    if (!seen) throw http::problem{409, seen.error().reason, seen.error().field};
    co_return json_object(library::to_json(*seen));
  }
  library::actor actor = who.actor();
  result<library::write_choice> before = co_await at.with.cpu.run(at.with.libraries.set_writing, id, wanted, actor);
  if (!before) throw http::problem{409, before.error().reason, before.error().field};
  now = co_await at.with.pool.read(load_choice, who.id(), id);
  co_return json_object(library::to_json(now.choice, now.counts));
}

}  // namespace carrel::web
