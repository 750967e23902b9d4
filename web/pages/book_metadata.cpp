// What is known of a book and from where: the section of its page, `/books/{id}/metadata` with what other sources say and the
// whole history, and the acts of both (product.md 4.5).

#include <algorithm>

#include "library/review.hpp"
#include "server/core/text.hpp"
#include "server/http/conditional.hpp"
#include "web/asking.hpp"
#include "web/format.hpp"
#include "web/pages/compare.hpp"
#include "web/pages/curating.hpp"
#include "web/pages/parts.hpp"
#include "web/picture.hpp"

namespace carrel::web {
namespace {

constexpr int newest_changes = 5, changes_of_page = 50;

view locked_view(const visit& v, const library::field_now& f) {
  view out;
  out.set("field", f.name)
      .set("field_words", field_words(v.say, f.name))
      .set("field_value", value_text(v.say, f.name, f.value, 160));
  out.set("field_source", f.source.empty() ? "" : source_words(v.say, f.source)).set("field_locked", f.locked);
  return out;
}

std::string change_words(const messages& say, const library::field_change& c) {
  std::string field = field_words(say, c.field);
  std::string before = value_text(say, c.field, c.before.value, 120), after = value_text(say, c.field, c.after.value, 120);
  bool same = json::dump(c.before.value) == json::dump(c.after.value);
  if (same && c.before.source != c.after.source)
    return say.say("meta.same_source", {{"field", field}, {"source", source_words(say, c.after.source)}});
  if (same) return say.say(c.after.locked ? "meta.now_locked" : "meta.now_open", {{"field", field}});
  if (before.empty()) return say.say("meta.became", {{"field", field}, {"new", after}});
  if (after.empty()) return say.say("meta.emptied", {{"field", field}, {"old", before}});
  return say.say("meta.from_to", {{"field", field}, {"old", before}, {"new", after}});
}

std::vector<view> change_views(const visit& v, const std::vector<library::change_group>& groups) {
  std::vector<view> out;
  for (const library::change_group& g : groups) {
    view one;
    one.set("group", g.id.text()).set("by", g.actor).set("when", moment(v.say, g.at));
    one.set("undone", g.undone).set("undoes", g.undoes.has_value());
    std::vector<view> lines;
    for (const library::field_change& c : g.fields) {
      view line;
      line.set("words", change_words(v.say, c));
      lines.push_back(line);
    }
    one.set("lines", lines);
    out.push_back(one);
  }
  return out;
}

// Records of others that nobody has looked at and that say something else.
int suggestions(const library::comparison& known) {
  auto counts = [](const library::candidate& c) {
    bool differs = std::any_of(c.offers.begin(), c.offers.end(), [](const library::offer& o) { return !o.same; });
    return c.status == "new" && !library::is_local(c.source) && differs;
  };
  return static_cast<int>(std::count_if(known.candidates.begin(), known.candidates.end(), counts));
}

struct metadata_page {
  std::optional<library::book> book;
  std::optional<library::comparison> known;
  std::vector<library::change_group> changes;
  asking sources;
};

metadata_page load_page(db::tx& tx, const config* settings, uuid viewer, uuid id, std::optional<uuid> after) {
  metadata_page out;
  out.book = library::find_book(tx, viewer, id);
  if (!out.book) return out;
  out.known = library::compare(tx, id, library::least_shown(*settings));
  out.changes = library::changes_of(tx, id, after, changes_of_page + 1);
  out.sources = asking_about(tx, *settings, id);
  return out;
}

struct decision {
  choices what;
  bool approve = false;
};
struct decided {
  bool there = false;
  std::optional<error> refused;
  std::optional<uuid> group;
};

// In one transaction: a book is not approved without the fields that were chosen with it.
decided decide(db::tx& tx, uuid viewer, uuid id, const decision& d, const library::actor& who) {
  decided out;
  out.there = library::find_book(tx, viewer, id).has_value();
  if (!out.there) return out;
  result<library::taken> done =
      d.what.column ? library::take_all(tx, id, *d.what.column, who) : library::take_fields(tx, id, d.what.picks, who);
  if (!done) {
    out.refused = done.error();
    return out;
  }
  out.group = done->group;
  if (d.approve) library::approve_with(tx, id, done->group, who);
  return out;
}

struct locking {
  bool there = false;
  result<bool> changed = false;
};

locking lock_visible(db::tx& tx, uuid viewer, uuid id, const std::string& field, bool locked, const library::actor& who) {
  locking out;
  out.there = library::find_book(tx, viewer, id).has_value();
  if (out.there) out.changed = library::set_lock(tx, id, field, locked, who);
  return out;
}

library::undo_outcome undo_visible(db::tx& tx, uuid viewer, uuid id, uuid group, const library::actor& who) {
  if (!library::find_book(tx, viewer, id)) return library::undo_outcome::unknown;
  return library::undo_change(tx, id, group, who);
}

struct asked_for {
  bool there = false, asked = false;
};

asked_for ask_visible(db::tx& tx, const config* settings, uuid viewer, uuid id) {
  std::optional<library::book> book = library::find_book(tx, viewer, id);
  if (!book) return {};
  return {.there = true, .asked = ask_about(tx, *settings, id, book->title, viewer).has_value()};
}

bool reject_visible(db::tx& tx, uuid viewer, uuid id, uuid candidate, bool rejected, const library::actor& who) {
  return library::find_book(tx, viewer, id) && library::reject_candidate(tx, id, candidate, rejected, who);
}

std::optional<library::cover_ref> picture_of(db::tx& tx, uuid viewer, uuid id, const std::string& sha256) {
  if (!library::find_book(tx, viewer, id)) return std::nullopt;
  return library::find_offered_cover(tx, id, sha256);
}

// Where the table of fields was that a form comes from.
std::string table_of(const http::form& form, const uuid& book) {
  return form.text("stay") == "review" ? "/review?book=" + book.text() : "/books/" + book.text() + "/metadata";
}

answer change_lock(const site& at, http::context& c, bool locked) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::string field = form.text("field");
  locking done_so = co_await at.with.pool.write(lock_visible, v.id(), id, field, locked, v.actor());
  if (!done_so.there || !done_so.changed) not_here(v);
  std::string back = way_back(form, id, "/books/" + id.text() + "#metadata");
  co_return done(v, back, locked ? "field.locked" : "field.unlocked", id.text(), field);
}

answer change_candidate(const site& at, http::context& c, uuid candidate, bool rejected) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  bool changed = co_await at.with.pool.write(reject_visible, v.id(), id, candidate, rejected, v.actor());
  if (!changed) not_here(v);
  std::string back = rejected ? table_of(form, id) : way_back(form, id, "/books/" + id.text() + "/metadata");
  co_return done(v, back, rejected ? "candidate.rejected" : "undone", id.text(), candidate.text());
}

}  // namespace

