// `/shelves` and `/shelf/{id}`: lists made by hand or by rule (product.md 4.6).

#include "library/shelf.hpp"

#include <algorithm>

#include "library/book.hpp"
#include "library/catalog.hpp"
#include "library/rule_shelf.hpp"
#include "library/rule_work.hpp"
#include "server/core/text.hpp"
#include "web/format.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"
#include "web/pages/rule_form.hpp"
#include "web/pages/shelf_kobos.hpp"

namespace carrel::web {
namespace {

struct shelves_data {
  std::vector<library::shelf> shelves;
  std::vector<std::vector<library::book>> fronts;  // the first covers of each
  std::vector<library::device> devices;
};

constexpr std::size_t front_size = 4;

shelves_data load_shelves(db::tx& tx, uuid viewer) {
  shelves_data out;
  out.shelves = library::shelves(tx, viewer);
  out.devices = library::devices(tx, viewer);
  for (const library::shelf& s : out.shelves) {
    if (s.kind == "rule") {  // which may hold very many
      library::list all{.what = library::list::of::shelf, .id = s.id};
      out.fronts.push_back(library::browse(tx, viewer, all, {}, static_cast<int>(front_size)).books);
      continue;
    }
    std::vector<uuid> ids = library::shelf_books(tx, viewer, s.id);
    ids.resize(std::min(ids.size(), front_size));
    out.fronts.push_back(library::load_books(tx, viewer, ids));
  }
  return out;
}

struct shelf_data {
  std::optional<library::shelf> shelf;
  std::optional<library::rule> rule;  // of one's own
  rule_choices rule_names;
  std::vector<library::book> books;
  std::vector<library::device> devices;
  std::vector<uuid> fed;
  std::vector<fed_kobo> kobos;
  std::size_t first = 0, total = 0;
};

constexpr std::size_t page_size = 50;

shelf_data load_shelf(db::tx& tx, uuid viewer, uuid id, std::size_t first) {
  shelf_data out;
  out.shelf = library::find_shelf(tx, viewer, id);
  if (!out.shelf) return out;
  std::vector<uuid> ids = library::shelf_books(tx, viewer, id);
  out.total = ids.size();
  out.first = first < ids.size() ? first : 0;
  auto begin = ids.begin() + static_cast<std::ptrdiff_t>(out.first);
  auto end = ids.begin() + static_cast<std::ptrdiff_t>(std::min(out.first + page_size, ids.size()));
  out.books = library::load_books(tx, viewer, std::vector<uuid>(begin, end));
  out.devices = library::devices(tx, viewer);
  out.fed = library::devices_fed(tx, id);
  if (out.shelf->user_id != viewer) return out;
  if (out.shelf->kind == "rule") out.rule = library::rule_of(tx, viewer, id);
  if (out.rule) out.rule_names = load_rule_choices(tx, viewer);
  std::vector<library::device> fed;
  for (const library::device& d : out.devices) {
    if (std::find(out.fed.begin(), out.fed.end(), d.id) != out.fed.end()) fed.push_back(d);
  }
  out.kobos = load_fed_kobos(tx, fed, std::vector<uuid>(begin, end));
  return out;
}

// The devices that a shelf feeds, by their names.
std::string fed_by(const std::vector<library::device>& all, const uuid& shelf) {
  std::string out;
  for (const library::device& d : all) {
    if (std::find(d.shelves.begin(), d.shelves.end(), shelf) != d.shelves.end()) out += (out.empty() ? "" : ", ") + d.name;
  }
  return out;
}

task<http::response> shelves_answer(const site& at, visit v, form_errors wrong, std::string typed) {
  co_await library::rules_up_to_date(at.with.pool, v.id());
  shelves_data data = co_await at.with.pool.snapshot(load_shelves, v.id());
  std::vector<view> all;
  for (std::size_t i = 0; i < data.shelves.size(); ++i) {
    view s = shelf_line(v, data.shelves[i]);
    s.set("front", cards(v.say, data.fronts[i]));
    std::string devices = fed_by(data.devices, data.shelves[i].id);
    s.set("feeds", devices.empty() ? "" : v.say.say("shelf.feeds", {{"devices", devices}}));
    all.push_back(s);
  }
  view out;
  out.set("shelves", all).set("typed_name", typed);
  wrong.fill(out);
  co_return show(v, {v.say.text("nav.shelves"), "shelves"}, "shelves", std::move(out), wrong.empty() ? 200 : 422);
}

std::string shelf_wrong(const messages& say, const error& e) {
  return e.field == "name" ? say.text("shelf.wrong.name") : e.reason;
}

view page_links(const http::request& in, const shelf_data& data) {
  view v;
  v.set("previous",
        data.first == 0 ? "" : query_with(in, "from", data.first <= page_size ? "" : std::to_string(data.first - page_size)));
  v.set("next", data.first + page_size >= data.total ? "" : query_with(in, "from", std::to_string(data.first + page_size)));
  return v;
}

std::vector<view> device_switches(const visit& v, const shelf_data& data) {
  std::vector<view> out;
  for (const library::device& d : data.devices) {
    view s = device_line(v, d);
    s.set("fed", std::find(data.fed.begin(), data.fed.end(), d.id) != data.fed.end());
    out.push_back(s);
  }
  return out;
}

// The cards of the shelf, each with a mark for every Kobo that the shelf feeds (product.md 4.6).
std::vector<view> cards_with_marks(const visit& v, const shelf_data& data) {
  std::vector<view> out = cards(v.say, data.books);
  for (std::size_t i = 0; i < out.size(); ++i) out[i].set("marks", marks_of(v, data.kobos, data.books[i].id));
  return out;
}

task<http::response> shelf_answer(const site& at, visit v, uuid id, form_errors wrong) {
  std::size_t first =
      static_cast<std::size_t>(std::max<std::int64_t>(0, to_integer(v.c.in.query("from").value_or("0")).value_or(0)));
  co_await library::rules_up_to_date(at.with.pool, v.id());
  shelf_data data = co_await at.with.pool.snapshot(load_shelf, v.id(), id, first);
  if (!data.shelf) not_here(v);
  view out;
  bool mine = data.shelf->user_id == v.id();
  out.set("shelf", id.text()).set("heading", data.shelf->name).set("name", data.shelf->name).set("mine", mine);
  out.set("owner_name", mine ? "" : data.shelf->user_name).set("shared", data.shelf->shared).set("in_opds", data.shelf->opds);
  out.set("collection", data.shelf->collection)
      .set("count_words", v.say.count("books.count", static_cast<std::int64_t>(data.total)));
  out.set("books", cards_with_marks(v, data)).set("devices", device_switches(v, data)).set("pager", page_links(v.c.in, data));
  out.set("kobos", kobo_strip(v, data.kobos));
  bool by_rule = data.shelf->kind == "rule";
  out.set("by_rule", by_rule)
      .set("by_hand", !by_rule)
      .set("rule_words", data.rule ? rule_words(v.say, *data.rule, data.rule_names) : "");
  out.set("may_have_rule", by_rule || (data.shelf->count == 0 && !data.shelf->made_on_device));
  wrong.fill(out);
  co_return show(v, {data.shelf->name, "shelves"}, "shelf", std::move(out), wrong.empty() ? 200 : 422);
}

result<library::shelf> make_shelf(db::tx& tx, uuid user, const std::string& name) {
  for (const library::shelf& s : library::shelves(tx, user)) {
    if (s.user_id == user && equal_ascii_case(s.name, trim(name))) return error{"taken", "there is one of that name"};
  }
  return library::create_shelf(tx, user, name, true);
}

using books_change = int (*)(db::tx&, const uuid&, const uuid&, const std::vector<uuid>&);

answer change_books(const site& at, http::context& c, books_change change, std::string_view act) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::shelve);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::optional<uuid> book = id_of(form.text("book"));
  if (!book) not_here(v);
  std::vector<uuid> books{*book};
  int changed = co_await at.with.pool.write(change, v.id(), id, books);
  if (changed == 0) not_here(v);
  co_return done(v, back_path(form, "/shelf/" + id.text()), act, id.text(), book->text());
}

