#include "publication/open.hpp"

#include "publication/audio/audio.hpp"
#include "publication/epub.hpp"
#include "publication/fiction_book/open.hpp"
#include "publication/mobi/mobi.hpp"
#include "publication/names.hpp"
#include "publication/plain_text/open.hpp"
#include "publication/recognise.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

// A type whose reader does not exist in this build: only its name speaks.
opened named_only(const kind& k, const std::string& file_name) {
  opened out;
  out.format = k.format;
  out.described = false;
  guess g = k.family == "comic" ? guess_from_comic_name(file_name) : guess_from_name(file_name);
  out.about.title = g.title;
  out.about.title_sort = title_sort(g.title, "");
  if (!g.author.empty()) out.about.authors.push_back({g.author, author_sort(g.author), "aut"});
  out.about.series = g.series;
  out.about.series_index_text = g.series_index;
  out.about.series_index = to_double(g.series_index);
  out.about.published_on = g.year;
  if (!g.asin.empty()) out.about.identifiers.emplace_back("asin", g.asin);
  return out;
}

}  // namespace

result<opened, refusal> open(int descriptor, const std::string& file_name, const limits& limit) {
  std::vector<warning> warnings;
  result<recognised, refusal> found = examine(descriptor, file_name, limit, warnings);
  if (!found) return found.error();
  if (found->what.format == "epub") return open_epub(*found->zip, file_name, limit, std::move(warnings));
  if (found->what.format == "fb2" || found->what.format == "fbz")
    return fiction_book::open(descriptor, *found, file_name, limit, std::move(warnings));
  if (found->what.format == "txt") return plain_text::open(descriptor, file_name, limit, std::move(warnings));
  if (found->what.family == "audio") return open_audio(descriptor, found->what, file_name, limit, std::move(warnings));
  if (found->what.format == "mobi" || found->what.format == "azw3") {
    return mobi::open(descriptor, file_name, limit, std::move(warnings));
  }
  opened out = named_only(found->what, file_name);
  out.warnings = std::move(warnings);
  return out;
}

}  // namespace carrel::publication
