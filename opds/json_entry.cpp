#include <algorithm>
#include <array>

#include "opds/json_parts.hpp"
#include "opds/json_writer.hpp"

namespace carrel::opds {
namespace {

using parts::set_line;

std::string_view type_of(sort_of_book s) {
  switch (s) {
    case sort_of_book::audio: return "http://schema.org/Audiobook";
    case sort_of_book::comic: return "http://schema.org/ComicIssue";
    case sort_of_book::text: break;
  }
  return "http://schema.org/Book";
}

// MARC relators by their names in Readium's vocabulary.
struct role_name {
  std::string_view relator, member;
};
constexpr std::array role_names{
    role_name{"trl", "translator"},  role_name{"edt", "editor"},   role_name{"art", "artist"},
    role_name{"ill", "illustrator"}, role_name{"clr", "colorist"}, role_name{"nrt", "narrator"},
    role_name{"pnc", "penciler"},    role_name{"ltr", "letterer"}, role_name{"ink", "inker"},
};

std::string_view member_of(const credit& c) {
  auto found = std::find_if(role_names.begin(), role_names.end(), [&](const role_name& r) { return r.relator == c.role; });
  return found == role_names.end() ? "contributor" : found->member;
}

json::object person(const credit& c) {
  json::object out;
  set_line(out, "name", c.name);
  if (out.empty()) return out;
  set_line(out, "sortAs", c.sort_name);
  if (!c.href.empty()) out.set("links", json::array{parts::feed_link(c.href)});
  return out;
}

void set_people(json::object& to, const std::string& member, const std::vector<credit>& people) {
  json::array all;
  for (const credit& c : people) {
    json::object one = person(c);
    if (!one.empty()) all.push_back(std::move(one));
  }
  if (!all.empty()) to.set(member, std::move(all));
}

void set_contributors(json::object& to, const std::vector<credit>& all) {
  for (const role_name& r : role_names) {
    std::vector<credit> these;
    std::copy_if(all.begin(), all.end(), std::back_inserter(these), [&](const credit& c) { return member_of(c) == r.member; });
    set_people(to, std::string(r.member), these);
  }
  std::vector<credit> others;
  std::copy_if(all.begin(), all.end(), std::back_inserter(others), [](const credit& c) { return member_of(c) == "contributor"; });
  set_people(to, "contributor", others);
}

// A tag the published schema refuses would make the whole feed invalid.
bool is_language(std::string_view tag) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  std::string_view first = tag.substr(0, tag.find('-'));
  return (first.size() == 2 || first.size() == 3) && std::all_of(first.begin(), first.end(), letter);
}

void set_languages(json::object& to, const std::vector<std::string>& tags) {
  std::vector<std::string> known;
  std::copy_if(tags.begin(), tags.end(), std::back_inserter(known), is_language);
  if (known.size() == 1) to.set("language", known.front());
  if (known.size() > 1) to.set("language", known);
}

// A bare year is refused by the schema (opds.md 9.3).
std::string whole_date(const std::string& issued) {
  if (issued.size() == 4) return issued + "-01-01";
  if (issued.size() == 7) return issued + "-01";
  return issued.size() == 10 ? issued : "";
}

json::array subjects(const book_entry& b, std::string_view scheme) {
  json::array out;
  for (const category& c : b.categories) {
    json::object one;
    set_line(one, "name", c.label);
    if (one.empty()) continue;
    if (!c.term.empty()) one.set("code", c.term).set("scheme", scheme);
    out.push_back(std::move(one));
  }
  return out;
}

json::object series(const book_entry& b) {
  json::object out;
  set_line(out, "name", b.series);
  bool counted = !b.series_index.empty() && b.series_index != "0" && !b.series_index.starts_with('-');
  if (counted) out.set("position", json::number{b.series_index});
  if (!b.series_href.empty()) out.set("links", json::array{parts::feed_link(b.series_href)});
  return out;
}

std::string seconds(std::int64_t milliseconds) {
  std::string out = std::to_string(milliseconds / 1000), rest = std::to_string(1000 + milliseconds % 1000).substr(1);
  rest.erase(rest.find_last_not_of('0') + 1);
  return rest.empty() ? out : out + "." + rest;
}

json::object metadata_of(const book_entry& b, std::string_view scheme) {
  json::object out{{"@type", type_of(b.sort)}, {"identifier", b.id}};
  if (!b.identifiers.empty()) out.set("altIdentifier", b.identifiers);
  json::value title = parts::line(b.title);
  out.set("title", title.as_text()->empty() ? json::value("?") : title);  // required, and never an empty text
  set_line(out, "subtitle", b.subtitle);
  set_line(out, "sortAs", b.sort_title);
  set_people(out, "author", b.authors);
  set_contributors(out, b.contributors);
  set_line(out, "publisher", b.publisher);
  set_languages(out, b.languages);
  set_line(out, "published", whole_date(b.issued));
  out.set("modified", b.updated);
  set_line(out, "description", b.summary);
  if (b.pages && *b.pages > 0) out.set("numberOfPages", *b.pages);
  if (b.milliseconds > 0) out.set("duration", json::number{seconds(b.milliseconds)});
  json::array about = subjects(b, scheme);
  if (!about.empty()) out.set("subject", std::move(about));
  if (!b.series.empty()) out.set("belongsTo", json::object{{"series", series(b)}});
  return out;
}

constexpr std::string_view image = "http://opds-spec.org/image", thumbnail = "http://opds-spec.org/image/thumbnail",
                           stream = "http://vaemendis.net/opds-pse/stream";

bool is_picture(const link& l) { return l.rel == image || l.rel == thumbnail; }

// Those behind the password: an app may ask for it before its first request fails (opds.md 4.5).
bool is_protected(const link& l) {
  return l.rel.starts_with("http://opds-spec.org/acquisition") || l.rel.ends_with("/progression");
}

json::array links_of(const book_entry& b, const std::string& auth) {
  json::array out;
  for (const link& l : b.links) {
    if (is_picture(l) || l.rel == stream) continue;  // no app streams pages in OPDS 2.0
    json::object o = parts::link_object(l);
    if (l.length) o.set("size", *l.length);
    json::object how{{"href", auth}, {"type", "application/opds-authentication+json"}};
    if (is_protected(l)) o.set("properties", json::object{{"authenticate", std::move(how)}});
    out.push_back(std::move(o));
  }
  return out;
}

// The small one first: an app that does not look at relations takes it for the list.
json::array images_of(const book_entry& b) {
  json::array out;
  for (std::string_view rel : {thumbnail, image}) {
    for (const link& l : b.links) {
      if (l.rel != rel) continue;
      json::object o = parts::link_object(l);
      if (l.width > 0 && l.height > 0) o.set("width", l.width).set("height", l.height);
      out.push_back(std::move(o));
    }
  }
  return out;
}

}  // namespace

std::string json_publication(const book_entry& b, std::string_view tag_scheme, const std::string& auth) {
  json::object out{{"metadata", metadata_of(b, tag_scheme)}, {"links", links_of(b, auth)}};
  json::array images = images_of(b);
  if (!images.empty()) out.set("images", std::move(images));
  return json::dump(out);
}

}  // namespace carrel::opds
