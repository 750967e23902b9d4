// `/books/{id}/edit`: fields by hand. What is edited is locked (product.md 3.5).

#include <algorithm>

#include "library/book.hpp"
#include "server/core/text.hpp"
#include "web/format.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  for (const std::string& line : split(text, '\n')) {
    std::string_view plain = trim(line);
    if (!plain.empty()) out.emplace_back(plain);
  }
  return out;
}

// Commas stand between words, but may be part of one that the book has already ("Fiction, Historical").
std::vector<std::string> words_of(std::string_view text, const std::vector<std::string>& now) {
  std::vector<std::string> out, parts = split(text, ',');
  for (std::size_t at = 0; at < parts.size();) {
    std::string word = parts[at];
    std::string longer = word;
    std::size_t end = at + 1;
    for (std::size_t next = end; next < parts.size(); ++next) {
      longer += ", " + parts[next];
      if (std::find(now.begin(), now.end(), longer) == now.end()) continue;
      word = longer;
      end = next + 1;
    }
    if (!word.empty()) out.push_back(std::move(word));
    at = end;
  }
  return out;
}

// Browsers send \r\n; what is stored has \n.
std::string plain_lines(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
  return text;
}

json::value series_value(const http::form& form) {
  std::string name(trim(form.text("series")));
  if (name.empty()) return nullptr;
  json::object series{{"name", name}};
  std::string index(trim(form.text("series_index")));
  std::replace(index.begin(), index.end(), ',', '.');
  std::optional<double> number = to_double(index);
  if (number) series.set("index", *number);
  if (!number && !index.empty()) series.set("index", index);
  return series;
}

json::object identifiers_value(const std::string& text) {
  json::object out;
  for (const std::string& line : lines_of(text)) {
    std::size_t colon = line.find(':');
    std::string name = lower_ascii(trim(std::string_view(line).substr(0, colon)));
    out.set(name, colon == std::string::npos ? std::string() : std::string(trim(std::string_view(line).substr(colon + 1))));
  }
  return out;
}

// A line that names no identifier, which would be lost without a word.
bool unnamed_identifier(const std::string& text) {
  for (const std::string& line : lines_of(text)) {
    std::size_t colon = line.find(':');
    if (colon == std::string::npos || trim(std::string_view(line).substr(0, colon)).empty() || colon > 40) return true;
  }
  return false;
}

// Only fields that the form holds and that differ from the book: equal ones must not be locked.
json::object changes_of(const http::form& form, const library::book& b) {
  json::object out;
  auto text = [&](const char* name, const std::string& now) {
    std::string value = plain_lines(form.text(name));
    if (form.has(name) && trim(value) != now) out.set(name, std::string(trim(value)));
  };
  text("title", b.title);
  text("subtitle", b.subtitle);
  text("title_sort", b.title_sort);
  text("publisher", b.publisher);
  text("published", b.published_on);
  text("description", b.description);
  std::vector<std::string> authors, tags;
  for (const library::person& p : b.authors) authors.push_back(p.name);
  for (const library::tag& t : b.tags) tags.push_back(t.name);
  auto list = [&](const char* name, const std::vector<std::string>& now, const std::vector<std::string>& value) {
    if (form.has(name) && value != now) out.set(name, value);
  };
  list("authors", authors, lines_of(form.text("authors")));
  list("languages", b.languages, words_of(form.text("languages"), b.languages));
  list("genres", b.genres, words_of(form.text("genres"), b.genres));
  list("tags", tags, words_of(form.text("tags"), tags));
  bool same_series = trim(form.text("series")) == b.series && trim(form.text("series_index")) == index_text(b);
  if (form.has("series") && !same_series) out.set("series", series_value(form));
  json::object known;
  for (const auto& [name, value] : b.identifiers) known.set(name, value);
  json::object identifiers = identifiers_value(form.text("identifiers"));
  if (form.has("identifiers") && json::dump(known) != json::dump(identifiers)) out.set("identifiers", identifiers);
  std::string pages(trim(form.text("page_count")));
  if (form.has("page_count") && pages != (b.page_count ? std::to_string(*b.page_count) : "")) {
    std::optional<std::int64_t> number = to_integer(pages);
    out.set("page_count", number ? json::value(*number) : pages.empty() ? json::value() : json::value(pages));
  }
  return out;
}

void field(const visit& v, view& out, const library::book& b, const std::string& name, const std::string& value) {
  bool locked = std::find(b.locked_fields.begin(), b.locked_fields.end(), name) != b.locked_fields.end();
  out.set("f_" + name, value).set("lock_" + name, locked ? v.say.text("edit.locked") : "");
}

std::string lines(const std::vector<std::string>& items) { return join(items, "\n"); }

