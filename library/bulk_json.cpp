#include "library/bulk.hpp"

namespace carrel::library {

json::object to_json(const bulk_run& r) {
  const bulk_counts& c = r.counts;
  json::object out{{"id", r.id}, {"act", r.act}, {"name", r.name}, {"state", r.state}, {"job", r.job}};
  out.set("books", c.books).set("to_change", c.to_change).set("fields", c.fields).set("same", c.same).set("locked", c.locked);
  out.set("invalid", c.invalid).set("done", c.done).set("failed", c.failed).set("stale", c.stale).set("undone", c.undone);
  out.set("kept", c.kept).set("hidden", c.hidden).set("created_at", r.created_at).set("finished_at", r.finished_at);
  return out;
}

json::object to_json(const bulk_change& c) {
  return {{"book", c.book}, {"title", c.title}, {"field", c.field}, {"before", c.before}, {"after", c.after}, {"state", c.state}};
}

json::object to_json(const bulk_outcome& o) {
  return {{"book", o.book}, {"title", o.title}, {"state", o.state}, {"reason", o.reason}};
}

}  // namespace carrel::library
