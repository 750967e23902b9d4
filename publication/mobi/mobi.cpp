#include "publication/mobi/mobi.hpp"

#include "publication/mobi/contents.hpp"
#include "publication/mobi/metadata.hpp"
#include "publication/mobi/pictures.hpp"
#include "publication/mobi/toc.hpp"
#include "publication/names.hpp"
#include "publication/xml.hpp"

namespace carrel::publication::mobi {
namespace {

std::string format_name(const headers& h) { return h.is_kf8() || h.older ? "azw3" : "mobi"; }

// Older books are cut into documents that are no pages.
void estimate_pages(metadata& about, const headers& h, const contents& text) {
  about.page_count = about.fixed_layout && h.is_kf8() ? static_cast<int>(text.documents) : text.pages;
  if (about.page_count > 0) about.page_count_source = "estimate";
}

}  // namespace

result<std::string, refusal> format_of(int descriptor) {
  result<palm_database, refusal> db = palm_database::open(descriptor);
  std::optional<headers> h = db ? read_headers(*db) : std::nullopt;
  if (!h) return std::string("mobi");
  if (is_print_replica(*db, h->book)) return refusal{"unsupported_type", "a Kindle print replica (AZW4), which holds a PDF"};
  return format_name(*h);
}

result<opened, refusal> open(int descriptor, const std::string& file_name, const limits& limit, std::vector<warning> warnings) {
  result<palm_database, refusal> db = palm_database::open(descriptor);
  if (!db) return db.error();
  std::optional<headers> h = read_headers(*db);
  std::optional<told> about = h ? ask_libmobi(*db, *h) : std::nullopt;
  if (!about) return damaged();

  opened out;
  out.format = format_name(*h);
  out.about = metadata_of(*about, warnings);
  out.about.toc = read_toc(*db, *h, *about);
  if (h->locked()) {
    out.about.drm = "amazon";
    warn(warnings, "drm_protected", "amazon");
  }
  out.cover = find_cover(*db, *about, warnings);
  contents text = read_contents(*db, *h, *about, out.cover, limit, warnings);
  out.content_hash = text.hash;
  estimate_pages(out.about, *h, text);
  complete_from_name(out.about, guess_from_name(file_name), warnings);
  out.warnings = std::move(warnings);
  return out;
}

}  // namespace carrel::publication::mobi
