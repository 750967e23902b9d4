#include "library/opinion.hpp"

#include "library/book.hpp"
#include "web/api/call.hpp"

namespace carrel::web {
namespace {

struct found_opinion {
  bool visible = false;
  library::opinion said;
};

found_opinion load_opinion(db::tx& tx, uuid user, uuid book) {
  return {library::find_book(tx, user, book).has_value(), library::find_opinion(tx, user, book).value_or(library::opinion{})};
}

}  // namespace

answer get_opinion(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  uuid book = id_param(c, "id");
  found_opinion found = co_await at.with.pool.snapshot(load_opinion, who.id(), book);
  if (!found.visible) not_there();
  co_return json_object(library::to_json(found.said));
}

answer put_opinion(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  uuid book = id_param(c, "id");
  json::object body = body_of(c);
  result<library::opinion_change> change = library::read_opinion_change(body);
  if (!change) invalid(change.error().message());
  std::optional<result<library::opinion>> said = co_await at.with.pool.write(library::change_opinion, who.id(), book, *change);
  if (!said) not_there();
  if (!*said) invalid(said->error().message());
  co_return json_object(library::to_json(**said));
}

}  // namespace carrel::web
