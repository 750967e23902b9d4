#include "opds/navigation.hpp"

#include <algorithm>
#include <array>

#include "library/device.hpp"
#include "library/shelf.hpp"
#include "opds/atom_writer.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::opds {
namespace {

using library::names;

constexpr int most_languages = 1000;

// ---- the root ----------------------------------------------------------------------------------------------------

struct root_facts {
  library::kinds_of_names named;
  bool shelves = false;
  std::optional<std::pair<uuid, std::string>> own_shelf;  // the one the calling device is bound to
};

root_facts read_root(db::tx& tx, const uuid& viewer, const std::optional<uuid>& device, library::taker whom) {
  root_facts out;
  std::vector<library::shelf> all = library::shelves_for(tx, viewer, whom);
  std::erase_if(all, [](const library::shelf& s) { return !s.opds; });
  out.shelves = !all.empty();
  out.named = library::names_there(tx, viewer, whom);
  std::optional<library::device> caller;
  if (device && out.shelves) caller = library::find_device(tx, *device);
  if (!caller) return out;
  for (const library::shelf& s : all) {
    bool bound = std::find(caller->shelves.begin(), caller->shelves.end(), s.id) != caller->shelves.end();
    if (bound && !out.own_shelf) out.own_shelf = {s.id, s.name};
  }
  return out;
}

link shelf_link(const visit& v, const root_facts& facts) {
  place to{"/shelves", {}};
  if (facts.own_shelf) to.path += "/" + facts.own_shelf->first.text();
  link l;
  l.rel = "http://opds-spec.org/shelf";
  l.href = v.at.feed(to);
  l.type = type_of(facts.own_shelf ? kind::acquisition : kind::navigation);
  l.title = facts.own_shelf ? facts.own_shelf->second : "Shelves";
  return l;
}

feed root_feed(const visit& v, const root_facts& facts) {
  feed f = begin_feed(v, {.kind = kind::navigation, .title = "Carrel", .at = {"", {}}, .up = std::nullopt, .personal = true}, {});
  if (facts.shelves) f.links.push_back(shelf_link(v, facts));
  auto add = [&](std::string title, std::string content, std::string path, kind k, std::string_view rel = "subsection") {
    f.sections.push_back(line_to(v, std::move(title), std::move(content), {std::move(path), {}}, k, rel));
  };
  add("Recently added", "Newest books first", "/new", kind::acquisition, "http://opds-spec.org/sort/new");
  if (facts.shelves) add("Shelves", "Books put together by hand", "/shelves", kind::navigation);
  add("All books", "Every book by title", "/books", kind::acquisition);
  add("Authors", "Browse by author", "/authors", kind::navigation);
  if (facts.named.series) add("Series", "Browse by series", "/series", kind::navigation);
  if (facts.named.tags) add("Tags", "Browse by tag", "/tags", kind::navigation);
  if (facts.named.languages) add("Languages", "Browse by language", "/languages", kind::navigation);
  return f;
}

// ---- names by letter ---------------------------------------------------------------------------------------------

constexpr int most_without_letters = 200, most_in_a_letter = 500;
constexpr std::size_t longest_prefix = 3, longest_prefix_bytes = 64;

struct wording {
  names what;
  std::string_view path, title, of_letter, of_name;
};
constexpr std::array wordings{
    wording{names::authors, "/authors", "Authors", "Authors beginning with ", "Books by "},
    wording{names::series, "/series", "Series", "Series beginning with ", "Books of the series "},
    wording{names::tags, "/tags", "Tags", "Tags beginning with ", "Books tagged "},
};

const wording& wording_of(names what) {
  return *std::find_if(wordings.begin(), wordings.end(), [&](const wording& w) { return w.what == what; });
}

place letter_place(const wording& w, const std::string& prefix) {
  place out{std::string(w.path), {}};
  if (!prefix.empty()) out.filters.emplace_back("i", prefix);
  return out;
}

// A blank at its end counts: names such as "A Tale" are behind "A ".
std::string prefix_from(const http::request& in) {
  if (!asked(in, "i")) return "";
  std::string text = *in.query("i");
  std::size_t begin = text.find_first_not_of(" \t\r\n");
  return std::string(cut_utf8(std::string_view(text).substr(begin), longest_prefix_bytes));
}

// One character less.
std::string shorter(const std::string& prefix) {
  std::string_view cut = cut_utf8(prefix, prefix.size() - 1);
  return std::string(cut);
}

struct name_list {
  std::vector<std::string> groups;  // longer prefixes, when there are too many names for a list
  library::name_page page;
};

name_list load_names(db::tx& tx, const uuid& viewer, names what, const std::string& prefix, const library::cursor& c, int limit,
                     library::taker whom) {
  name_list out;
  int most = prefix.empty() ? most_without_letters : most_in_a_letter;
  bool deeper = count_code_points(prefix) < longest_prefix && library::more_names_than(tx, viewer, what, prefix, most, whom);
  if (deeper && prefix.empty())
    out.groups = library::letters(tx, viewer, what, whom);
  else if (deeper)
    out.groups = library::longer_prefixes(tx, viewer, what, prefix, whom);
  // Letters that stand for many characters (#, one for a script) have nothing longer.
  if (out.groups.empty()) out.page = library::list_names(tx, viewer, what, prefix, c, limit, whom);
  return out;
}

feed names_feed(const visit& v, const wording& w, const std::string& prefix, const turn& t, const std::string& token_name,
                name_list found) {
  spot s{.kind = kind::navigation, .title = std::string(w.title), .at = letter_place(w, prefix), .up = place{}};
  if (!prefix.empty()) {
    s.title += ": " + prefix;
    s.up = letter_place(w, shorter(prefix));
  }
  slice part;
  if (!found.groups.empty()) {
    part = slice_of(found.groups, t.cursor, v.page_size);
    found.page.previous = part.previous;
    found.page.next = part.next;
  }
  neighbours around = neighbours_of(found.page.previous, found.page.next, token_name);
  feed f = begin_feed(v, s, t.shown, &around);
  for (std::size_t i = part.first; i < part.first + part.count; ++i) {
    const std::string& group = found.groups[i];
    std::string content = group == "#" ? "The others" : std::string(w.of_letter) + group;
    std::string shown = group.ends_with(' ') ? group + "…" : group;  // "A …" beside "AB"
    f.sections.push_back(line_to(v, std::move(shown), std::move(content), letter_place(w, group), kind::navigation));
  }
  for (const library::name_entry& e : found.page.entries) {
    place to{std::string(w.path) + "/" + e.id.text(), {}};
    f.sections.push_back(line_to(v, e.name, std::string(w.of_name) + e.name, to, kind::acquisition));
  }
  return f;
}

// ---- lists that are read as a whole ------------------------------------------------------------------------------

struct named_place {
  std::string key, title, content;
  place to;
  std::optional<std::int64_t> count;
};

feed short_feed(const visit& v, const spot& s, const turn& t, std::string_view token_name, const std::vector<named_place>& all) {
  std::vector<std::string> keys;
  keys.reserve(all.size());
  for (const named_place& p : all) keys.push_back(p.key);
  slice part = slice_of(keys, t.cursor, v.page_size);
  neighbours around = neighbours_of(part.previous, part.next, token_name);
  feed f = begin_feed(v, s, t.shown, &around);
  f.total = static_cast<std::int64_t>(all.size());
  if (part.count > 0) f.start_index = static_cast<std::int64_t>(part.first + 1);
  for (std::size_t i = part.first; i < part.first + part.count; ++i) {
    section line = line_to(v, all[i].title, all[i].content, all[i].to, kind::acquisition);
    line.to.count = all[i].count;
    f.sections.push_back(std::move(line));
  }
  return f;
}

std::vector<named_place> read_languages(db::tx& tx, const uuid& viewer, library::taker whom) {
  std::vector<named_place> out;
  for (const library::name_entry& e : library::list_names(tx, viewer, names::languages, "", {}, most_languages, whom).entries) {
    std::string name = publication::language_name(e.name, "en");
    out.push_back({e.name, name, "Books in " + name, {"/languages/" + percent_encode(e.name), {}}, std::nullopt});
  }
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return std::tie(a.title, a.key) < std::tie(b.title, b.key); });
  return out;
}

