#include "opds/pages.hpp"

#include <algorithm>

namespace carrel::opds {
namespace {

using side = library::cursor::side;

link feed_link(const visit& v, std::string_view rel, std::string href, kind k) {
  link l;
  l.rel = rel;
  l.href = std::move(href);
  l.type = v.at.type(k);
  return l;
}

// On every feed, or KOReader shows nothing for an empty result. Its profile leaves the first one out: a page then costs two
// requests instead of four (opds.md 6.1).
void add_search(feed& f, const visit& v) {
  link l;
  l.rel = "search";
  if (v.at.form() == form::json) {
    l.href = v.at.search_template();
    l.type = v.at.type(kind::acquisition);
    f.links.push_back(std::move(l));
    return;
  }
  l.href = v.at.search_description();
  l.type = search_type;
  l.title = v.say("Search");
  if (!v.koreader) f.links.push_back(l);
  l.href = v.at.search_template();
  l.type = "application/atom+xml";  // without parameters: Readest compares the whole (opds.md 6.2)
  f.links.push_back(std::move(l));
}

}  // namespace

turn turn_from(const http::request& in, std::string_view list_name) {
  for (auto [name, from] : {std::pair{"after", side::after}, std::pair{"before", side::before}}) {
    std::optional<std::string> token = asked(in, name);
    if (!token) continue;
    std::optional<library::cursor> c = library::from_token(*token, list_name, from);
    if (!c) throw http::problem{400, "The page address is damaged or of another list."};
    return {std::move(*c), {{name, std::move(*token)}}};
  }
  if (asked(in, "pos") == "end") return {cursor_at(side::end, "", 0), {{"pos", "end"}}};
  return {};
}

library::cursor cursor_at(side from, std::string key, std::uint64_t ordinal) {
  library::cursor c;
  c.from = from;
  c.key = std::move(key);
  c.ordinal = ordinal;
  return c;
}

neighbours neighbours_of(const std::optional<library::cursor>& previous, const std::optional<library::cursor>& next,
                         std::string_view list_name) {
  neighbours out;
  if (previous) out.previous = library::to_token(*previous, list_name);
  if (next) out.next = library::to_token(*next, list_name);
  return out;
}

feed begin_feed(const visit& v, const spot& s, const params& shown, const neighbours* pages) {
  feed f;
  f.kind = s.kind;
  f.language = code_of(v.tongue);
  f.id = feed_id(v.instance, s.at);
  f.title = s.title;
  f.updated = s.personal ? std::max(v.gate.catalog.changed_at, v.gate.state_at) : v.gate.catalog.changed_at;
  f.author = v.publisher();
  f.icon = v.at.icon();
  f.tag_scheme = v.at.tag_scheme();
  f.links.reserve(16);
  f.links.push_back(feed_link(v, "self", v.at.feed(s.at, shown), s.kind));
  f.links.push_back(feed_link(v, "start", v.at.root(), kind::navigation));
  if (s.up) f.links.push_back(feed_link(v, "up", v.at.feed(*s.up), s.up_kind));
  if (pages) {
    f.page_size = v.page_size;
    f.links.push_back(feed_link(v, "first", v.at.feed(s.at), s.kind));
    if (!pages->previous.empty())
      f.links.push_back(feed_link(v, "previous", v.at.feed(s.at, {{"before", pages->previous}}), s.kind));
    if (!pages->next.empty()) f.links.push_back(feed_link(v, "next", v.at.feed(s.at, {{"after", pages->next}}), s.kind));
    bool several = !pages->previous.empty() || !pages->next.empty();
    if (several && pages->last) f.links.push_back(feed_link(v, "last", v.at.feed(s.at, {{"pos", "end"}}), s.kind));
  }
  add_search(f, v);
  return f;
}

section line_to(const visit& v, std::string title, std::string content, const place& to, kind k, std::string_view rel) {
  section out;
  out.id = section_id(v.instance, to);
  out.title = std::move(title);
  out.content = std::move(content);
  out.to = feed_link(v, rel, v.at.feed(to), k);
  return out;
}

slice slice_of(const std::vector<std::string>& keys, const library::cursor& c, int page_size) {
  auto n = static_cast<std::size_t>(page_size);
  // An anchor that is gone: the place it had.
  auto found = std::find(keys.begin(), keys.end(), c.key);
  bool gone = found == keys.end();
  auto anchor = static_cast<std::size_t>(found - keys.begin());
  auto ordinal = static_cast<std::size_t>(std::min<std::uint64_t>(c.ordinal, keys.size()));

  slice out;
  if (c.from == side::after) {
    out.first = gone ? std::max<std::size_t>(ordinal, 1) - 1 : anchor + 1;
  } else if (c.from == side::before) {
    std::size_t end = gone ? ordinal : anchor;
    out.first = end > n ? end - n : 0;
  } else if (c.from == side::end) {
    out.first = keys.size() > n ? keys.size() - n : 0;
  }
  out.first = std::min(out.first, keys.size());
  out.count = std::min(n, keys.size() - out.first);
  if (out.count > 0 && out.first > 0) {
    out.previous = cursor_at(side::before, keys[out.first], out.first);
  }
  std::size_t end = out.first + out.count;
  if (out.count > 0 && end < keys.size()) out.next = cursor_at(side::after, keys[end - 1], end + 1);
  return out;
}

}  // namespace carrel::opds