std::string way_back(const http::form& form, const uuid& book, const std::string& fallback) {
  constexpr std::string_view inbox = "/review";
  std::string back = back_path(form, fallback);
  if (back != inbox && !back.starts_with(std::string(inbox) + "?")) return back;
  // What was taken back is what people want to see, at the place in the queue where they are.
  std::string place;
  for (const std::string& part : split(back.substr(std::min(back.size(), inbox.size() + 1)), '&')) {
    if (part.starts_with("after=") || part.starts_with("before=")) place = "&" + part;
  }
  return std::string(inbox) + "?book=" + book.text() + place;
}

book_metadata load_metadata(db::tx& tx, const config& settings, const uuid& book) {
  book_metadata out;
  out.known = library::compare(tx, book, library::least_shown(settings)).value_or(library::comparison{});
  out.changes = library::changes_of(tx, book, std::nullopt, newest_changes);
  return out;
}

void fill_metadata(const visit& v, const uuid& book, const book_metadata& data, view& out) {
  std::vector<view> fields;
  for (const library::field_now& f : data.known.fields) fields.push_back(locked_view(v, f));
  int fresh = suggestions(data.known);
  out.set("meta_fields", fields).set("changes", change_views(v, data.changes)).set("book", book.text());
  out.set("find_words", fresh > 0 ? v.say.count("meta.find_new", fresh) : v.say.text("meta.find"));
}

