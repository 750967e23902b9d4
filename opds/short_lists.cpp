#include <algorithm>

#include "library/choices.hpp"
#include "library/device.hpp"
#include "library/shelf.hpp"
#include "opds/facets.hpp"
#include "opds/navigation.hpp"
#include "opds/writing.hpp"
#include "server/core/text.hpp"

// Lists of a few lines, read as a whole.

namespace carrel::opds {
namespace {

constexpr int most_languages = 1000;

struct named_place {
  std::string key, title, content;
  place to;
  std::optional<std::int64_t> count{};
  opds::kind kind = opds::kind::acquisition;
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
    section line = line_to(v, all[i].title, all[i].content, all[i].to, all[i].kind);
    line.to.count = all[i].count;
    f.sections.push_back(std::move(line));
  }
  return f;
}

std::vector<named_place> read_languages(db::tx& tx, const uuid& viewer, library::taker whom, tongue t) {
  std::vector<named_place> out;
  for (const library::name_entry& e :
       library::list_names(tx, viewer, library::names::languages, "", {}, most_languages, whom).entries) {
    std::string name = language_shown(e.name, t);
    out.push_back({e.name, name, phrase("Books in {}").in(t, name), {"/languages/" + percent_encode(e.name), {}}});
  }
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return std::tie(a.title, a.key) < std::tie(b.title, b.key); });
  return out;
}

std::vector<named_place> read_shelves(db::tx& tx, const uuid& viewer, library::taker whom, tongue t) {
  std::vector<library::device> devices = library::devices(tx, viewer);
  std::vector<named_place> out;
  for (const library::shelf& s : library::shelves_for(tx, viewer, whom)) {
    if (!s.opds) continue;
    std::vector<std::string> fed;
    for (const library::device& d : devices) {
      bool feeds = std::find(d.shelves.begin(), d.shelves.end(), s.id) != d.shelves.end();
      if (feeds && d.kind == "kobo") fed.push_back(d.name);
    }
    std::string content = (s.count == 1 ? phrase("{} book") : phrase("{} books")).in(t, std::to_string(s.count));
    if (s.user_id != viewer) content = phrase("Shared by {}").in(t, s.user_name);
    if (!fed.empty()) content = phrase("Synchronised with {}").in(t, join(fed, ", "));
    out.push_back({s.id.text(), s.name, std::move(content), {"/shelves/" + s.id.text(), {}}, s.count});
  }
  return out;
}

std::vector<named_place> read_formats(db::tx& tx, const uuid& viewer, library::taker whom, tongue t) {
  std::vector<named_place> out;
  for (const std::string& format : library::choices_there(tx, viewer, whom).formats) {
    std::string name = format_shown(format);
    if (library::last_taker(format, false) < std::max(whom, library::taker::app)) continue;
    out.push_back({format, name, phrase("Books as {}").in(t, name), {"/formats/" + percent_encode(format), {}}});
  }
  return out;
}

std::vector<named_place> read_libraries(db::tx& tx, const uuid& viewer, library::taker whom, tongue t) {
  std::vector<named_place> out;
  for (const auto& [id, name] : library::choices_there(tx, viewer, whom).libraries)
    out.push_back({id.text(), name, phrase("Books of the library {}").in(t, name), {"/libraries/" + id.text(), {}}});
  return out;
}

std::vector<named_place> read_ratings(db::tx& tx, const uuid& viewer, library::taker whom, tongue t) {
  std::vector<named_place> out;
  for (int stars : library::stars_there(tx, viewer, whom)) {
    std::string n = std::to_string(stars), name = stars_shown(stars, t);
    out.push_back({n, name, phrase("Books that you gave {}").in(t, name), {"/ratings/" + n, {}}});
  }
  return out;
}

