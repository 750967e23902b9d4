#include "opds/manifest_parts.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "opds/formats.hpp"
#include "opds/publication_links.hpp"

namespace carrel::opds {
namespace {

using publication::outline;
using publication::outline_item;

constexpr std::uint64_t position_bytes = 1024;  // opds.md 10.4
constexpr std::uint64_t most_positions = 20'000;

std::string profile_of(reading_as how) {
  switch (how) {
    case reading_as::epub: return "https://readium.org/webpub-manifest/profiles/epub";
    case reading_as::comic: return "https://readium.org/webpub-manifest/profiles/divina";
    case reading_as::pdf: return "https://readium.org/webpub-manifest/profiles/pdf";
    case reading_as::audio: break;
  }
  return "https://readium.org/webpub-manifest/profiles/audiobook";
}

std::string kind_of(reading_as how) {
  if (how == reading_as::comic) return "http://schema.org/ComicIssue";
  return how == reading_as::audio ? "http://schema.org/Audiobook" : "http://schema.org/Book";
}

json::array names_of(const std::vector<library::person>& people, std::string_view role) {
  json::array out;
  for (const library::person& p : people) {
    if (p.role == role) out.push_back(json::object{{"name", p.name}});
  }
  return out;
}

void set_names(json::object& to, const char* member, json::array names) {
  if (!names.empty()) to.set(member, std::move(names));
}

// At most three decimals (opds.md 9.4).
double seconds_of(std::int64_t milliseconds) { return static_cast<double>(milliseconds) / 1000; }

// Strips of pictures that are many times as tall as wide are scrolled through, as webtoons are (opds.md 10.2).
bool is_strip(const outline& o) {
  auto tall = [](const outline_item& page) { return page.height > 3 * page.width; };
  auto count = static_cast<std::size_t>(std::count_if(o.order.begin(), o.order.end(), tall));
  return count > o.order.size() / 2;
}

std::string layout_of(const outline& o) {
  if (o.format != "pdf" && o.pages > 0 && is_strip(o)) return "scrolled";
  return o.fixed_layout ? "fixed" : "reflowable";
}

json::object metadata_of(const manifest_source& from, reading_as how) {
  const library::book& b = from.book;
  json::object out{
      {"@type", kind_of(how)}, {"conformsTo", profile_of(how)}, {"identifier", "urn:uuid:" + b.id.text()}, {"title", b.title}};
  set_names(out, "author", names_of(b.authors, "aut"));
  set_names(out, "translator", names_of(b.contributors, "trl"));
  set_names(out, "illustrator", names_of(b.contributors, "ill"));
  set_names(out, "narrator", names_of(b.contributors, "nrt"));
  json::array languages;
  for (const std::string& tag : b.languages) {
    if (tag != "und") languages.push_back(tag);
  }
  if (!languages.empty()) out.set("language", std::move(languages));
  if (!b.publisher.empty()) out.set("publisher", b.publisher);
  out.set("modified", b.updated_at);
  if (how == reading_as::audio) {
    out.set("duration", seconds_of(from.sound.length));
    return out;
  }
  const outline& o = *from.inside;
  if (o.pages > 0) out.set("numberOfPages", o.pages);
  out.set("layout", layout_of(o));
  bool rtl = o.reading == publication::direction::rtl;
  if (rtl || o.reading == publication::direction::ltr || how == reading_as::comic)
    out.set("readingProgression", rtl ? "rtl" : "ltr");
  return out;
}

// Entries by their depth become entries inside one another. One that leads nowhere only holds others, and is left out when it
// holds none.
class toc_tree {
 public:
  toc_tree(const visit& v, const manifest_source& from) : v_(v), from_(from), all_(from.inside->toc) {
    for (const outline_item& i : from.inside->order) parts_.insert(i.path);
    for (const outline_item& i : from.inside->resources) parts_.insert(i.path);
  }

  json::array build() { return level(0); }

 private:
  static constexpr int deepest = 24;  // JSON is read to a depth of 32

  json::array level(int nesting) {
    json::array out;
    int depth = at_ < all_.size() ? all_[at_].depth : 0;
    while (at_ < all_.size() && all_[at_].depth >= depth) {
      const publication::toc_entry& e = all_[at_++];
      json::array below;
      if (at_ < all_.size() && all_[at_].depth > e.depth && nesting < deepest) below = level(nesting + 1);
      std::string href = address_of(e.href);
      if (href.empty()) href = first_href(below);
      if (href.empty()) continue;
      json::object one{{"href", std::move(href)}, {"title", e.title}};
      if (!below.empty()) one.set("children", std::move(below));
      out.emplace_back(std::move(one));
    }
    return out;
  }

  // "" for what is not there to be asked for.
  std::string address_of(const std::string& href) const {
    if (href.starts_with('#')) return v_.at.download(from_.file) + href;
    bool there = parts_.contains(std::string_view(href).substr(0, href.find('#')));
    return there ? v_.at.resource(from_.file.id, href) : "";
  }

