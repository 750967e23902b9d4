// Two books become one, and two again (library/merge.hpp).

#include "library/merge.hpp"

#include "library/book.hpp"
#include "web/api/call.hpp"

namespace carrel::web {
namespace {

constexpr std::size_t most_books = 50;

std::vector<uuid> books_in(const json::object& body) {
  std::vector<std::string> texts;
  if (!body.take("books", texts) || texts.empty()) invalid("books: must be a list of ids", "books");
  if (texts.size() > most_books) invalid("books: at most 50 at once", "books");
  std::vector<uuid> out;
  for (const std::string& text : texts) {
    std::optional<uuid> id = uuid::parse(text);
    if (!id) not_there();
    out.push_back(*id);
  }
  return out;
}

library::merge_act act_in(const json::object& body) {
  std::string act = "merge";
  if (const json::value* given = body.find("act"); given != nullptr && !body.take("act", act)) act.clear();
  if (act == "format") return library::merge_act::format;
  if (act == "replace") return library::merge_act::replace;
  if (act != "merge") invalid("act: is merge, format or replace", "act");
  return library::merge_act::merge;
}

// One that is part of the kept book already may be named once more.
bool sees_all(db::tx& tx, uuid viewer, uuid kept, std::vector<uuid> others) {
  if (!library::find_book(tx, viewer, kept)) return false;
  for (const uuid& other : others) {
    if (!library::find_book(tx, viewer, other) && library::survivor_of(tx, viewer, other) != kept) return false;
  }
  return true;
}

[[noreturn]] void refuse(const error& why) {
  if (why.field == "missing") not_there();
  if (why.field == "later") throw http::problem{409, "Take the later merge " + why.reason + " back first.", "later"};
  unsigned status = why.field == "disk_full"                                                                 ? 507
                    : why.field == "elsewhere" || why.field == "bytes_gone" || why.field == "duplicate_file" ? 409
                                                                                                             : 422;
  throw http::problem{status, why.reason, why.field};
}

}  // namespace

answer post_merge(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::curate);
  uuid kept = id_param(c, "id");
  json::object body = body_of(c);
  std::vector<uuid> others = books_in(body);
  library::merge_act act = act_in(body);
  bool sees = co_await at.with.pool.read(sees_all, who.id(), kept, others);
  if (!sees || !at.with.merge_books) not_there();
  result<library::merge_outcome> merged = co_await at.with.cpu.run(at.with.merge_books, kept, others, act, who.actor());
  if (!merged) refuse(merged.error());
  places_changed(at);
  co_return json_object(library::to_json(*merged));
}

answer post_merge_undo(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::curate);
  uuid id = id_param(c, "id");
  std::optional<library::merge_row> merge = co_await at.with.pool.read(library::find_merge, who.id(), id);
  if (!merge) {
    std::optional<std::string> trashed = co_await at.with.pool.read(library::merge_in_trash, who.id(), id);
    if (trashed) throw http::problem{409, "The book that was kept lies in the trash. Restore it first: " + *trashed, "trashed"};
  }
  if (!merge || !at.with.undo_merge) not_there();
  result<library::unmerge_outcome> undone = co_await at.with.cpu.run(at.with.undo_merge, id, who.actor());
  if (!undone) refuse(undone.error());
  places_changed(at);
  co_return json_object(library::to_json(*undone));
}

}  // namespace carrel::web