int feed_devices(db::tx& tx, uuid user, uuid shelf, std::vector<std::string> wanted) {
  std::optional<library::shelf> mine = library::find_shelf(tx, user, shelf);
  if (!mine || mine->user_id != user) return -1;
  int changed = 0;
  for (const library::device& d : library::devices(tx, user)) {
    bool on = std::find(wanted.begin(), wanted.end(), d.id.text()) != wanted.end();
    changed += library::feed_device(tx, d.id, shelf, on);
  }
  return changed;
}

}  // namespace

answer shelves_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  co_return co_await shelves_answer(at, v, form_errors{}, std::string{});
}

answer shelf_make(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::shelve);
  http::form form(c.in);
  std::string name = form.text("name");
  form_errors wrong;
  try {
    result<library::shelf> made = co_await at.with.pool.write(make_shelf, v.id(), name);
    if (made) co_return done(v, "/shelf/" + made->id.text(), "shelf.made");
    wrong.add("name", made.error().field == "taken" ? v.say.text("shelf.wrong.taken") : shelf_wrong(v.say, made.error()));
  } catch (const db::unique_violation&) {
    wrong.add("name", v.say.text("shelf.wrong.taken"));
  }
  co_return co_await shelves_answer(at, v, wrong, name);
}

answer shelf_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid id = id_param(c, "id");
  co_return co_await shelf_answer(at, v, id, form_errors{});
}