  static std::string first_href(const json::array& below) {
    std::string out;
    if (!below.empty()) below.front().as_object()->take("href", out);
    return out;
  }

  const visit& v_;
  const manifest_source& from_;
  const std::vector<publication::toc_entry>& all_;
  std::set<std::string_view> parts_;
  std::size_t at_ = 0;
};

void set_cover(json::array& resources, const visit& v, const library::book& b) {
  if (!b.cover) return;
  resources.push_back(
      json::object{{"rel", "cover"}, {"href", v.at.cover(b.id, 1600, *b.cover, v.signing)}, {"type", "image/jpeg"}});
}

json::object item_json(const visit& v, const manifest_source& from, const outline_item& i) {
  return {{"href", v.at.resource(from.file.id, i.path)}, {"type", i.type}};
}

// By the path of the document: what the first entry that leads into it says.
std::map<std::string_view, std::string_view> titles_in_toc(const outline& o) {
  std::map<std::string_view, std::string_view> out;
  for (const publication::toc_entry& e : o.toc) out.emplace(std::string_view(e.href).substr(0, e.href.find('#')), e.title);
  return out;
}

void fill_epub(json::object& out, const visit& v, const manifest_source& from) {
  const outline& o = *from.inside;
  json::array order, resources;
  std::map<std::string_view, std::string_view> titles = titles_in_toc(o);
  for (const outline_item& i : o.order) {
    json::object one = item_json(v, from, i);
    auto title = titles.find(i.path);
    if (title != titles.end() && !title->second.empty()) one.set("title", title->second);
    order.emplace_back(std::move(one));
  }
  if (o.cover.empty()) set_cover(resources, v, from.book);
  for (const outline_item& i : o.resources) {
    json::object one = item_json(v, from, i);
    if (i.path == o.cover) one.set("rel", "cover");
    resources.emplace_back(std::move(one));
  }
  out.set("readingOrder", std::move(order));
  if (!resources.empty()) out.set("resources", std::move(resources));
  json::array toc = toc_tree(v, from).build();
  if (!toc.empty()) out.set("toc", std::move(toc));
}

void fill_pdf(json::object& out, const visit& v, const manifest_source& from) {
  out.set("readingOrder", json::array{json::object{{"href", v.at.download(from.file)}, {"type", "application/pdf"}}});
  json::array resources;
  set_cover(resources, v, from.book);
  if (!resources.empty()) out.set("resources", std::move(resources));
  json::array toc = toc_tree(v, from).build();
  if (!toc.empty()) out.set("toc", std::move(toc));
}

bool readers_know(const std::string& type) { return type == "image/jpeg" || type == "image/png" || type == "image/gif"; }

// The cover stands alone where an opened book has its first page; from then on two by two, and again after each picture that is
// as wide as two.
class sides {
 public:
  explicit sides(bool right_to_left) : first_(right_to_left ? "right" : "left"), second_(right_to_left ? "left" : "right") {}
  std::string next(const outline_item& page) {
    bool wide = page.width > page.height;
    if (wide) at_second_ = false;
    if (wide) return "center";
    std::string out = at_second_ ? second_ : first_;
    at_second_ = !at_second_;
    return out;
  }