answer book_metadata_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  std::optional<uuid> after = id_of(c.in.query("after"));
  const config* settings = &at.with.settings;
  metadata_page data = co_await at.with.pool.snapshot(load_page, settings, v.id(), id, after);
  if (!data.book || !data.known) not_here(v);
  bool more = data.changes.size() > static_cast<std::size_t>(changes_of_page);
  if (more) data.changes.pop_back();
  std::string next = more ? "?after=" + data.changes.back().id.text() + "#history" : std::string();
  view out, pages;
  pages.set("previous", "").set("next", next);
  fill_comparison(v, id, *data.known, out);
  std::string title = v.say.say("meta.page", {{"title", data.book->title}}), path = "/books/" + id.text();
  out.set("heading", title).set("book_title", data.book->title).set("changes", change_views(v, data.changes)).set("pager", pages);
  out.set("here", path + "/metadata").set("next_path", path).set("reviewing", false);
  out.set("can_ask", data.sources.possible && !data.sources.under_way).set("under_way", data.sources.under_way);
  co_return show(v, {title, "library"}, "book_metadata", std::move(out));
}

answer book_ask(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  const config* settings = &at.with.settings;
  asked_for out = co_await at.with.pool.write(ask_visible, settings, v.id(), id);
  if (!out.there) not_here(v);
  std::string back = "/books/" + id.text() + "/metadata";
  std::string_view act = out.asked ? "source.fetch" : "source.nothing";
  co_return done(v, back, act);
}

answer book_take(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  decision wish{.what = choices_of(form), .approve = form.text("act") == "approve"};
  decided done_so = co_await at.with.pool.write(decide, v.id(), id, wish, v.actor());
  if (!done_so.there) not_here(v);
  if (done_so.refused) throw http::problem{422, "This choice is not there any more.", "pick"};
  if (wish.approve) co_return done(v, back_path(form, "/review"), "book.approved", id.text());
  std::string here = table_of(form, id);
  if (!done_so.group) co_return done(v, here, "nothing_new");
  co_return done(v, here, "book.taken", id.text(), done_so.group->text());
}

answer book_lock(const site& at, http::context& c) { return change_lock(at, c, true); }
answer book_unlock(const site& at, http::context& c) { return change_lock(at, c, false); }

answer book_undo_change(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::optional<uuid> group = id_of(form.text("group"));
  if (!group) not_here(v);
  library::undo_outcome outcome = co_await at.with.pool.write(undo_visible, v.id(), id, *group, v.actor());
  if (outcome == library::undo_outcome::unknown) not_here(v);
  std::string back = way_back(form, id, "/books/" + id.text() + "#metadata");
  std::string_view said = outcome == library::undo_outcome::done      ? "undone"
                          : outcome == library::undo_outcome::already ? "nothing_new"
                                                                      : "change.overtaken";
  co_return done(v, back, said);
}

answer candidate_reject(const site& at, http::context& c) {
  uuid candidate = id_param(c, "candidate");
  return change_candidate(at, c, candidate, true);
}

answer candidate_restore(const site& at, http::context& c) {
  http::form form(c.in);
  return change_candidate(at, c, id_of(form.text("candidate")).value_or(uuid{}), false);
}

answer offered_picture(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  std::string sha256(c.in.param("sha256"));
  std::optional<library::cover_ref> found = co_await at.with.pool.read(picture_of, v.id(), id, sha256);
  if (!found || !at.with.cover) not_here(v);
  std::optional<std::filesystem::path> picture = co_await at.with.cpu.run(at.with.cover, *found, 300);
  if (!picture) not_here(v);
  http::validators seen{.etag = "\"" + found->version() + "\"", .modified = {}};
  http::response out = http::file(c.in, *picture, picture_type(*picture), seen);
  out.set("Cache-Control", "private, max-age=86400");
  co_return out;
}

}  // namespace carrel::web
