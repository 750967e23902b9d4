// `/authors` and `/series`: names with their first letters.

#include "library/catalog.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

struct names_data {
  library::name_page page;
  std::vector<std::string> letters;
};

names_data load_names(db::tx& tx, uuid viewer, library::names kind, const std::string& prefix, const library::cursor& at) {
  names_data out;
  out.page = library::list_names(tx, viewer, kind, prefix, at, 100);
  out.letters = library::letters(tx, viewer, kind);
  return out;
}

answer names_page(const site& at, http::context& c, library::names kind, std::string section, std::string key) {
  visit v = co_await visit_of(at, c);
  std::string prefix = c.in.query("letter").value_or("");
  std::string list = section + ":" + prefix;
  library::cursor from = cursor_of(c.in, list);
  names_data data = co_await at.with.pool.snapshot(load_names, v.id(), kind, prefix, from);

  std::vector<view> names, letters;
  for (const library::name_entry& e : data.page.entries) {
    view n;
    n.set("name", e.name).set("name_href", v.href("/books?" + key + "=" + e.id.text() + "&sort=author"));
    names.push_back(n);
  }
  for (const std::string& letter : data.letters) {
    view l;
    l.set("letter", letter).set("letter_href", query_with(c.in, "letter", letter)).set("letter_now", letter == prefix);
    letters.push_back(l);
  }
  view out;
  out.set("names", names).set("letters", letters).set("heading", v.say.text("nav." + section)).set("all_now", prefix.empty());
  out.set("empty_words", v.say.text(section + ".empty")).set("pager", pager(c.in, list, data.page.previous, data.page.next));
  co_return show(v, {v.say.text("nav." + section), section}, "names", std::move(out));
}

}  // namespace

answer authors_page(const site& at, http::context& c) { return names_page(at, c, library::names::authors, "authors", "author"); }
answer series_page(const site& at, http::context& c) { return names_page(at, c, library::names::series, "series", "series"); }

}  // namespace carrel::web
