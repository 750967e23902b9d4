// `/libraries`: folders that are read in place, trees whose files Carrel names (product.md 3.2, 4.11).

#include <map>

#include "library/book.hpp"
#include "server/core/text.hpp"
#include "web/format.hpp"
#include "web/library_errata.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"
#include "web/reachable_libraries.hpp"

namespace carrel::web {
namespace {

constexpr int page_size = 50;

constexpr db::statement sql_work{"web.library_jobs", R"sql(
  select dedupe_key, kind, state, progress_done, progress_total from jobs
   where done_at is null and kind like 'library.%' and dedupe_key = any ($1::text[]) order by kind)sql"};

struct work_going_on {
  std::string kind, state;
  std::int64_t done = 0;
  std::optional<std::int64_t> total;
};

struct shown_library {
  library::book_library is;
  library::library_counts counts;
  bool writes = false;  // back into its files
  std::vector<work_going_on> work;
};

std::vector<shown_library> load_libraries(db::tx& tx, const uuid& viewer) {
  std::vector<shown_library> out;
  std::vector<std::string> ids;
  for (library::book_library& l : reachable_libraries(tx, viewer)) {
    ids.push_back(l.id.text());
    library::library_counts counts = library::count_library(tx, l.id);
    bool writes = library::find_write_choice(tx, l.id).on();
    out.push_back({.is = std::move(l), .counts = counts, .writes = writes, .work = {}});
  }
  for (const db::row& r : tx.run(sql_work, ids)) {
    for (shown_library& l : out) {
      if (l.is.id.text() == r.text(0)) l.work.push_back({r.text(1), r.text(2), r.integer(3), r.maybe_integer(4)});
    }
  }
  return out;
}

struct one_library {
  std::optional<shown_library> is;
  std::vector<unread_place> places;  // one more than a page
};

one_library load_one(db::tx& tx, const uuid& viewer, const uuid& id, const std::optional<uuid>& after) {
  one_library out;
  for (shown_library& l : load_libraries(tx, viewer)) {
    if (l.is.id == id) out.is = std::move(l);
  }
  if (out.is) out.places = unread_places(tx, id, after, page_size + 1);
  return out;
}

view library_view(const visit& v, const shown_library& l) {
  view one;
  std::string kind = l.is.in_place() ? "in_place" : l.is.root.empty() ? "store" : l.writes ? "write_back" : "managed";
  one.set("library", l.is.id.text()).set("name", l.is.name).set("root", l.is.root).set("pattern", l.is.pattern);
  one.set("kind_words", v.say.text("libraries.kind." + kind)).set("books", v.say.count("books.count", l.counts.books));
  one.set("size", size_text(v.say, l.counts.bytes));
  auto number = [&](const char* name, std::int64_t n) { one.set(name, n > 0 ? v.say.number(n) : std::string()); };
  number("missing", l.counts.missing);
  number("damaged", l.counts.damaged);
  number("waiting", l.counts.waiting);
  number("refused", l.counts.refused);
  number("duplicates", l.counts.duplicates);
  one.set("trouble", l.is.trouble.empty() ? std::string() : refusal_text(v.say, l.is.trouble));
  one.set("takes_new", l.is.takes_new).set("is_tree", l.is.is_tree()).set("in_place", l.is.in_place());
  one.set("may_remove", !l.is.root.empty());
  moment(v.say, l.is.scanned_at, one, "scanned");
  std::vector<view> work;
  for (const work_going_on& w : l.work) {
    view job;
    job.set("job_kind", v.say.has("job." + w.kind) ? v.say.text("job." + w.kind) : w.kind);
    job.set("job_state", v.say.text("job.state." + w.state)).set("amount", "").set("total", "").set("done_part", "");
    if (w.total && *w.total > 0) {
      job.set("amount", v.say.say("job.amount", {{"done", v.say.number(w.done)}, {"total", v.say.number(*w.total)}}));
      job.set("total", *w.total).set("done_part", w.done);
    } else if (w.done > 0) {
      job.set("amount", v.say.say("libraries.seen", {{"n", v.say.number(w.done)}}));
    }
    work.push_back(job);
  }
  return one.set("work", work);
}

// The form as it was typed, and what is in the folder when that was asked for.
struct add_form {
  library::library_wish wish;
  std::optional<library::foreseen_library> seen;
  form_errors wrong;
};

void show_preview(const visit& v, const library::foreseen_library& seen, view& out) {
  std::vector<view> kinds;
  for (const auto& [extension, count] : seen.preview.by_extension) {
    view one;
    one.set("extension", extension.empty() ? v.say.text("libraries.no_type") : extension).set("count", v.say.number(count));
    kinds.push_back(one);
  }
  view p;
  p.set("found_root", seen.root).set("found_files", v.say.number(seen.preview.files));
  p.set("found_size", size_text(v.say, seen.preview.bytes)).set("found_ignored", v.say.number(seen.preview.ignored));
  p.set("found_links", v.say.number(seen.preview.special)).set("partial", !seen.preview.complete).set("kinds", kinds);
  out.set("preview", std::move(p));
}

task<http::response> libraries_answer(const site& at, visit v, add_form form) {
  std::vector<shown_library> found = co_await at.with.pool.read(load_libraries, v.id());
  std::vector<view> all;
  all.reserve(found.size());
  for (const shown_library& l : found) all.push_back(library_view(v, l));
  view out;
  out.set("libraries", all).set("may_add", static_cast<bool>(at.with.libraries.add)).set("preview", false);
  out.set("typed_name", form.wish.name).set("typed_folder", form.wish.folder).set("typed_pattern", form.wish.pattern);
  out.set("typed_managed", form.wish.managed).set("typed_sure", form.wish.sure).set("typed_takes_new", form.wish.takes_new);
  out.set("roots", join(at.with.settings.list("library.roots"), ", "));
  form.wrong.fill(out);
  if (form.seen) show_preview(v, *form.seen, out);
  co_return show(v, {v.say.text("nav.libraries"), "libraries"}, "libraries", std::move(out), form.wrong.empty() ? 200 : 422);
}

// The field that an error belongs to, and words that no language file has: they name folders.
void add_error(const visit& v, form_errors& wrong, const error& why) {
  std::string field = why.field == "library.pattern"                                        ? "pattern"
                      : why.field == "library.no_name" || why.field == "library.name_taken" ? "name"
                                                                                            : "folder";
  std::string key = "libraries.wrong." + why.field.substr(why.field.find('.') + 1);
  wrong.add(field, v.say.has(key) ? v.say.text(key) : why.reason);
}

struct pattern_form {
  std::string typed;
  std::optional<library::pattern_preview> seen;
  form_errors wrong;
};

task<http::response> one_answer(const site& at, visit v, uuid id, pattern_form form) {
  std::optional<uuid> after = id_of(v.c.in.query("after"));
  one_library found = co_await at.with.pool.read(load_one, v.id(), id, after);
  if (!found.is) not_here(v);
  view out = library_view(v, *found.is);
  std::vector<view> places;
  for (std::size_t i = 0; i < std::min<std::size_t>(found.places.size(), page_size); ++i) {
    const unread_place& p = found.places[i];
    view one;
    one.set("place", p.id.text()).set("place_name", p.name).set("detail", refusal_text(v.say, p.code)).set("code", p.code);
    places.push_back(one.set("when", moment(v.say, p.since)));
  }
  out.set("places", places).set("may_again", static_cast<bool>(at.with.libraries.read_again));
  bool more = found.places.size() > page_size;
  view pages;
  pages.set("previous", after ? v.href("/libraries/" + id.text()) : std::string());
  pages.set("next", more ? query_with(v.c.in, "after", found.places[page_size - 1].id.text()) : std::string());
  out.set("pager", std::move(pages)).set("may_name", found.is->is.is_tree() && at.with.libraries.set_pattern);
  out.set("typed_pattern", form.seen || !form.wrong.empty() ? form.typed : found.is->is.pattern);
  std::vector<view> moves;
  if (form.seen) {
    for (const library::pattern_preview::line& m : form.seen->lines) {
      view one;
      one.set("move_title", m.title).set("from", m.from.empty() ? v.say.text("libraries.the_store") : m.from).set("to", m.to);
      moves.push_back(one);
    }
    std::string moved = v.say.number(form.seen->moved), books = v.say.number(form.seen->books);
    out.set("foreseen", v.say.say("libraries.pattern_foreseen", {{"moved", moved}, {"books", books}}));
  } else {
    out.set("foreseen", "");
  }
  out.set("moves", moves);
  form.wrong.fill(out);
  co_return show(v, {found.is->is.name, "libraries"}, "library_one", std::move(out), form.wrong.empty() ? 200 : 422);
}

task<http::response> start(const site& at, http::context& c, std::string kind, std::string_view act) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  uuid id = id_param(c, "id");
  auto begin = at.with.libraries.start;
  if (!begin) not_here(v);
  auto work = [](db::tx& tx, uuid viewer, uuid library, const std::string& what, const decltype(begin)& run) {
    return reachable_library(tx, viewer, library) && run(tx, library, what, viewer);
  };
  bool started = co_await at.with.pool.write(work, v.id(), id, kind, begin);
  if (!started) not_here(v);
  co_return done(v, "/libraries", act, id.text());
}

bool take_new(db::tx& tx, uuid viewer, uuid id, const library::actor& who) {
  std::optional<library::book_library> l = reachable_library(tx, viewer, id);
  if (!l || l->in_place()) return false;
  library::set_takes_new(tx, id, who);
  return true;
}

task<http::response> dismiss_place(const site& at, http::context& c, bool dismissed, std::string_view act) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::see_all_errata);
  uuid place = id_param(c, "id");
  bool changed = co_await at.with.pool.write(set_place_dismissed, v.id(), place, dismissed);
  if (!changed) not_here(v);
  co_return done(v, "/errata", act, place.text());
}

}  // namespace