 private:
  std::string first_, second_;
  bool at_second_ = true;
};

void set_size(json::object& to, const outline_item& i) {
  if (i.width > 0 && i.height > 0) to.set("width", i.width).set("height", i.height);
}

void fill_comic(json::object& out, const visit& v, const manifest_source& from) {
  json::array order;
  const bool strip = is_strip(*from.inside);
  sides side(from.inside->reading == publication::direction::rtl);
  int number = 0;
  for (const outline_item& i : from.inside->order) {
    std::string href = v.at.page(from.file.id, ++number);
    json::object one{{"href", href}, {"type", i.type.empty() ? "image/jpeg" : i.type}};
    if (number == 1) one.set("rel", "cover");
    set_size(one, i);
    if (!strip) one.set("properties", json::object{{"page", side.next(i)}});
    if (!i.type.empty() && !readers_know(i.type)) {
      json::object jpeg{{"href", href + "?as=jpeg"}, {"type", "image/jpeg"}};
      set_size(jpeg, i);
      one.set("alternate", json::array{std::move(jpeg)});
    }
    order.emplace_back(std::move(one));
  }
  out.set("readingOrder", std::move(order));
}

json::object track_json(const visit& v, const manifest_source& from, const library::recorded_track& t) {
  json::object out{{"href", v.at.track(t.file)}};
  auto file = std::find_if(from.book.files.begin(), from.book.files.end(), [&](const auto& f) { return f.id == t.file; });
  const library::book_file& f = file == from.book.files.end() ? from.file : *file;
  out.set("type", media_type(f)).set("duration", seconds_of(t.length)).set("title", t.title.empty() ? from.book.title : t.title);
  auto kbit = f.size * 8 / std::max<std::int64_t>(t.length, 1);
  if (kbit > 0) out.set("bitrate", kbit);
  return out;
}

json::object chapter_json(const visit& v, const library::recorded_chapter& c, const library::recorded_track& in) {
  json::value at(seconds_of(std::max<std::int64_t>(c.start - in.start, 0)));
  return {{"href", v.at.track(in.file) + "#t=" + at.as_number()->text}, {"title", c.title}};
}

void fill_audio(json::object& out, const visit& v, const manifest_source& from) {
  const std::vector<library::recorded_track>& tracks = from.sound.tracks;
  json::array order, resources, toc;
  for (const library::recorded_track& t : tracks) order.push_back(track_json(v, from, t));
  out.set("readingOrder", std::move(order));
  set_cover(resources, v, from.book);
  if (!resources.empty()) out.set("resources", std::move(resources));
  for (const library::recorded_chapter& c : from.sound.chapters) toc.push_back(chapter_json(v, c, track_at(from.sound, c.start)));
  if (!toc.empty()) out.set("toc", std::move(toc));
}

std::uint64_t positions_in(const outline_item& i, std::uint64_t bytes) {
  return std::max<std::uint64_t>((i.packed + bytes - 1) / bytes, 1);
}

// A book of a gigabyte has no more than a big one.
std::uint64_t bytes_each(const outline& o) {
  std::uint64_t all = 0;
  for (const outline_item& i : o.order) all += i.packed;
  return std::max(position_bytes, all / most_positions + 1);
}

}  // namespace

json::object manifest_of(const visit& v, const manifest_source& from) {
  reading_as how = reading_of(from.file).value();
  json::object out{{"@context", "https://readium.org/webpub-manifest/context.jsonld"}, {"metadata", metadata_of(from, how)}};
  json::array links{
      json::object{{"rel", "self"}, {"href", manifest_address(v, from.book, from.file)}, {"type", manifest_type(how)}}};
  if (how != reading_as::audio) {
    links.push_back(json::object{
        {"rel", "http://readium.org/position-list"}, {"href", v.at.positions(from.book.id)}, {"type", positions_type}});
  }
  links.push_back(json::object{
      {"rel", "http://opds-spec.org/progression"}, {"href", v.at.progression(from.book.id)}, {"type", progression_type}});
  out.set("links", std::move(links));
  switch (how) {
    case reading_as::epub: fill_epub(out, v, from); break;
    case reading_as::pdf: fill_pdf(out, v, from); break;
    case reading_as::comic: fill_comic(out, v, from); break;
    case reading_as::audio: fill_audio(out, v, from); break;
  }
  return out;
}

std::vector<listed_position> positions_of(const outline& o) {
  std::vector<listed_position> out;
  if (o.pages > 0) {
    for (int i = 0; i < o.pages; ++i) out.push_back({.item = static_cast<std::size_t>(i)});
  } else {
    std::uint64_t bytes = bytes_each(o);
    for (std::size_t i = 0; i < o.order.size(); ++i) {
      std::uint64_t count = o.fixed_layout ? 1 : positions_in(o.order[i], bytes);
      for (std::uint64_t n = 0; n < count; ++n)
        out.push_back({.item = i, .progression = static_cast<double>(n) / static_cast<double>(count)});
    }
  }
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i].total_progression = static_cast<double>(i) / static_cast<double>(out.size());
  return out;
}

const library::recorded_track& track_at(const library::recording& r, std::int64_t milliseconds) {
  auto after = std::find_if(r.tracks.begin() + 1, r.tracks.end(),
                            [&](const library::recorded_track& t) { return t.start > milliseconds; });
  return *std::prev(after);
}

std::string locator_href(const visit& v, const manifest_source& from, std::size_t item) {
  if (from.inside->format == "pdf") return v.at.download(from.file);
  if (from.inside->pages > 0) return v.at.page(from.file.id, static_cast<int>(item) + 1);
  return encoded_path(from.inside->order[item].path);
}

std::string locator_type_of(const manifest_source& from, std::size_t item) {
  if (from.inside->format == "pdf") return "application/pdf";
  const std::string& type = from.inside->order[item].type;
  return type.empty() ? "image/jpeg" : type;
}

json::object position_list(const visit& v, const manifest_source& from) {
  std::vector<listed_position> all = positions_of(*from.inside);
  json::array positions;
  positions.reserve(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const listed_position& p = all[i];
    json::object at{{"progression", p.progression}, {"position", i + 1}, {"totalProgression", p.total_progression}};
    if (from.inside->format == "pdf") at.set("fragments", json::array{"page=" + std::to_string(i + 1)});
    positions.push_back(json::object{
        {"href", locator_href(v, from, p.item)}, {"type", locator_type_of(from, p.item)}, {"locations", std::move(at)}});
  }
  return {{"total", all.size()}, {"positions", std::move(positions)}};
}

}  // namespace carrel::opds