void fill_fields(const visit& v, const library::book& b, view& out) {
  std::vector<std::string> authors, tags, identifiers;
  for (const library::person& p : b.authors) authors.push_back(p.name);
  for (const library::tag& t : b.tags) tags.push_back(t.name);
  for (const auto& [name, value] : b.identifiers) identifiers.emplace_back(name).append(": ").append(value);
  field(v, out, b, "title", b.title);
  field(v, out, b, "subtitle", b.subtitle);
  field(v, out, b, "title_sort", b.title_sort);
  field(v, out, b, "authors", lines(authors));
  field(v, out, b, "series", b.series);
  out.set("f_series_index", index_text(b));
  field(v, out, b, "languages", join(b.languages, ", "));
  field(v, out, b, "identifiers", lines(identifiers));
  field(v, out, b, "publisher", b.publisher);
  field(v, out, b, "published", b.published_on);
  field(v, out, b, "genres", join(b.genres, ", "));
  field(v, out, b, "tags", join(tags, ", "));
  field(v, out, b, "page_count", b.page_count ? std::to_string(*b.page_count) : "");
  field(v, out, b, "description", b.description);
}

// What the person typed, so that nothing is lost when a field was wrong.
void keep_typed(const http::form& form, view& out) {
  for (const char* name : {"title", "subtitle", "title_sort", "authors", "series", "series_index", "languages", "identifiers",
                           "publisher", "published", "genres", "tags", "page_count", "description"}) {
    if (form.has(name)) out.set(std::string("f_") + name, form.text(name));
  }
}

// What the rules of library/book_edit.cpp say, in the reader's language.
std::string reason_text(const messages& say, const std::string& reason) {
  static constexpr std::pair<std::string_view, std::string_view> known[] = {
      {"is too long", "edit.wrong.long"},
      {"has too many entries", "edit.wrong.many"},
      {"must be an object of texts", "edit.wrong.many"},
      {"must not be empty", "edit.wrong.title"},
      {"index must be a number from 0 to 99999", "edit.wrong.series_index"},
      {"must be language codes such as en or pt-BR", "edit.wrong.languages"},
      {"the ISBN has a wrong check digit or length", "edit.wrong.isbn"},
      {"must be a date such as 2019, 2019-03 or 2019-03-01", "edit.wrong.published"},
      {"must be a whole number from 0 to 1000000", "edit.wrong.page_count"},
  };
  for (const auto& [english, key] : known) {
    if (reason == english) return say.text(key);
  }
  return reason;
}

std::string wrong_words(const visit& v, const std::string& field, const std::string& words) {
  std::string key = "field." + field;
  return v.say.say("edit.wrong", {{"field", v.say.has(key) ? v.say.text(key) : field}, {"reason", words}});
}

http::response edit_form(const visit& v, const library::book& b, const http::form* typed, const form_errors& wrong) {
  view out;
  out.set("book", b.id.text()).set("heading", b.title);
  fill_fields(v, b, out);
  if (typed) keep_typed(*typed, out);
  wrong.fill(out);
  return show(v, {v.say.say("edit.title", {{"title", b.title}}), "library"}, "book_edit", std::move(out),
              wrong.empty() ? 200 : 422);
}

}  // namespace

answer book_edit_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  std::optional<library::book> book = co_await at.with.pool.read(library::find_book, v.id(), id);
  if (!book) not_here(v);
  co_return edit_form(v, *book, nullptr, {});
}

answer book_edit(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::optional<library::book> book = co_await at.with.pool.read(library::find_book, v.id(), id);
  if (!book) not_here(v);
  form_errors wrong;
  if (unnamed_identifier(form.text("identifiers"))) {
    wrong.add("identifiers", wrong_words(v, "identifiers", v.say.text("edit.wrong.identifier_line")));
    co_return edit_form(v, *book, &form, wrong);
  }
  json::object changes = changes_of(form, *book);
  if (changes.empty()) co_return http::redirect(v.href("/books/" + id.text()));

  result<bool> edited = co_await at.with.pool.write(library::edit_book, id, changes, v.actor());
  if (!edited) {
    std::string name = edited.error().field.substr(0, edited.error().field.find('.'));
    wrong.add(name, wrong_words(v, name, reason_text(v.say, edited.error().reason)));
    co_return edit_form(v, *book, &form, wrong);
  }
  co_return done(v, "/books/" + id.text(), "book.edited", id.text());
}

answer book_undo_edit(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  bool undone = co_await at.with.pool.write(library::undo_edit, id, v.actor());
  if (!undone) not_here(v);
  co_return done(v, "/books/" + id.text(), "undone");
}

}  // namespace carrel::web