std::vector<named_place> read_decades(db::tx& tx, const uuid& viewer, library::taker whom, tongue t) {
  std::vector<named_place> out;
  for (int year : library::years_there(tx, viewer, whom)) {
    std::string first = std::to_string(year / 10 * 10), key = first + "s";
    if (!out.empty() && out.back().key == key) continue;
    std::string content = phrase("Published in the {}s").in(t, first);
    out.push_back({key, phrase("{}s").in(t, first), std::move(content), {"/years/" + key, {}}, std::nullopt, kind::navigation});
  }
  return out;
}

std::vector<named_place> years_of(int decade, const std::vector<int>& all, tongue t) {
  std::vector<named_place> out;
  for (int year : all) {
    std::string name = std::to_string(year);
    if (year / 10 * 10 == decade) out.push_back({name, name, phrase("Published in {}").in(t, name), {"/years/" + name, {}}});
  }
  return out;
}

using reader = std::vector<named_place> (*)(db::tx&, const uuid&, library::taker, tongue);

task<http::response> show_short(shared_state& s, http::context& c, std::string path, phrase title, depends on, reader read) {
  std::string token_name = "short:" + path;
  turn t = turn_from(c.in, token_name);
  visit v = co_await enter(s, c);

  spot here{.kind = kind::navigation, .title = v.say(title), .at = {path, {}}, .up = place{}, .personal = on.personal};
  answer a(s, v, std::string(v.at.type(kind::navigation)), on);
  std::optional<http::response> known = a.early(t.shown.empty() ? v.at.feed(here.at) : "");
  if (known) co_return std::move(*known);
  if (a.head_only()) co_return a.head();
  std::vector<named_place> all = co_await s.with.pool.read(read, v.viewer, v.taker(), v.tongue);
  co_return a.full(written(v, short_feed(v, here, t, token_name, all)));
}

// 1980s; nothing for what is no decade.
std::optional<int> decade_from(std::string_view word) {
  if (!word.ends_with('s')) return std::nullopt;
  std::optional<std::int64_t> n = to_integer(word.substr(0, word.size() - 1));
  if (!n || *n < 0 || *n > 9990 || *n % 10 != 0) return std::nullopt;
  return static_cast<int>(*n);
}

}  // namespace

task<http::response> show_languages(shared_state& s, http::context& c) {
  depends on;
  return show_short(s, c, "/languages", "Languages", on, read_languages);
}

task<http::response> show_shelves(shared_state& s, http::context& c) {
  depends on{.personal = true};
  return show_short(s, c, "/shelves", "Shelves", on, read_shelves);
}

task<http::response> show_formats(shared_state& s, http::context& c) {
  depends on;
  return show_short(s, c, "/formats", "Formats", on, read_formats);
}

task<http::response> show_libraries(shared_state& s, http::context& c) {
  depends on;
  return show_short(s, c, "/libraries", "Libraries", on, read_libraries);
}

task<http::response> show_ratings(shared_state& s, http::context& c) {
  depends on{.personal = true};
  return show_short(s, c, "/ratings", "Ratings", on, read_ratings);
}

task<http::response> show_decades(shared_state& s, http::context& c) {
  depends on;
  return show_short(s, c, "/years", "Years", on, read_decades);
}

task<http::response> show_years(shared_state& s, http::context& c, const list_kind& k) {
  std::optional<int> decade = decade_from(c.in.param("id"));
  if (!decade) co_return co_await show_list(s, c, k);
  std::string first = std::to_string(*decade), name = first + "s", token_name = "short:/years/" + name;
  turn t = turn_from(c.in, token_name);
  visit v = co_await enter(s, c);

  spot here{.kind = kind::navigation, .title = v.say("{}s", first), .at = {"/years/" + name, {}}, .up = place{"/years", {}}};
  answer a(s, v, std::string(v.at.type(kind::navigation)), {});
  std::optional<http::response> known = a.early(t.shown.empty() ? v.at.feed(here.at) : "");
  if (known) co_return std::move(*known);
  if (a.head_only()) co_return a.head();
  std::vector<int> all = co_await s.with.pool.read(library::years_there, v.viewer, v.taker());
  co_return a.full(written(v, short_feed(v, here, t, token_name, years_of(*decade, all, v.tongue))));
}

}  // namespace carrel::opds
