#include <array>

#include "opds/atom_parts.hpp"
#include "opds/plain_text.hpp"
#include "server/core/text.hpp"

namespace carrel::opds::parts {
namespace {

// Bytes that stand for themselves in text and attributes alike. Nearly all of a feed is made of them, so they are copied in
// runs; what lies between two runs is whole characters.
constexpr std::array<bool, 256> plain_bytes = [] {
  std::array<bool, 256> out{};
  for (std::size_t c = 0x20; c < 0x7f; ++c) out[c] = c != '&' && c != '<' && c != '>' && c != '"';
  return out;
}();

std::size_t run_length(std::string_view s, std::size_t from, bool plain) {
  std::size_t at = from;
  while (at < s.size() && plain_bytes[static_cast<unsigned char>(s[at])] == plain) ++at;
  return at - from;
}

template <class Escape>
void append_escaped(std::string& out, std::string_view s, Escape escape) {
  for (std::size_t at = 0; at < s.size();) {
    std::size_t plain = run_length(s, at, true);
    out.append(s, at, plain);
    at += plain;
    std::size_t other = run_length(s, at, false);
    if (other > 0) escape(out, s.substr(at, other));
    at += other;
  }
}

void write(std::string& out, const category& c, std::string_view scheme) {
  out += "<category";
  attribute(out, "scheme", scheme);
  attribute(out, "term", c.term);
  attribute(out, "label", one_line(c.label));
  out += "/>\n";
}

void write(std::string& out, const source& s) {
  out += "<source>\n";
  element(out, "id", s.id);
  title(out, s.title);
  element(out, "updated", rfc3339(s.updated));
  person(out, "author", s.author);
  out += "</source>\n";
}

}  // namespace

void prefixes::count(const book_entry& p, bool complete) {
  dc = dc || !p.languages.empty() || !p.identifiers.empty() || !p.publisher.empty() || !p.issued.empty() || !p.extent.empty();
  calibre = calibre || !p.series.empty();
  schema = schema || (complete && !p.series.empty());
  for (const link& l : p.links) pse = pse || l.pages > 0;
}

void text(std::string& out, std::string_view s) { append_escaped(out, s, append_xml_text); }

void begin(std::string& out, std::string_view name, std::string_view language, const prefixes& used) {
  out += "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<";
  out += name;
  out += " xmlns=\"http://www.w3.org/2005/Atom\"";
  if (used.opds) out += " xmlns:opds=\"http://opds-spec.org/2010/catalog\"";
  if (used.dc) out += " xmlns:dc=\"http://purl.org/dc/terms/\"";
  if (used.thr) out += " xmlns:thr=\"http://purl.org/syndication/thread/1.0\"";
  if (used.opensearch) out += " xmlns:opensearch=\"http://a9.com/-/spec/opensearch/1.1/\"";
  if (used.calibre) out += " xmlns:calibre=\"http://calibre.kovidgoyal.net/2009/metadata\"";
  if (used.pse) out += " xmlns:pse=\"http://vaemendis.net/opds-pse/ns\"";
  if (used.schema) out += " xmlns:schema=\"http://schema.org/\"";
  out += " xml:lang=\"";
  out += language;
  out += "\">\n";
}

void element(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out += '<';
  out += name;
  out += '>';
  text(out, value);
  out += "</";
  out += name;
  out += ">\n";
}

void line(std::string& out, std::string_view name, std::string_view value) { element(out, name, one_line(value)); }

void title(std::string& out, std::string_view value) {
  out += "<title>";
  text(out, one_line(value));
  out += "</title>\n";
}

void attribute(std::string& out, std::string_view name, std::string_view value) {
  out += ' ';
  out += name;
  out += "=\"";
  append_escaped(out, value, append_xml_attribute);
  out += '"';
}

void person(std::string& out, std::string_view name, const credit& c) {
  std::string shown = one_line(c.name);
  if (shown.empty()) return;
  out += '<';
  out += name;
  out += '>';
  out += "<name>";
  text(out, shown);
  out += "</name>";
  if (!c.href.empty()) {
    out += "<uri>";
    text(out, c.href);
    out += "</uri>";
  }
  out += "</";
  out += name;
  out += ">\n";
}

void write(std::string& out, const link& l) {
  out += "<link";
  attribute(out, "rel", l.rel);
  attribute(out, "href", l.href);
  attribute(out, "type", l.type);
  if (l.length) attribute(out, "length", std::to_string(*l.length));
  if (!l.title.empty()) attribute(out, "title", one_line(l.title));
  if (!l.facet_group.empty()) attribute(out, "opds:facetGroup", l.facet_group);
  if (l.active) attribute(out, "opds:activeFacet", "true");
  if (l.count) attribute(out, "thr:count", std::to_string(*l.count));
  if (l.pages > 0) attribute(out, "pse:count", std::to_string(l.pages));
  if (l.last_read > 0) {
    attribute(out, "pse:lastRead", std::to_string(l.last_read));
    attribute(out, "pse:lastReadDate", rfc3339(l.last_read_at));
  }
  out += "/>\n";
}

void inside_entry(std::string& out, const book_entry& p, std::string_view tag_scheme, const source* from) {
  element(out, "id", p.id);
  title(out, p.title);
  element(out, "updated", rfc3339(p.updated));
  for (const credit& c : p.authors) person(out, "author", c);
  for (const credit& c : p.contributors) person(out, "contributor", c);
  if (from && p.authors.empty()) write(out, *from);
  for (const std::string& language : p.languages) element(out, "dc:language", language);
  line(out, "dc:publisher", p.publisher);
  element(out, "dc:issued", p.issued);
  for (const std::string& identifier : p.identifiers) element(out, "dc:identifier", identifier);
  element(out, "dc:extent", p.extent);
  for (const category& c : p.categories) write(out, c, tag_scheme);
  line(out, "calibre:series", p.series);
  if (!p.series.empty()) element(out, "calibre:series_index", p.series_index);
  if (from && !p.series.empty()) {
    out += "<schema:Series";
    attribute(out, "name", one_line(p.series));
    if (!p.series_index.empty()) attribute(out, "schema:position", p.series_index);
    out += "/>\n";
  }
  if (!p.summary.empty()) {
    out += "<summary type=\"text\">";
    text(out, p.summary);
    out += "</summary>\n";
  }
  if (!p.content.empty()) {
    out += "<content type=\"html\">";
    text(out, p.content);
    out += "</content>\n";
  }
  for (const link& l : p.links) write(out, l);
}

}  // namespace carrel::opds::parts
