#include "web/pages/table.hpp"

#include <algorithm>
#include <array>

#include "library/book.hpp"
#include "server/core/text.hpp"
#include "web/format.hpp"
#include "web/opinion.hpp"
#include "web/pages/book_form.hpp"

namespace carrel::web {
namespace {

enum class input { none, line, lines, series };

struct column {
  std::string_view name;
  input how;
  std::string_view hint;
  bool usual;
};

constexpr std::array columns{
    column{"title", input::line, "", true},
    column{"subtitle", input::line, "", false},
    column{"title_sort", input::line, "edit.hint.title_sort", false},
    column{"authors", input::lines, "edit.hint.authors", true},
    column{"series", input::series, "", true},
    column{"languages", input::line, "edit.hint.languages", true},
    column{"publisher", input::line, "", false},
    column{"published", input::line, "edit.hint.published", false},
    column{"genres", input::line, "edit.hint.comma", false},
    column{"tags", input::line, "edit.hint.comma", false},
    column{"identifiers", input::lines, "edit.hint.identifiers", false},
    column{"page_count", input::line, "", false},
    column{"formats", input::none, "", true},
    column{"added", input::none, "", true},
};

const column* find_column(std::string_view name) {
  const auto* at = std::find_if(columns.begin(), columns.end(), [&](const column& c) { return c.name == name; });
  return at == columns.end() ? nullptr : at;
}

// The title is always there: it names the row.
std::vector<const column*> chosen_columns(const http::request& in) {
  std::vector<const column*> out;
  auto asked = [&](std::string_view name) {
    return std::any_of(in.queries().begin(), in.queries().end(),
                       [&](const auto& q) { return q.first == "col" && q.second == name; });
  };
  bool any = std::any_of(columns.begin(), columns.end(), [&](const column& c) { return asked(c.name); });
  for (const column& c : columns) {
    if (c.name == "title" || (any ? asked(c.name) : c.usual)) out.push_back(&c);
  }
  return out;
}

std::string label_of(const visit& v, std::string_view name) { return v.say.text("field." + std::string(name)); }

std::string shown_text(const visit& v, const library::book& b, std::string_view name) {
  if (name == "languages") return languages_text(v.say, b.languages);
  if (name == "published") return date_text(v.say, b.published_on);
  if (name == "series") return b.series + (b.series.empty() ? "" : " " + index_text(b));
  if (name == "authors") return names_of(v.say, b.authors);
  if (name == "added") return "";
  if (name != "formats") return form_text(b, name);
  std::vector<std::string> all;
  for (const library::book_file& f : b.files) all.push_back(format_name(v.say, f));
  return join(all, ", ");
}

void fill_form(const visit& v, const library::book& b, const column& c, const open_cell& open, view& out) {
  std::string name(c.name);
  const std::optional<http::form>& typed = open.typed;
  out.set("value", typed ? typed->text(name) : form_text(b, name));
  out.set("number", typed ? typed->text("series_index") : index_text(b));
  out.set("as_line", c.how == input::line).set("as_lines", c.how == input::lines).set("as_series", c.how == input::series);
  out.set("hint", c.hint.empty() ? "" : v.say.text(c.hint)).set("save_query", same_list(v.c.in));
  open.wrong.fill(out);
  out.set("cancel_href", v.href("/books" + same_list(v.c.in)) + "#c-" + b.id.text() + "-" + name);
}

view cell_view(const visit& v, const library::book& b, const column& c, const std::optional<open_cell>& open) {
  std::string name(c.name), label = label_of(v, name), id = "c-" + b.id.text() + "-" + name;
  bool editable = c.how != input::none && v.may(library::capability::curate);
  bool here = editable && open && open->book == b.id && open->field == name;
  bool just_saved = v.c.in.query("about") == b.id.text() && v.c.in.query("other") == name;
  bool locked = std::find(b.locked_fields.begin(), b.locked_fields.end(), name) != b.locked_fields.end();
  view out;
  out.set("cell_id", id).set("field", name).set("head", name == "title").set("text", shown_text(v, b, name));
  out.set("label", v.say.say("table.edit", {{"field", label}, {"title", b.title}}));
  out.set("editable", editable && !here).set("editing", here).set("locked", locked).set("just_saved", just_saved);
  out.set("wrong_cell", "").set("when", false).set("book_href", name == "title" ? v.href("/books/" + b.id.text()) : "");
  if (name == "added") out.set("when", moment(v.say, b.created_at));
  if (editable && !here) out.set("open_href", v.href("/books" + same_list(v.c.in, "cell", b.id.text() + "." + name)) + "#" + id);
  if (here) fill_form(v, b, c, *open, out);
  return out;
}

void fill_chooser(const visit& v, const std::vector<const column*>& chosen, view& out) {
  std::vector<view> all, kept;
  for (const column& c : columns) {
    if (c.name == "title") continue;
    bool on = std::find(chosen.begin(), chosen.end(), &c) != chosen.end();
    view one;
    one.set("column", std::string(c.name)).set("column_label", label_of(v, c.name)).set("on", on);
    all.push_back(one);
  }
  for (const auto& [name, value] : v.c.in.queries()) {
    if (name == "col" || name == "cell" || name == "done" || name == "about" || name == "other") continue;
    view one;
    one.set("kept_name", name).set("kept_value", value);
    kept.push_back(one);
  }
  out.set("column_choices", all).set("kept_query", kept);
}

// A page that was asked for by script replaces its list only; the bar above it is not part of that.
void fill_saved(const visit& v, view& out) {
  std::optional<uuid> about = id_of(v.c.in.query("about"));
  bool saved = v.c.in.query("done") == "book.edited" && about && v.c.in.header("HX-Request");
  out.set("cell_saved", saved ? v.say.text("done.book.edited") : "");
  if (!saved) return;
  out.set("saved_undo", v.href("/books/" + about->text() + "/undo-edit")).set("saved_back", "/books" + same_list(v.c.in));
}

}  // namespace

std::string same_list(const http::request& in, std::string_view name, std::string_view value) {
  std::string out;
  auto add = [&](std::string_view key, std::string_view text) {
    out += (out.empty() ? "?" : "&") + percent_encode(key) + "=" + percent_encode(text);
  };
  for (const auto& [key, text] : in.queries()) {
    bool dropped = key == name || key == "cell" || key == "done" || key == "about" || key == "other";
    if (!dropped && !text.empty()) add(key, text);
  }
  if (!value.empty()) add(name, value);
  return out.empty() ? "?view=table" : out;
}

std::optional<open_cell> open_cell_of(const http::request& in) {
  std::string cell = in.query("cell").value_or("");
  std::size_t dot = cell.find('.');
  std::optional<uuid> book = uuid::parse(std::string_view(cell).substr(0, dot));
  if (dot == std::string::npos || !book) return std::nullopt;
  return open_cell{.book = *book, .field = cell.substr(dot + 1)};
}

void fill_table(const visit& v, const std::vector<library::book>& books, const library::book_marks& marks,
                const std::optional<open_cell>& open, view& out) {
  std::vector<const column*> chosen = chosen_columns(v.c.in);
  std::vector<view> heads, rows;
  for (const column* c : chosen) {
    view one;
    one.set("column_label", label_of(v, c->name));
    heads.push_back(one);
  }
  for (const library::book& b : books) {
    std::vector<view> cells;
    for (const column* c : chosen) cells.push_back(cell_view(v, b, *c, open));
    view row;
    row.set("id", b.id.text()).set("row_title", b.title).set("cells", cells);
    row.set("reading_mark", mark_words(v.say, library::mark_of(marks, b.id)));
    row.set("row_status", b.status == "organized" ? "" : v.say.text("status." + b.status));
    rows.push_back(row);
  }
  out.set("columns", heads).set("rows", rows);
  fill_chooser(v, chosen, out);
  fill_saved(v, out);
}

answer save_cell(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  open_cell open{.book = id, .field = form.text("field"), .typed = form};
  const column* col = find_column(open.field);
  std::optional<library::book> book = co_await at.with.pool.read(library::find_book, v.id(), id);
  if (!book || col == nullptr || col->how == input::none) not_here(v);

  std::string there = "/books" + same_list(c.in) + "#c-" + id.text() + "-" + open.field;
  if (unnamed_identifier(form.text("identifiers"))) {
    open.wrong.add("cell", wrong_words(v, open.field, v.say.text("edit.wrong.identifier_line")));
    co_return co_await show_library(at, v, std::move(open));
  }
  json::object changes = changes_of(form, *book);
  if (changes.empty()) co_return http::redirect(v.href(there));
  result<bool> edited = co_await at.with.pool.write(library::edit_book, id, changes, v.actor());
  if (edited) co_return done(v, there, "book.edited", id.text(), open.field);
  open.wrong.add("cell", wrong_words(v, open.field, reason_text(v.say, edited.error().reason)));
  co_return co_await show_library(at, v, std::move(open));
}

}  // namespace carrel::web
