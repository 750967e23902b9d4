#include "publication/epub.hpp"

#include <algorithm>
#include <unordered_set>

#include "publication/content.hpp"
#include "publication/names.hpp"
#include "publication/people.hpp"
#include "publication/recognise.hpp"
#include "publication/unicode.hpp"
#include "publication/unicode_tools.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::uint64_t text_is_enough = 2000;  // characters; below, the pictures are the book (7.2)
constexpr int shortest_page_list = 10;

struct contents {
  std::string hash;
  int pages = 0;
  bool is_kepub = false;
};

struct picture_hash {
  std::string hash;         // "" when a picture cannot be read
  bool only_cover = false;  // there is no other picture than the cover
};

// The pictures of a book whose text may be too short to tell it apart.
picture_hash hash_of_pictures(archive& zip, const std::vector<const archive_entry*>& pictures,
                              const std::optional<cover_image>& cover, const limits& limit) {
  picture_hash out{.hash = {}, .only_cover = true};
  digest all(digest_kind::sha256);
  all.update("carrel-images-v1\n");
  for (const archive_entry* e : pictures) {
    result<std::string, refusal> bytes = zip.read(*e, limit.image, "archive_entry_too_large");
    if (!bytes) return {};
    out.only_cover = out.only_cover && cover && cover->bytes == *bytes;
    all.update(sha256_raw(*bytes));
  }
  out.hash = all.hex();
  return out;
}

// One pass over the reading order: normal text, pictures, Kobo spans.
result<contents, refusal> read_contents(archive& zip, const epub_package& package, const std::optional<cover_image>& cover,
                                        const limits& limit, std::vector<warning>& warnings) {
  contents out;
  normal_text text;
  std::string raw;
  bool whole = true;
  std::vector<const archive_entry*> pictures;
  std::unordered_set<const archive_entry*> seen;
  auto add_picture = [&](const archive_entry* e) {
    if (e != nullptr && seen.insert(e).second) pictures.push_back(e);
  };
  for (const spine_item& s : package.spine) {
    if (s.item->media_type.starts_with("image/") && s.item->media_type != "image/svg+xml") {
      add_picture(s.item->entry);
      continue;
    }
    result<std::string, refusal> bytes = zip.read(*s.item->entry, limit.content_xml, "xml_too_large");
    if (!bytes) {
      const std::string& code = bytes.error().code;
      if (code != "archive_symlink" && code != "archive_entry_damaged") return bytes.error();
      warn(warnings, code, bytes.error().detail);
      whole = false;
      continue;
    }
    content_document doc;
    parse_content(*bytes, doc);
    if (doc.replaced > 0) warn(warnings, "text_invalid_utf8", s.item->entry->name);
    pugi::xml_node body = doc.body();
    if (!body) {
      // An SVG document in the spine has no body, but it may show a picture.
      std::vector<std::string> hrefs;
      append_pictures(doc.tree, hrefs);
      for (const std::string& href : hrefs) add_picture(look_up(zip, folder_of(s.item->entry->name), href).entry);
      continue;
    }
    raw.clear();
    append_text(body, raw);
    text.add(valid_text(raw) ? raw : replace_invalid_utf8(raw));
    out.is_kepub = out.is_kepub || has_kobo_spans(body);
    if (text.characters() >= text_is_enough) continue;
    std::vector<std::string> hrefs;
    append_pictures(body, hrefs);
    for (const std::string& href : hrefs) add_picture(look_up(zip, folder_of(s.item->entry->name), href).entry);
  }
  std::string text_hash = text.hash();
  out.pages = text.pages();
  if (!whole) return out;
  out.hash = text_hash;
  if (text.characters() >= text_is_enough || pictures.empty()) return out;
  // A short text with a cover page is still a text: another cover does not make it another book (7.2).
  picture_hash shown = hash_of_pictures(zip, pictures, cover, limit);
  if (!shown.only_cover || text.characters() == 0) out.hash = shown.hash;
  return out;
}

bool mostly_pre_paginated(const epub_package& package) {
  auto n = static_cast<std::size_t>(std::count_if(package.spine.begin(), package.spine.end(), is_pre_paginated));
  return n * 5 >= package.spine.size() * 4;
}

}  // namespace

bool is_pre_paginated(const spine_item& s) { return has_token(s.properties, "rendition:layout-pre-paginated"); }

bool is_fixed_layout(archive& zip, const epub_package& package, const metadata& about, const limits& limit) {
  return about.fixed_layout || mostly_pre_paginated(package) || displays_fixed_layout(zip, limit);
}

result<opened, refusal> open_epub(archive& zip, const std::string& file_name, const limits& limit,
                                  std::vector<warning> warnings) {
  result<epub_package, refusal> package = read_package(zip, limit, warnings);
  if (!package) return package.error();

  opened out;
  out.about = package_metadata(package->root, warnings);
  metadata& about = out.about;
  about.drm = find_drm(zip, *package, limit, warnings);
  about.fixed_layout = is_fixed_layout(zip, *package, about, limit);

  int pages_listed = 0;
  std::string landmark_cover;
  about.toc = read_toc(zip, *package, limit, pages_listed, landmark_cover, warnings);
  out.cover = find_cover(zip, *package, landmark_cover, limit, warnings);

  contents text;
  if (about.drm.empty()) {
    result<contents, refusal> read = read_contents(zip, *package, out.cover, limit, warnings);
    if (!read) return read.error();
    text = std::move(*read);
  }
  out.content_hash = text.hash;
  about.is_kepub = text.is_kepub;
  out.format = about.is_kepub ? "kepub" : "epub";
  if (pages_listed >= shortest_page_list) {
    about.page_count = pages_listed;
    about.page_count_source = "page_list";
  } else if (about.page_count == 0 && (about.fixed_layout || about.drm.empty())) {
    about.page_count = about.fixed_layout ? static_cast<int>(package->spine.size()) : text.pages;
    about.page_count_source = "estimate";
  }
  complete_from_name(about, guess_from_name(file_name), warnings);
  out.warnings = std::move(warnings);
  return out;
}

result<epub_to_rewrite, refusal> open_for_rewriting(int source, const std::string& file_name, const limits& limit) {
  std::vector<warning> unheard;
  result<kind, refusal> is = recognise(source, file_name, limit, unheard);
  if (!is) return is.error();
  if (is->format != "epub" && is->format != "kepub") return refusal{"kepub_not_epub", is->format};
  result<std::unique_ptr<archive>, refusal> zip = archive::open(source, limit, limit.unpacked);
  if (!zip) return zip.error();
  result<epub_package, refusal> package = read_package(**zip, limit, unheard);
  if (!package) return package.error();
  if (std::string drm = find_drm(**zip, *package, limit, unheard); !drm.empty()) return refusal{"kepub_protected", drm};
  return epub_to_rewrite{.zip = std::move(*zip), .package = std::move(*package)};
}

}  // namespace carrel::publication
