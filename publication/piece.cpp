#include "publication/piece.hpp"

#include <algorithm>

#include "publication/comic/page_list.hpp"
#include "publication/cover.hpp"
#include "publication/recognise.hpp"

namespace carrel::publication {
namespace {

constexpr int tallest = 20'000, quality = 85;  // opds.md 8.2

bool readers_know(std::string_view type) { return type == "image/jpeg" || type == "image/png" || type == "image/gif"; }

bool is_animated(std::string_view bytes) {
  return bytes.find("NETSCAPE2.0") != std::string_view::npos || bytes.find("ANIMEXTS1.0") != std::string_view::npos;
}

result<piece, refusal> resource_of(archive& zip, const std::string& path, const limits& limit) {
  const archive_entry* e = zip.find(path);
  if (e == nullptr || e->is_folder()) return refusal{"archive_entry_damaged", ""};
  result<std::string, refusal> bytes = zip.read(*e, std::min(limit.unpacked, largest_piece), "archive_entry_too_large");
  if (!bytes) return bytes.error();
  return piece{std::move(*bytes), ""};
}

}  // namespace

result<piece, refusal> fit_page(std::string picture, const piece_wish& wish) {
  std::string type = picture_type(picture);
  if (type.empty()) return refusal{"cover_unreadable", ""};
  bool as_it_is = (type == "image/gif" && is_animated(picture)) || (wish.width <= 0 && (readers_know(type) || !wish.for_readers));
  if (!as_it_is) {
    result<picture_facts, refusal> facts = inspect_picture(picture);
    bool smaller = facts && wish.width > 0 && wish.width < facts->width;
    bool converted = facts && wish.for_readers && !readers_know(type);
    if (smaller || converted) {
      int width = smaller ? wish.width : facts->width;
      result<std::string, refusal> made = scale_picture(picture, {.width = width, .height = tallest, .quality = quality});
      if (made) return piece{std::move(*made), "image/jpeg"};
    }
  }
  if (picture.size() > largest_piece) return refusal{"archive_entry_too_large", ""};
  return piece{std::move(picture), std::move(type)};
}

result<piece, refusal> read_piece(int descriptor, const std::string& file_name, const piece_wish& wish, const limits& limit) {
  std::vector<warning> unheard;
  result<recognised, refusal> found = examine(descriptor, file_name, limit, unheard);
  if (!found) return found.error();
  if (found->what.family == "comic") {
    result<std::string, refusal> bytes = comic::read_part(descriptor, *found, wish.what, limit);
    if (!bytes) return bytes.error();
    return fit_page(std::move(*bytes), wish);
  }
  bool epub = found->what.format == "epub" || found->what.format == "kepub";
  if (!epub || !found->zip) return refusal{"unsupported_type", found->what.format};
  return resource_of(*found->zip, wish.what.path, limit);
}

}  // namespace carrel::publication