answer shelf_change(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::shelve);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  library::shelf_change change;
  change.name = form.text("name");
  change.shared = form.has("shared");
  change.opds = form.has("opds");
  change.collection = form.has("collection");
  std::optional<library::shelf> shelf = co_await at.with.pool.read(library::find_shelf, v.id(), id);
  if (!shelf || shelf->user_id != v.id()) not_here(v);
  form_errors wrong;
  try {
    result<bool> changed = co_await at.with.pool.write(library::change_shelf, v.id(), id, change);
    if (changed) co_return done(v, "/shelf/" + id.text(), "saved");
    wrong.add("name", shelf_wrong(v.say, changed.error()));
  } catch (const db::unique_violation&) {
    wrong.add("name", v.say.text("shelf.wrong.taken"));
  }
  co_return co_await shelf_answer(at, v, id, wrong);
}

// Cannot be taken back: the name has to be typed.
answer shelf_delete(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::shelve);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::optional<library::shelf> shelf = co_await at.with.pool.read(library::find_shelf, v.id(), id);
  if (!shelf || shelf->user_id != v.id()) not_here(v);
  if (trim(form.text("confirm")) != shelf->name) {
    form_errors wrong;
    wrong.add("confirm", v.say.text("form.confirm_wrong"));
    co_return co_await shelf_answer(at, v, id, wrong);
  }
  co_await at.with.pool.write(library::delete_shelf, v.id(), id);
  co_return done(v, "/shelves", "shelf.deleted");
}

answer shelf_add(const site& at, http::context& c) { return change_books(at, c, library::add_to_shelf, "shelf.added"); }
answer shelf_remove(const site& at, http::context& c) { return change_books(at, c, library::remove_from_shelf, "shelf.removed"); }

answer shelf_devices(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::vector<std::string> wanted = form.all("device");
  int changed = co_await at.with.pool.write(feed_devices, v.id(), id, wanted);
  if (changed < 0) not_here(v);
  co_return done(v, "/shelf/" + id.text(), "saved");
}

}  // namespace carrel::web