answer libraries_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  add_form blank;
  blank.wish.pattern = at.with.libraries.default_pattern;
  co_return co_await libraries_answer(at, v, std::move(blank));
}

answer library_add(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  if (!at.with.libraries.add) not_here(v);
  http::form in(c.in);
  add_form form;
  form.wish.name = std::string(trim(in.text("name")));
  form.wish.folder = in.text("folder");
  form.wish.managed = in.text("kind") == "managed";
  form.wish.pattern = in.text("pattern");
  form.wish.takes_new = in.has("takes_new");
  form.wish.sure = in.has("sure");
  if (in.text("step") == "preview") {
    result<library::foreseen_library> seen = co_await at.with.cpu.run(at.with.libraries.foresee, form.wish);
    if (seen)
      form.seen = std::move(*seen);
    else
      add_error(v, form.wrong, seen.error());
    co_return co_await libraries_answer(at, v, std::move(form));
  }
  library::actor who = v.actor();
  result<uuid> made = co_await at.with.cpu.run(at.with.libraries.add, form.wish, who);
  if (made) co_return done(v, "/libraries", "library.added", made->text());
  add_error(v, form.wrong, made.error());
  co_return co_await libraries_answer(at, v, std::move(form));
}

answer library_one_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  uuid id = id_param(c, "id");
  pattern_form as_it_is;
  co_return co_await one_answer(at, v, id, std::move(as_it_is));
}

