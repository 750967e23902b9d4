// `/books/{id}/opinion`: what the reader thinks of a book (product.md 4.5, 8). The buttons of the book's page send one field, the
// form here all of them.

#include "library/book.hpp"
#include "library/opinion.hpp"
#include "web/opinion.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

constexpr const char* field_names[] = {"state", "rating", "started", "finished", "review"};

struct opinion_data {
  std::optional<library::book> book;
  library::opinion now;
};

opinion_data load_opinion(db::tx& tx, uuid viewer, uuid id) {
  return {library::find_book(tx, viewer, id), library::find_opinion(tx, viewer, id).value_or(library::opinion{})};
}

std::string text_of(const json::value& v) {
  return v.as_text() ? *v.as_text() : v.as_number() ? v.as_number()->text : std::string();
}

// As the API has them; of the whole form only what is not as it was.
json::object changes_of(const http::form& form, const library::opinion& now) {
  json::object before = library::to_json(now), out;
  for (const char* name : field_names) {
    if (!form.has(name)) continue;
    std::string text = form.text(name);
    std::erase(text, '\r');
    std::string_view field = name;
    if (field == "rating" && text == "0") text.clear();
    if (form.has("whole") && text == text_of(*before.find(name))) continue;
    if (text.empty())
      out.set(name, nullptr);
    else if (field == "rating")
      out.set(name, json::number{text});
    else
      out.set(name, text);
  }
  return out;
}

http::response opinion_form(const visit& v, const opinion_data& data, const http::form* typed, const form_errors& wrong) {
  json::object now = library::to_json(data.now);
  auto value = [&](const char* name) { return typed ? typed->text(name) : text_of(*now.find(name)); };
  std::vector<std::pair<std::string, std::string>> states{{"", v.say.text("opinion.by_devices")}},
      ratings{{"", v.say.text("opinion.no_stars")}};
  for (const char* name : {"wanted", "reading", "read", "abandoned", "unread"})
    states.emplace_back(name, state_words(v.say, *publication::reading_state_named(name)));
  for (int halves = publication::most_halves; halves > 0; --halves)
    ratings.emplace_back(publication::stars_text(halves), stars_words(v.say, halves));

  view out;
  std::string title = v.say.say("opinion.of", {{"title", data.book->title}});
  out.set("heading", title).set("book", data.book->id.text());
  out.set("states", options(states, value("state"))).set("ratings", options(ratings, value("rating")));
  for (const char* name : {"started", "finished", "review"}) out.set(std::string("f_") + name, value(name));
  wrong.fill(out);
  return show(v, {title, "library"}, "opinion", std::move(out), wrong.empty() ? 200 : 422);
}

std::string wrong_words(const visit& v, const std::string& field) {
  std::string key = "opinion.wrong." + field;
  return v.say.has(key) ? v.say.text(key) : v.say.text("opinion.wrong");
}

}  // namespace

answer opinion_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid id = id_param(c, "id");
  opinion_data data = co_await at.with.pool.snapshot(load_opinion, v.id(), id);
  if (!data.book) not_here(v);
  form_errors none;
  co_return opinion_form(v, data, nullptr, none);
}

answer opinion_change(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  opinion_data data = co_await at.with.pool.snapshot(load_opinion, v.id(), id);
  if (!data.book) not_here(v);
  json::object changes = changes_of(form, data.now);
  if (changes.empty()) co_return http::redirect(v.href("/books/" + id.text()));

  form_errors wrong;
  result<library::opinion_change> change = library::read_opinion_change(changes);
  if (!change) {
    wrong.add(change.error().field, wrong_words(v, change.error().field));
    co_return opinion_form(v, data, &form, wrong);
  }
  std::optional<result<library::opinion>> said = co_await at.with.pool.write(library::change_opinion, v.id(), id, *change);
  if (!said) not_here(v);
  if (!*said) {
    wrong.add("finished", v.say.text("opinion.wrong.order"));
    co_return opinion_form(v, data, &form, wrong);
  }
  co_return done(v, "/books/" + id.text() + "#opinion", "opinion.saved", id.text());
}

answer opinion_undo(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid id = id_param(c, "id");
  bool undone = co_await at.with.pool.write(library::undo_opinion, v.id(), id);
  if (!undone) not_here(v);
  co_return done(v, "/books/" + id.text() + "#opinion", "undone");
}

}  // namespace carrel::web