std::vector<named_place> read_shelves(db::tx& tx, const uuid& viewer, library::taker whom) {
  std::vector<library::device> devices = library::devices(tx, viewer);
  std::vector<named_place> out;
  for (const library::shelf& s : library::shelves_for(tx, viewer, whom)) {
    if (!s.opds) continue;
    std::vector<std::string> fed;
    for (const library::device& d : devices) {
      bool feeds = std::find(d.shelves.begin(), d.shelves.end(), s.id) != d.shelves.end();
      if (feeds && d.kind == "kobo") fed.push_back(d.name);
    }
    std::string content = std::to_string(s.count) + (s.count == 1 ? " book" : " books");
    if (s.user_id != viewer) content = "Shared by " + s.user_name;
    if (!fed.empty()) content = "Synchronised with " + join(fed, ", ");
    out.push_back({s.id.text(), s.name, std::move(content), {"/shelves/" + s.id.text(), {}}, s.count});
  }
  return out;
}

using reader = std::vector<named_place> (*)(db::tx&, const uuid&, library::taker);

task<http::response> show_short(shared_state& s, http::context& c, std::string path, std::string title, depends on, reader read) {
  std::string token_name = "short:" + path;
  turn t = turn_from(c.in, token_name);
  visit v = co_await enter(s, c);

  spot here{.kind = kind::navigation, .title = std::move(title), .at = {path, {}}, .up = place{}, .personal = on.personal};
  answer a(s, v, std::string(type_of(kind::navigation)), on);
  std::optional<http::response> known = a.early(t.shown.empty() ? v.at.feed(here.at) : "");
  if (known) co_return std::move(*known);
  if (a.head_only()) co_return a.head();
  std::vector<named_place> all = co_await s.with.pool.read(read, v.viewer, v.taker());
  co_return a.full(atom(short_feed(v, here, t, token_name, all)));
}

}  // namespace