answer library_scan(const site& at, http::context& c) { return start(at, c, "scan", "library.scan"); }
answer library_verify(const site& at, http::context& c) { return start(at, c, "verify", "library.verify"); }

answer library_remove(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  uuid id = id_param(c, "id");
  bool removed = co_await at.with.pool.write(remove_reachable_library, v.id(), id, v.actor());
  if (!removed) not_here(v);
  co_return done(v, "/libraries", "library.removed", id.text());
}

answer library_restore(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  uuid id = id_param(c, "id");
  bool back = false;
  try {
    back = co_await at.with.pool.write(library::restore_library, id, v.actor());
  } catch (const db::unique_violation&) {
    throw http::problem{409, v.say.text("libraries.wrong.name_taken"), "library.name_taken"};
  }
  if (!back) not_here(v);
  co_return done(v, "/libraries", "undone");
}

answer library_pattern(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  uuid id = id_param(c, "id");
  std::optional<library::book_library> l = co_await at.with.pool.read(reachable_library, v.id(), id);
  if (!l || !at.with.libraries.set_pattern) not_here(v);
  http::form in(c.in);
  pattern_form form;
  form.typed = in.text("pattern");
  if (in.text("step") == "preview") {
    result<library::pattern_preview> p = co_await at.with.cpu.run(at.with.libraries.foresee_pattern, id, form.typed);
    if (p)
      form.seen = std::move(*p);
    else
      add_error(v, form.wrong, p.error());
    co_return co_await one_answer(at, v, id, std::move(form));
  }
  library::actor who = v.actor();
  result<uuid> job = co_await at.with.cpu.run(at.with.libraries.set_pattern, id, form.typed, who);
  if (job) co_return done(v, "/libraries/" + id.text(), "library.pattern", id.text(), l->pattern);
  add_error(v, form.wrong, job.error());
  co_return co_await one_answer(at, v, id, std::move(form));
}

answer library_take_new(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  uuid id = id_param(c, "id");
  bool changed = co_await at.with.pool.write(take_new, v.id(), id, v.actor());
  if (!changed) not_here(v);
  co_return done(v, "/libraries", "saved");
}

answer place_again(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::see_all_errata);
  uuid place = id_param(c, "id");
  bool sees = co_await at.with.pool.read(sees_place, v.id(), place);
  if (!sees || !at.with.libraries.read_again) not_here(v);
  bool started = co_await at.with.pool.write(at.with.libraries.read_again, place);
  if (!started) throw http::problem{409, v.say.text("errata.nothing_to_retry"), "nothing_to_retry"};
  co_return done(v, "/errata", "errata.retried");
}

answer place_dismiss(const site& at, http::context& c) { return dismiss_place(at, c, true, "place.dismissed"); }
answer place_undismiss(const site& at, http::context& c) { return dismiss_place(at, c, false, "undone"); }

answer file_look(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::see_all_errata);
  uuid file = id_param(c, "id");
  std::optional<library::visible_file> found = co_await at.with.pool.read(library::find_file, v.id(), file);
  if (!found || !at.with.libraries.look_again) not_here(v);
  bool well = co_await at.with.cpu.run(at.with.libraries.look_again, file);
  std::string_view act = well ? "file.well" : "file.not_well";
  co_return done(v, "/errata", act);
}

}  // namespace carrel::web
