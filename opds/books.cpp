#include "opds/books.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <map>

#include "opds/formats.hpp"
#include "opds/publication_links.hpp"
#include "opds/streaming.hpp"
#include "publication/open.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::opds {
namespace {

constexpr std::size_t most_categories = 8, longest_summary = 1000;

// KEPUB beside EPUB would show as a second, odd button (opds.md 5.8).
bool offered(const library::book& b, const library::book_file& file, library::taker whom) {
  const format* f = format_of(file);
  if (!f || library::last_taker(file.format, file.is_kepub) < whom) return false;
  if (f->name != "kepub") return true;
  return std::none_of(b.files.begin(), b.files.end(), [](const library::book_file& other) {
    const format* o = format_of(other);
    return o && o->name == "epub";
  });
}

std::vector<credit> authors_of(const visit& v, const library::book& b) {
  std::vector<credit> out;
  out.reserve(b.authors.size());
  for (const library::person& p : b.authors) {
    out.push_back({.name = p.name, .href = v.at.feed({"/authors/" + p.id.text(), {}}), .sort_name = p.sort});
  }
  return out;
}

// KOReader shows the last author element only (opds.md 15.1).
std::vector<credit> in_one(const std::vector<credit>& all) {
  if (all.size() < 2) return all;
  credit one = all.front();
  for (std::size_t i = 1; i < all.size(); ++i) one.name += ", " + all[i].name;
  return {std::move(one)};
}

std::string isbn_urn(const library::book& b) {
  for (std::string_view wanted : {"isbn_13", "isbn_10"}) {
    for (const auto& [kind, value] : b.identifiers) {
      if (kind != wanted) continue;
      std::optional<publication::isbn> isbn = publication::parse_isbn(value);
      if (isbn && !isbn->isbn_13.empty()) return "urn:isbn:" + isbn->isbn_13;
    }
  }
  return "";
}

// Its slashes stay: this is the form in which others write the same URI.
std::string doi_uri(std::string_view doi) {
  std::string out = "https://doi.org";
  for (std::string_view part : split(doi, '/')) out += "/" + percent_encode(part);
  return out;
}

// 0101 is calibre's way to say "undefined" (opds.md 5.10).
std::string issued_of(const library::book& b) {
  std::string_view year = std::string_view(b.published_on).substr(0, 4);
  bool known =
      year.size() == 4 && year.find_first_not_of("0123456789") == std::string_view::npos && year != "0101" && year != "0000";
  return known ? b.published_on : "";
}

link cover_link(const visit& v, const library::book& b, std::string_view rel, int size) {
  link l;
  l.rel = rel;
  l.href = v.at.cover(b.id, size, *b.cover, v.signing);
  l.type = "image/jpeg";
  // Never enlarged (opds.md 5.9).
  int longest = std::max({b.cover->width, b.cover->height, 1}), shown = std::min(longest, size);
  l.width = static_cast<int>(std::int64_t{b.cover->width} * shown / longest);
  l.height = static_cast<int>(std::int64_t{b.cover->height} * shown / longest);
  return l;
}

void add_files(book_entry& out, const visit& v, const library::book& b) {
  if (b.cover) {
    out.links.push_back(cover_link(v, b, "http://opds-spec.org/image", 1600));
    out.links.push_back(cover_link(v, b, "http://opds-spec.org/image/thumbnail", 300));
  }
  for (const library::book_file& file : b.files) {
    if (!offered(b, file, v.taker())) continue;
    const format* f = format_of(file);
    link l;
    l.rel = "http://opds-spec.org/acquisition";
    l.href = v.at.download(file);
    l.type = f->type;
    l.title = f->label;
    if (!(v.other_metadata && library::takes_metadata(file))) l.length = file.size;  // else it is not known (opds.md 5.2)
    out.links.push_back(std::move(l));
  }
}

link entry_link(const visit& v, const library::book& b, std::string_view rel, std::string title, form in) {
  link l;
  l.rel = rel;
  l.href = v.at.in(in).entry(b.id);
  l.type = entry_type(in);
  l.title = std::move(title);
  return l;
}

link related(const visit& v, std::string path, std::string title) {
  link l;
  l.rel = "related";
  l.href = v.at.feed({std::move(path), {}});
  l.type = v.at.type(kind::acquisition);
  l.title = std::move(title);
  return l;
}

bool has_family(const library::book& b, std::string_view family) {
  return std::any_of(b.files.begin(), b.files.end(), [&](const library::book_file& file) {
    const publication::kind* k = publication::find_kind(file.format);
    return k && k->family == family;
  });
}

sort_of_book sort_of(const library::book& b) {
  if (has_family(b, "audio")) return sort_of_book::audio;
  return has_family(b, "comic") ? sort_of_book::comic : sort_of_book::text;
}

// Recordings of one format are parts of one another; the same book may be there in two.
std::int64_t length_of(const library::book& b) {
  std::map<std::string, std::int64_t> by_format;
  std::int64_t longest = 0;
  for (const library::book_file& file : b.files) longest = std::max(longest, by_format[file.format] += file.duration);
  return longest;
}

// 312 pages, or 8 h 28 min (opds.md 5.6).
std::string extent_of(const library::book& b, std::int64_t milliseconds) {
  if (b.page_count) return std::to_string(*b.page_count) + " pages";
  if (milliseconds <= 0) return "";
  std::int64_t minutes = std::max<std::int64_t>(milliseconds / 60'000, 1);
  std::string rest = std::to_string(minutes % 60) + " min";
  return minutes < 60 ? rest : std::to_string(minutes / 60) + " h " + rest;
}

book_entry common(const visit& v, const library::book& b) {
  book_entry out;
  out.id = "urn:uuid:" + b.id.text();
  out.title = b.title;
  out.subtitle = b.subtitle;
  out.sort_title = b.title_sort;
  out.sort = sort_of(b);
  out.updated = b.updated_at;
  out.authors = authors_of(v, b);
  std::copy_if(b.languages.begin(), b.languages.end(), std::back_inserter(out.languages),
               [](const std::string& tag) { return tag != "und"; });  // unknown is told by saying nothing (opds.md 5.6)
  out.publisher = b.publisher;
  out.issued = issued_of(b);
  std::string isbn = isbn_urn(b);
  if (!isbn.empty()) out.identifiers.push_back(std::move(isbn));
  for (const library::tag& t : b.tags) out.categories.push_back({t.slug.empty() ? t.id.text() : t.slug, t.name});
  for (const std::string& g : b.genres) out.categories.push_back({publication::ascii_slug(g), g});
  out.series = b.series;
  if (b.series_id) out.series_href = v.at.feed({"/series/" + b.series_id->text(), {}});
  out.pages = b.page_count;
  out.milliseconds = length_of(b);
  if (b.series_index) out.series_index = decimal(*b.series_index);
  out.summary = summary_of(b.description_text);
  return out;
}

}  // namespace

bool offered(const library::book& b, library::taker whom) {
  return std::any_of(b.files.begin(), b.files.end(), [&](const library::book_file& f) { return offered(b, f, whom); });
}

book_entry partial_entry(const visit& v, const library::book& b, const std::optional<library::page_stream>& stream) {
  book_entry out = common(v, b);
  bool json = v.at.form() == form::json;
  if (v.koreader && !json) out.authors = in_one(out.authors);
  // Who reads an audiobook matters as much as who wrote it.
  for (const library::person& p : b.contributors) {
    if (p.role == "nrt" && out.sort == sort_of_book::audio) out.contributors.push_back({.name = p.name, .role = p.role});
  }
  if (out.categories.size() > most_categories) out.categories.resize(most_categories);
  out.links.reserve(b.files.size() + 3);
  out.links.push_back(json ? entry_link(v, b, "self", "", form::json)
                           : entry_link(v, b, "alternate", v.say("Full details"), form::atom));
  add_files(out, v, b);
  if (json) add_manifest(out.links, v, b);
  add_progression(out.links, v, b, json);
  if (stream) out.links.push_back(stream_link(v, *stream));
  return out;
}

book_entry full_entry(const visit& v, const library::book& b, const std::optional<library::page_stream>& stream) {
  book_entry out = common(v, b);
  for (const library::person& p : b.contributors) out.contributors.push_back({.name = p.name, .role = p.role});
  for (const auto& [kind, value] : b.identifiers) {
    if (kind == "doi") out.identifiers.push_back(doi_uri(value));
  }
  out.extent = extent_of(b, out.milliseconds);
  bool json = v.at.form() == form::json;
  if (json) out.summary = b.description_text;
  out.content = b.description;
  out.links.push_back(entry_link(v, b, "self", "", v.at.form()));
  // Atom wants one of the two, content or alternate.
  if (out.content.empty() && !json) out.links.push_back(entry_link(v, b, "alternate", v.say("Full details"), form::atom));
  add_files(out, v, b);
  if (json) add_manifest(out.links, v, b);
  add_progression(out.links, v, b, true);
  if (b.series_id) out.links.push_back(related(v, "/series/" + b.series_id->text(), b.series));
  for (const library::person& p : b.authors) out.links.push_back(related(v, "/authors/" + p.id.text(), p.name));
  if (json) out.links.push_back(entry_link(v, b, "alternate", "OPDS 1.2", form::atom));
  if (stream) out.links.push_back(stream_link(v, *stream));
  return out;
}

std::string summary_of(std::string_view text) {
  std::string out;
  std::size_t characters = 0, last_word = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool blank = c == ' ' || (c >= '\t' && c <= '\r');
    if (blank && (out.empty() || out.back() == ' ')) continue;
    bool begins = (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    if (begins && ++characters > longest_summary) {
      // A word of a thousand characters, as scripts without blanks have it, is cut where the room ends.
      if (last_word > out.size() / 2)
        out.resize(last_word);
      else
        out = std::string(cut_utf8(out, out.size() - 1));
      out = std::string(trim(out));
      return out + "…";
    }
    if (blank) last_word = out.size();
    out += blank ? ' ' : c;
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string decimal(double d) {
  char text[64];
  std::snprintf(text, sizeof text, "%.3f", d);
  std::string out = text;
  out.erase(out.find_last_not_of('0') + 1);
  if (out.ends_with('.')) out.pop_back();
  return out;
}

}  // namespace carrel::opds
