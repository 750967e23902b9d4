#include "publication/comic/page_list.hpp"

#include <algorithm>
#include <unordered_set>

#include "publication/comic/comic_info.hpp"
#include "publication/comic/pages.hpp"
#include "publication/cover.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::comic {
namespace {

bool is_lost(const refusal& why) { return why.code == "archive_entry_damaged" || why.code == "archive_symlink"; }

// What names say of pages counts as it is stored; a stored outline is text.
std::string name_as_text(const std::string& raw) {
  std::string out = replace_invalid_utf8(raw);
  std::replace_if(out.begin(), out.end(), is_control, '?');
  return out;
}

outline_item page_of(const std::string& name, std::uint64_t place, const std::string& bytes) {
  outline_item out{.path = name, .type = picture_type(bytes), .place = place, .packed = bytes.size()};
  result<picture_facts, refusal> facts = inspect_picture(bytes);
  if (!facts) return out;
  out.width = facts->width;
  out.height = facts->height;
  return out;
}

bool is_info(const std::string& name) {
  return equal_ascii_case(std::string_view(name).substr(name.find_last_of("/\\") + 1), "ComicInfo.xml");
}

}  // namespace

result<page_list, refusal> list_pages(int descriptor, const recognised& found, const limits& limit) {
  result<std::unique_ptr<parts>, refusal> all = open_parts(descriptor, found, limit);
  if (!all) return all.error();
  page_list out;
  std::unordered_set<std::string> seen;
  for (std::uint64_t place = 0;; ++place) {
    result<std::optional<part>, refusal> next = (*all)->next();
    if (!next) return next.error();
    if (!*next) break;
    const part p = **next;
    bool page = is_page_name(p.name) && p.size > 0, info = is_info(p.name);
    if (p.is_folder || !seen.insert(p.name).second || (!page && !info)) continue;
    result<std::string, refusal> bytes =
        info ? (*all)->read(limit.container_xml, "xml_too_large") : (*all)->read(limit.image, "archive_entry_too_large");
    if (!bytes && !is_lost(bytes.error())) return bytes.error();
    if (info) {
      std::vector<warning> unheard;
      result<comic_info, refusal> said = bytes ? read_comic_info(*bytes, limit.xml_depth, unheard) : refusal{};
      if (said && out.reading == direction::unknown) out.reading = said->about.reading;
    } else if (!p.is_link) {
      out.pages.push_back(page_of(p.name, place, bytes ? *bytes : std::string()));
    }
  }
  if (out.pages.empty()) return refusal{"comic_no_pages", ""};
  std::sort(out.pages.begin(), out.pages.end(),
            [](const outline_item& a, const outline_item& b) { return in_page_order(a.path, b.path); });
  for (outline_item& p : out.pages) p.path = name_as_text(p.path);
  return out;
}

result<std::string, refusal> read_part(int descriptor, const recognised& found, const outline_item& wanted, const limits& limit) {
  result<std::unique_ptr<parts>, refusal> all = open_parts(descriptor, found, limit);
  if (!all) return all.error();
  for (std::uint64_t place = 0;; ++place) {
    result<std::optional<part>, refusal> next = (*all)->next();
    if (!next) return next.error();
    if (!*next) return refusal{"archive_entry_damaged", ""};
    if (place < wanted.place) continue;
    if (name_as_text((*next)->name) != wanted.path) return refusal{"archive_entry_damaged", ""};
    return (*all)->read(limit.image, "archive_entry_too_large");
  }
}

}  // namespace carrel::publication::comic
