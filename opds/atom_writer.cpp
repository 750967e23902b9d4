#include "opds/atom_writer.hpp"

#include "opds/atom_parts.hpp"

namespace carrel::opds {
namespace {

using parts::prefixes;

prefixes used_in(const feed& f) {
  prefixes used;
  used.opensearch = f.page_size > 0;
  for (const link& l : f.links) used.opds = used.opds || !l.facet_group.empty();
  for (const section& s : f.sections) used.thr = used.thr || s.to.count;
  for (const entry_ref& e : f.books) {
    used.dc = used.dc || e->dc;
    used.calibre = used.calibre || e->calibre;
    used.pse = used.pse || e->pse;
  }
  return used;
}

void write(std::string& out, const section& s, const std::string& updated) {
  out += "<entry>\n";
  parts::element(out, "id", s.id);
  parts::title(out, s.title);
  parts::element(out, "updated", updated);
  out += "<content type=\"text\">";
  parts::text(out, s.content);
  out += "</content>\n";
  parts::write(out, s.to);
  out += "</entry>\n";
}

void write_numbers(std::string& out, const feed& f) {
  if (f.page_size <= 0) return;
  if (f.total) parts::element(out, "opensearch:totalResults", std::to_string(*f.total));
  parts::element(out, "opensearch:itemsPerPage", std::to_string(f.page_size));
  if (f.start_index) parts::element(out, "opensearch:startIndex", std::to_string(*f.start_index));
}

}  // namespace

std::string atom(const feed& f) {
  std::string out;
  std::size_t entries = 0;
  for (const entry_ref& e : f.books) entries += e->text.size();
  out.reserve(4096 + f.sections.size() * 512 + entries);
  parts::begin(out, "feed", f.language, used_in(f));
  std::string updated = rfc3339(f.updated);
  parts::element(out, "id", f.id);
  parts::title(out, f.title);
  parts::element(out, "updated", updated);
  parts::person(out, "author", f.author);
  parts::element(out, "icon", f.icon);
  for (const link& l : f.links) parts::write(out, l);
  write_numbers(out, f);
  for (const section& s : f.sections) write(out, s, updated);
  for (const entry_ref& e : f.books) out += e->text;
  out += "</feed>\n";
  return out;
}

entry_text atom_entry(const book_entry& e, std::string_view tag_scheme) {
  prefixes used;
  used.count(e, false);
  entry_text out{.text = {}, .dc = used.dc, .calibre = used.calibre, .pse = used.pse};
  out.text.reserve(2560);
  out.text = "<entry>\n";
  parts::inside_entry(out.text, e, tag_scheme, nullptr);
  out.text += "</entry>\n";
  out.text.shrink_to_fit();  // it may be kept for long
  return out;
}

std::string atom(const complete_entry& e) {
  std::string out;
  out.reserve(8192 + 2 * e.book.content.size());
  prefixes used;
  used.count(e.book, true);
  parts::begin(out, "entry", e.language, used);
  parts::inside_entry(out, e.book, e.tag_scheme, &e.from);
  out += "</entry>\n";
  return out;
}

}  // namespace carrel::opds
