#include "opds/json_writer.hpp"

#include <algorithm>

#include "opds/addresses.hpp"
#include "opds/json_parts.hpp"
#include "opds/plain_text.hpp"

namespace carrel::opds {
namespace parts {

json::value line(std::string_view text) {
  std::string out = one_line(text);
  std::erase_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  return out;
}

void set_line(json::object& o, std::string name, std::string_view text) {
  json::value v = line(text);
  if (!v.as_text()->empty()) o.set(std::move(name), std::move(v));
}

json::object link_object(const link& l) {
  json::object out;
  if (!l.rel.empty()) out.set("rel", l.rel);
  out.set("href", l.href).set("type", l.type);
  set_line(out, "title", l.title);
  return out;
}

json::object feed_link(std::string_view href) { return {{"href", href}, {"type", type_of(kind::acquisition, form::json)}}; }

}  // namespace parts

namespace {

using parts::link_object;

json::object counted(json::object link, const std::optional<std::int64_t>& count) {
  if (count) link.set("properties", json::object{{"numberOfItems", *count}});
  return link;
}

json::object metadata_of(const feed& f) {
  json::object out{{"title", parts::line(f.title)}, {"modified", f.updated}};
  if (f.total) out.set("numberOfItems", *f.total);
  if (f.page_size <= 0) return out;
  out.set("itemsPerPage", f.page_size);
  if (f.start_index) out.set("currentPage", (*f.start_index - 1) / f.page_size + 1);
  return out;
}

json::array links_of(const feed& f) {
  json::array out;
  for (const link& l : f.links) {
    if (!l.facet_group.empty()) continue;
    json::object o = link_object(l);
    if (l.href.find('{') != std::string::npos) o.set("templated", true);
    out.push_back(std::move(o));
  }
  return out;
}

// The choice in force is told by its relation (opds.md 9.2).
json::object choice(link l) {
  l.rel = l.active ? "self" : "";
  return counted(link_object(l), l.count);
}

json::array facets_of(const feed& f) {
  json::array out;
  for (auto from = f.links.begin(); from != f.links.end();) {
    auto other = [&](const link& l) { return l.facet_group != from->facet_group; };
    auto to = std::find_if(from, f.links.end(), other);
    if (!from->facet_group.empty()) {
      json::array choices;
      for (auto l = from; l != to; ++l) choices.push_back(choice(*l));
      out.push_back(json::object{{"metadata", json::object{{"title", from->facet_group}}}, {"links", std::move(choices)}});
    }
    from = to;
  }
  return out;
}

json::array navigation_of(const feed& f) {
  json::array out;
  for (const section& s : f.sections) {
    link l = s.to;
    l.title = s.title;
    out.push_back(counted(link_object(l), l.count));
  }
  return out;
}

void append_books(std::string& out, const std::vector<entry_ref>& books) {
  out += "\"publications\":[";
  for (const entry_ref& e : books) {
    if (out.back() != '[') out += ',';
    out += e->text;
  }
  out += ']';
}

void append_group(std::string& out, const group& g) {
  json::object about{{"title", parts::line(g.title)}};
  if (g.total) about.set("numberOfItems", *g.total);
  link self = g.to;
  self.rel = "self";
  self.title.clear();
  json::object head{{"metadata", std::move(about)}, {"links", json::array{link_object(self)}}};
  json::append(out, head);
  out.back() = ',';
  append_books(out, g.books);
  out += '}';
}

void append_groups(std::string& out, const std::vector<group>& groups) {
  out += ",\"groups\":[";
  for (const group& g : groups) {
    if (out.back() != '[') out += ',';
    append_group(out, g);
  }
  out += ']';
}

std::size_t size_of(const std::vector<entry_ref>& books) {
  std::size_t out = 0;
  for (const entry_ref& e : books) out += e->text.size() + 1;
  return out;
}

}  // namespace

std::string json_feed(const feed& f) {
  std::size_t books = size_of(f.books);
  for (const group& g : f.groups) books += size_of(g.books);
  std::string out;
  out.reserve(4096 + f.sections.size() * 256 + books);
  json::object head{{"metadata", metadata_of(f)}, {"links", links_of(f)}};
  json::array facets = facets_of(f);
  if (!facets.empty()) head.set("facets", std::move(facets));
  json::append(out, head);
  out.pop_back();
  // Without any of the three an app takes the feed for a publication (opds.md 9.1).
  if (!f.groups.empty() || (f.books.empty() && f.sections.empty())) append_groups(out, f.groups);
  if (!f.sections.empty()) {
    out += ",\"navigation\":";
    json::append(out, navigation_of(f));
  }
  if (!f.books.empty()) {
    out += ',';
    append_books(out, f.books);
  }
  out += '}';
  return out;
}

}  // namespace carrel::opds
