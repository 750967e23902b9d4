#include <algorithm>
#include <array>

#include "opds/navigation.hpp"
#include "opds/writing.hpp"
#include "server/core/text.hpp"

namespace carrel::opds {
namespace {

using library::names;

constexpr int most_without_letters = 200, most_in_a_letter = 500;
constexpr std::size_t longest_prefix = 3, longest_prefix_bytes = 64;

struct wording {
  names what;
  std::string_view path;
  phrase title, of_letter, of_name;
};
constexpr std::array wordings{
    wording{names::authors, "/authors", "Authors", "Authors beginning with {}", "Books by {}"},
    wording{names::series, "/series", "Series", "Series beginning with {}", "Books of the series {}"},
    wording{names::tags, "/tags", "Tags", "Tags beginning with {}", "Books tagged {}"},
    wording{names::genres, "/genres", "Genres", "Genres beginning with {}", "Books of the genre {}"},
    wording{names::publishers, "/publishers", "Publishers", "Publishers beginning with {}", "Books published by {}"},
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
  spot s{.kind = kind::navigation, .title = v.say(w.title), .at = letter_place(w, prefix), .up = place{}};
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
    std::string content = group == "#" ? v.say("The others") : v.say(w.of_letter, group);
    std::string shown = group.ends_with(' ') ? group + "…" : group;  // "A …" beside "AB"
    f.sections.push_back(line_to(v, std::move(shown), std::move(content), letter_place(w, group), kind::navigation));
  }
  for (const library::name_entry& e : found.page.entries) {
    place to{std::string(w.path) + "/" + e.id.text(), {}};
    f.sections.push_back(line_to(v, e.name, v.say(w.of_name, e.name), to, kind::acquisition));
  }
  return f;
}

}  // namespace

task<http::response> show_names(shared_state& s, http::context& c, names what) {
  const wording& w = wording_of(what);
  std::string prefix = prefix_from(c.in);
  std::string token_name = "names:" + std::string(w.path) + ":" + prefix;
  turn t = turn_from(c.in, token_name);
  visit v = co_await enter(s, c);

  answer a(s, v, std::string(v.at.type(kind::navigation)), {});
  std::optional<http::response> known = a.early(t.shown.empty() ? v.at.feed(letter_place(w, prefix)) : "");
  if (known) co_return std::move(*known);
  if (a.head_only()) co_return a.head();
  name_list found = co_await s.with.pool.read(load_names, v.viewer, what, prefix, t.cursor, v.page_size, v.taker());
  co_return a.full(written(v, names_feed(v, w, prefix, t, token_name, std::move(found))));
}

}  // namespace carrel::opds
