// `/shelves/rule` and `/shelf/{id}/rule`: making and changing the rule of a shelf, with what it finds (product.md 4.6).

#include <algorithm>

#include "library/book.hpp"
#include "library/rule_shelf.hpp"
#include "library/rule_work.hpp"
#include "server/core/text.hpp"
#include "web/format.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"
#include "web/pages/rule_form.hpp"
#include "web/pages/table.hpp"

namespace carrel::web {
namespace {

constexpr int first_shown = 6;

struct rule_data {
  rule_choices choices;
  library::rule_preview found;
  std::vector<library::book> books;
};

rule_data load_rule_data(db::tx& tx, uuid viewer, std::optional<library::rule> r) {
  rule_data out;
  out.choices = load_rule_choices(tx, viewer);
  if (r) out.found = library::preview_rule(tx, viewer, *r, first_shown);
  out.books = library::load_books(tx, viewer, out.found.first);
  return out;
}

// A shelf of one's own, which has a rule or may get one.
struct edited_shelf {
  library::shelf shelf;
  std::optional<library::rule> rule;
};
std::optional<edited_shelf> load_edited(db::tx& tx, uuid user, uuid id) {
  std::optional<library::shelf> s = library::find_shelf(tx, user, id);
  if (!s || s->user_id != user) return std::nullopt;
  bool may = s->kind == "rule" || (s->count == 0 && !s->made_on_device);
  if (!may) return std::nullopt;
  return edited_shelf{.shelf = std::move(*s), .rule = library::rule_of(tx, user, id)};
}

// What the buttons of the form do to it; nothing is stored.
void act_on(rule_form& f, const std::string& act) {
  if (act == "add") f.rows.emplace_back();
  if (act == "text") f = as_text(f);
  if (act == "rows") {
    result<library::rule, wrong_rule> r = rule_in(f);
    if (!r) return;
    std::string name = f.name;
    f = rule_form_of(*r);
    f.name = name;
  }
  if (!act.starts_with("remove:")) return;
  std::optional<std::int64_t> row = to_integer(std::string_view(act).substr(7));
  if (row && *row >= 0 && static_cast<std::size_t>(*row) < f.rows.size()) f.rows.erase(f.rows.begin() + *row);
}

// `shelf`: absent while it is not made.
task<http::response> rule_answer(const site& at, visit v, std::optional<library::shelf> shelf, rule_form f, form_errors wrong) {
  result<library::rule, wrong_rule> r = rule_in(f);
  std::optional<library::rule> right;
  if (r) right = *r;
  rule_data data = co_await at.with.pool.snapshot(load_rule_data, v.id(), right);

  view out;
  fill_rule_form(v, f, std::move(data.choices), out);
  std::string heading = shelf ? v.say.say("rule.of", {{"name", shelf->name}}) : v.say.text("rule.new");
  out.set("heading", heading).set("making", !shelf);
  out.set("action", shelf ? "/shelf/" + shelf->id.text() + "/rule" : "/shelves/rule");
  out.set("shelf", shelf ? shelf->id.text() : "").set("by_rule", shelf && shelf->kind == "rule");
  out.set("finds", r ? v.say.count("rule.finds", data.found.count) : "").set("live_wrong", r ? "" : words_for(v.say, r.error()));
  out.set("books", cards(v.say, data.books));
  wrong.fill(out);
  co_return show(v, {heading, "shelves"}, "rule", std::move(out), wrong.empty() ? 200 : 422);
}

std::string refusal_words(const messages& say, const error& e) {
  if (e.field == "cycle" || e.field == "shelf" || e.field == "hand") return say.text("rule.wrong." + e.field);
  return say.text("shelf.wrong.name");
}

}  // namespace

answer rule_new_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::shelve);
  library::filter shown = filter_of(v, c.in.queries());
  rule_form f = co_await at.with.pool.read(load_rule_of_filter, v.id(), shown);
  co_return co_await rule_answer(at, std::move(v), std::nullopt, std::move(f), form_errors{});
}

answer rule_new(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::shelve);
  http::form form(c.in);
  rule_form f = rule_form_of(form);
  std::string act = form.text("act");
  act_on(f, act);
  form_errors wrong;
  if (act == "save") {
    result<library::rule, wrong_rule> r = rule_in(f);
    if (r) {
      try {
        library::rule right = std::move(*r);
        result<library::shelf> made = co_await at.with.pool.write(library::create_rule_shelf, v.id(), f.name, true, right);
        if (made) co_return done(v, "/shelf/" + made->id.text(), "shelf.made");
        wrong.add(made.error().field == "name" ? "name" : "match", refusal_words(v.say, made.error()));
      } catch (const db::unique_violation&) {
        wrong.add("name", v.say.text("shelf.wrong.taken"));
      }
    } else {
      wrong.add(r.error().field, words_for(v.say, r.error()));
    }
  }
  co_return co_await rule_answer(at, std::move(v), std::nullopt, std::move(f), std::move(wrong));
}

answer rule_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::shelve);
  uuid id = id_param(c, "id");
  std::optional<edited_shelf> s = co_await at.with.pool.read(load_edited, v.id(), id);
  if (!s) not_here(v);
  rule_form f;
  f.rows.emplace_back();
  if (s->rule) f = rule_form_of(*s->rule);
  co_return co_await rule_answer(at, std::move(v), std::move(s->shelf), std::move(f), form_errors{});
}

answer rule_change(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::shelve);
  uuid id = id_param(c, "id");
  std::optional<edited_shelf> s = co_await at.with.pool.read(load_edited, v.id(), id);
  if (!s) not_here(v);
  http::form form(c.in);
  rule_form f = rule_form_of(form);
  std::string act = form.text("act");
  act_on(f, act);
  form_errors wrong;
  if (act == "save" || act == "freeze") {
    result<library::rule, wrong_rule> r = rule_in(f);
    std::optional<library::rule> wish;
    if (act == "save" && r) wish = std::move(*r);
    if (wish || act == "freeze") {
      result<bool> set = co_await at.with.pool.write(library::set_rule, v.id(), id, wish);
      if (set && !*set) not_here(v);
      if (set) co_return done(v, "/shelf/" + id.text(), "saved");
      wrong.add("match", refusal_words(v.say, set.error()));
    } else {
      wrong.add(r.error().field, words_for(v.say, r.error()));
    }
  }
  co_return co_await rule_answer(at, std::move(v), std::move(s->shelf), std::move(f), std::move(wrong));
}

}  // namespace carrel::web