task<http::response> show_root(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  answer a(s, v, std::string(type_of(kind::navigation)), {.personal = true, .device = true});
  std::optional<http::response> known = a.early(v.at.root());
  if (known) co_return std::move(*known);
  if (a.head_only()) co_return a.head();
  root_facts facts = co_await s.with.pool.read(read_root, v.viewer, v.device, v.taker());
  co_return a.full(atom(root_feed(v, facts)));
}

task<http::response> show_names(shared_state& s, http::context& c, names what) {
  const wording& w = wording_of(what);
  std::string prefix = prefix_from(c.in);
  std::string token_name = "names:" + std::string(w.path) + ":" + prefix;
  turn t = turn_from(c.in, token_name);
  visit v = co_await enter(s, c);

  answer a(s, v, std::string(type_of(kind::navigation)), {});
  std::optional<http::response> known = a.early(t.shown.empty() ? v.at.feed(letter_place(w, prefix)) : "");
  if (known) co_return std::move(*known);
  if (a.head_only()) co_return a.head();
  name_list found = co_await s.with.pool.read(load_names, v.viewer, what, prefix, t.cursor, v.page_size, v.taker());
  co_return a.full(atom(names_feed(v, w, prefix, t, token_name, std::move(found))));
}

task<http::response> show_languages(shared_state& s, http::context& c) {
  depends on;
  return show_short(s, c, "/languages", "Languages", on, read_languages);
}

task<http::response> show_shelves(shared_state& s, http::context& c) {
  depends on{.personal = true};
  return show_short(s, c, "/shelves", "Shelves", on, read_shelves);
}

}  // namespace carrel::opds
