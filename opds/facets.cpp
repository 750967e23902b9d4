#include "opds/facets.hpp"

#include <algorithm>
#include <array>

#include "opds/formats.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::opds {
namespace {

using of = library::selection::source;

constexpr std::size_t most_choices = 12, most_groups = 4;

struct reading_choice {
  std::string_view value;
  phrase label;
};
constexpr std::array readings{reading_choice{"unread", "Unread"}, reading_choice{"reading", "Begun"},
                              reading_choice{"finished", "Finished"}};

struct choice {
  std::string value, label;  // value "": without the parameter
};

// One group: what it is called, its parameter, and the choices, that of everything first.
struct facet_group {
  phrase title;
  std::string_view parameter;
  std::vector<choice> choices;
};

std::string value_in(const place& p, std::string_view parameter) {
  auto found = std::find_if(p.filters.begin(), p.filters.end(), [&](const auto& f) { return f.first == parameter; });
  return found == p.filters.end() ? "" : found->second;
}

place with_value(place p, std::string_view parameter, const std::string& value) {
  std::erase_if(p.filters, [&](const auto& f) { return f.first == parameter; });
  if (!value.empty()) p.filters.emplace_back(parameter, value);
  return p;
}

// A choice keeps the others and begins at the first page. The one in force is shown whatever its place.
void add_group(feed& f, const visit& v, const place& here, const facet_group& g) {
  std::string set = value_in(here, g.parameter);
  std::size_t shown = 0;
  for (const choice& c : g.choices) {
    bool in_force = c.value == set;
    if (!in_force && shown >= most_choices) continue;
    link to;
    to.rel = "http://opds-spec.org/facet";
    to.href = v.at.feed(with_value(here, g.parameter, c.value));
    to.type = v.at.type(kind::acquisition);
    to.title = c.label;
    to.facet_group = v.say(g.title);
    to.active = in_force;
    f.links.push_back(std::move(to));
    ++shown;
  }
}

facet_group orders_for(const visit& v, const list_kind& k) {
  facet_group g{.title = "Order", .parameter = "order", .choices = {}};
  for (const order_choice& o : orders_of(k)) g.choices.push_back({g.choices.empty() ? "" : std::string(o.value), v.say(o.label)});
  return g;
}

facet_group languages_of(const visit& v, const library::choices& there) {
  facet_group g{.title = "Language", .parameter = "lang", .choices = {{"", v.say("All languages")}}};
  for (const std::string& code : there.languages) g.choices.push_back({code, language_shown(code, v.tongue)});
  std::sort(g.choices.begin() + 1, g.choices.end(), [](const choice& a, const choice& b) { return a.label < b.label; });
  return g;
}

facet_group formats_of(const visit& v, const library::choices& there) {
  facet_group g{.title = "Format", .parameter = "fmt", .choices = {{"", v.say("All formats")}}};
  for (const std::string& name : there.formats) {
    if (library::last_taker(name, false) >= v.taker()) g.choices.push_back({name, format_shown(name)});
  }
  return g;
}

facet_group readings_of(const visit& v) {
  facet_group g{.title = "Reading", .parameter = "read", .choices = {{"", v.say("All books")}}};
  for (const reading_choice& r : readings) g.choices.push_back({std::string(r.value), v.say(r.label)});
  return g;
}

facet_group libraries_of(const visit& v, const library::choices& there) {
  facet_group g{.title = "Library", .parameter = "lib", .choices = {{"", v.say("All libraries")}}};
  for (const auto& [id, name] : there.libraries) g.choices.push_back({id.text(), name});
  return g;
}

void add_groups(feed& f, const visit& v, const place& here, const std::vector<facet_group>& groups) {
  std::size_t shown = 0;
  for (const facet_group& g : groups) {
    if (g.choices.size() < 3 || shown == most_groups) continue;  // one thing and everything are the same
    add_group(f, v, here, g);
    ++shown;
  }
}

library::choices read_choices(db::tx& tx, const uuid& viewer, library::taker whom) {
  return library::choices_there(tx, viewer, whom);
}

std::string key_of(const visit& v) {
  std::string out = v.viewer.text() + " " + std::to_string(v.gate.audience) + " " + std::to_string(v.gate.catalog.number);
  return out + " " + std::to_string(static_cast<int>(v.taker()));
}

std::size_t size_of(const library::choices& c) {
  std::size_t out = sizeof c;
  for (const auto* names : {&c.languages, &c.formats}) {
    for (const std::string& name : *names) out += name.size() + sizeof name;
  }
  for (const auto& [id, name] : c.libraries) out += name.size() + sizeof name + sizeof id;
  return out;
}

}  // namespace

choices_ref kept_choices(shared_state& s, const visit& v) { return s.choices.find(key_of(v)); }

void keep_choices(shared_state& s, const visit& v, const choices_ref& there) {
  s.choices.keep(key_of(v), there, size_of(*there));
}

task<choices_ref> choices_for(shared_state& s, const visit& v) {
  choices_ref kept = kept_choices(s, v);
  if (kept) co_return kept;
  library::choices read = co_await s.with.pool.read(read_choices, v.viewer, v.taker());
  kept = std::make_shared<const library::choices>(std::move(read));
  keep_choices(s, v, kept);
  co_return kept;
}

void add_facets(feed& f, const visit& v, const book_list& l, const library::choices& there) {
  std::vector<facet_group> groups{orders_for(v, *l.kind)};
  if (l.books.of != of::language) groups.push_back(languages_of(v, there));
  if (l.books.of != of::format) groups.push_back(formats_of(v, there));
  groups.push_back(readings_of(v));
  if (l.books.of != of::library) groups.push_back(libraries_of(v, there));
  add_groups(f, v, l.at(), groups);
}

void add_search_facets(feed& f, const visit& v, const place& here, const library::choices& there) {
  facet_group orders{.title = "Order", .parameter = "order", .choices = {{"", v.say("Relevance")}}};
  for (const order_choice& o : orders_of(kinds::newest)) orders.choices.push_back({std::string(o.value), v.say(o.label)});
  add_groups(f, v, here, {orders, languages_of(v, there), formats_of(v, there)});
}

std::string said_of_facets(const book_list& l, const library::choices& there, tongue t) {
  std::vector<std::string> said;
  if (!l.books.language.empty()) said.push_back(language_shown(l.books.language, t));
  if (!l.books.format.empty()) said.push_back(format_shown(l.books.format));
  for (const reading_choice& r : readings) {
    if (r.value == l.books.read) said.push_back(r.label.in(t));
  }
  for (const auto& [id, name] : there.libraries) {
    if (l.books.library == id) said.push_back(name);
  }
  return join(said, ", ");
}

std::string language_shown(const std::string& code, tongue t) {
  return publication::language_name(code, std::string(code_of(t)));
}

std::string format_shown(const std::string& name) {
  library::book_file file;
  file.format = name;
  const format* f = format_of(file);
  return f ? std::string(f->label) : name;
}

}  // namespace carrel::opds
