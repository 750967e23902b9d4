#include "publication/outline.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "publication/comic/page_list.hpp"
#include "publication/epub.hpp"
#include "publication/names.hpp"
#include "publication/opf.hpp"
#include "publication/pdf/open_pdf.hpp"
#include "publication/recognise.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

struct known_type {
  std::string_view extension, type, other_name;
};

// Nothing that a browser would run with the rights of a page.
constexpr std::array known_types{
    known_type{"xhtml", "application/xhtml+xml", ""},
    known_type{"html", "text/html", "text/x-oeb1-document"},
    known_type{"htm", "text/html", ""},
    known_type{"css", "text/css", "text/x-oeb1-css"},
    known_type{"jpg", "image/jpeg", "image/jpg"},
    known_type{"jpeg", "image/jpeg", ""},
    known_type{"png", "image/png", ""},
    known_type{"gif", "image/gif", ""},
    known_type{"webp", "image/webp", ""},
    known_type{"avif", "image/avif", ""},
    known_type{"svg", "image/svg+xml", ""},
    known_type{"ttf", "font/ttf", "application/x-font-ttf"},
    known_type{"otf", "font/otf", "application/vnd.ms-opentype"},
    known_type{"otf", "font/otf", "application/x-font-opentype"},
    known_type{"ttf", "font/ttf", "application/x-font-truetype"},
    known_type{"otf", "font/otf", "application/font-sfnt"},
    known_type{"woff", "font/woff", "application/font-woff"},
    known_type{"woff2", "font/woff2", ""},
    known_type{"mp3", "audio/mpeg", ""},
    known_type{"m4a", "audio/mp4", ""},
    known_type{"ogg", "audio/ogg", ""},
    known_type{"opus", "audio/ogg", "audio/opus"},
    known_type{"mp4", "video/mp4", ""},
    known_type{"webm", "video/webm", ""},
    known_type{"ncx", "application/x-dtbncx+xml", ""},
    known_type{"smil", "application/smil+xml", ""},
    known_type{"pls", "application/pls+xml", ""},
    known_type{"js", "text/javascript", "application/javascript"},
    known_type{"xml", "application/xml", "text/xml"},
    known_type{"txt", "text/plain", ""},
};

outline_item item_of(const manifest_item& m) {
  return {.path = m.entry->name, .type = served_type(m.media_type, m.entry->name), .packed = m.entry->packed};
}

// A path that is not text cannot be asked for.
bool can_be_named(const manifest_item& m) {
  return m.entry != nullptr && valid_utf8(m.entry->name) && m.entry->name.find('\0') == std::string::npos;
}

result<outline, refusal> outline_of_epub(archive& zip, const limits& limit) {
  std::vector<warning> unheard;
  result<epub_package, refusal> package = read_package(zip, limit, unheard);
  if (!package) return package.error();
  if (std::string drm = find_drm(zip, *package, limit, unheard); !drm.empty()) return refusal{"drm_protected", drm};
  metadata about = package_metadata(package->root, unheard);
  outline out;
  out.format = "epub";
  out.reading = about.reading;
  out.fixed_layout = is_fixed_layout(zip, *package, about, limit);
  std::unordered_set<const archive_entry*> listed;
  for (const spine_item& s : package->spine) {
    if (can_be_named(*s.item) && listed.insert(s.item->entry).second) out.order.push_back(item_of(*s.item));
  }
  if (out.order.empty()) return refusal{"epub_no_spine", ""};
  for (const manifest_item& m : package->items) {
    if (!can_be_named(m)) continue;
    if (has_token(m.properties, "cover-image")) out.cover = m.entry->name;
    if (listed.insert(m.entry).second) out.resources.push_back(item_of(m));
  }
  int pages_listed = 0;
  std::string landmark_cover;
  out.toc = read_toc(zip, *package, limit, pages_listed, landmark_cover, unheard);
  return out;
}

result<outline, refusal> outline_of_comic(int descriptor, const recognised& found, const limits& limit) {
  result<comic::page_list, refusal> inside = comic::list_pages(descriptor, found, limit);
  if (!inside) return inside.error();
  outline out;
  out.format = found.what.format;
  out.order = std::move(inside->pages);
  out.pages = static_cast<int>(out.order.size());
  out.reading = inside->reading;
  out.fixed_layout = true;
  return out;
}

result<outline, refusal> outline_of_pdf(int descriptor, const std::string& file_name, const limits& limit) {
  result<opened, refusal> pdf = open_pdf(descriptor, file_name, limit, {});
  if (!pdf) return pdf.error();
  if (!pdf->about.drm.empty()) return refusal{"drm_protected", pdf->about.drm};
  bool locked =
      std::any_of(pdf->warnings.begin(), pdf->warnings.end(), [](const warning& w) { return w.code == "pdf_password"; });
  if (locked) return refusal{"pdf_password", ""};
  outline out;
  out.format = "pdf";
  out.pages = pdf->about.page_count;
  out.toc = std::move(pdf->about.toc);
  out.reading = pdf->about.reading;
  out.fixed_layout = true;
  return out;
}

}  // namespace

result<outline, refusal> read_outline(int descriptor, const std::string& file_name, const limits& limit) {
  std::vector<warning> unheard;
  result<recognised, refusal> found = examine(descriptor, file_name, limit, unheard);
  if (!found) return found.error();
  const kind& k = found->what;
  if (k.family == "comic") return outline_of_comic(descriptor, *found, limit);
  if (k.family == "pdf") return outline_of_pdf(descriptor, file_name, limit);
  if (k.format == "epub" || k.format == "kepub") return outline_of_epub(*found->zip, limit);
  return refusal{"unsupported_type", k.format};
}

std::string served_type(std::string_view declared, std::string_view path) {
  std::string type = lower_ascii(trim(declared.substr(0, declared.find(';')))), extension = file_extension(std::string(path));
  auto by_type = std::find_if(known_types.begin(), known_types.end(), [&](const known_type& k) {
    return k.type == type || (!k.other_name.empty() && k.other_name == type);
  });
  if (by_type != known_types.end()) return std::string(by_type->type);
  auto by_name =
      std::find_if(known_types.begin(), known_types.end(), [&](const known_type& k) { return k.extension == extension; });
  return by_name == known_types.end() ? "application/octet-stream" : std::string(by_name->type);
}

std::string picture_type(std::string_view b) {
  auto boxed = [&](std::string_view brand) { return b.size() >= 12 && b.substr(4, 4) == "ftyp" && b.substr(8, 4) == brand; };
  if (b.starts_with("\xff\xd8\xff")) return "image/jpeg";
  if (b.starts_with("\x89PNG\r\n\x1a\n")) return "image/png";
  if (b.starts_with("GIF87a") || b.starts_with("GIF89a")) return "image/gif";
  if (b.size() >= 12 && b.starts_with("RIFF") && b.substr(8, 4) == "WEBP") return "image/webp";
  if (boxed("avif") || boxed("avis")) return "image/avif";
  if (b.starts_with("\xff\x0a") || b.starts_with(std::string_view("\0\0\0\x0cJXL ", 8))) return "image/jxl";
  if (b.starts_with("BM")) return "image/bmp";
  return {};
}

}  // namespace carrel::publication
