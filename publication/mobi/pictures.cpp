#include "publication/mobi/pictures.hpp"

#include <algorithm>

#include "publication/cover.hpp"
#include "publication/mobi/tags.hpp"
#include "publication/xml.hpp"

namespace carrel::publication::mobi {
namespace {

constexpr int largest_icon = 300;  // pixels; a larger thumbnail will do as a cover
constexpr std::string_view end_mark = "\xe9\x8e\r\n", boundary = "BOUNDARY";

// Decoded once, small, when its proper end is missing: what comes out decides.
bool is_usable(const std::string& bytes, std::vector<warning>& warnings) {
  if (looks_complete(bytes)) return true;
  bool faulty = false;
  bool usable = scale_picture(bytes, {.width = 64, .height = 64}, &faulty).ok();
  if (!usable || faulty) warn(warnings, "cover_damaged", "the picture is not complete");
  return usable;
}

std::optional<cover_image> picture(std::string bytes, std::vector<warning>& warnings) {
  result<picture_facts, refusal> facts = inspect_picture(bytes);
  if (!facts) {
    warn(warnings, facts.error().code, facts.error().detail);
    return std::nullopt;
  }
  if (!is_usable(bytes, warnings)) return std::nullopt;
  return cover_image{std::move(bytes), facts->mime, facts->width, facts->height, {}};
}

// A resource that the book calls its cover: what is wrong with it is worth a warning.
std::optional<cover_image> declared(const palm_database& db, const told& about, std::size_t number,
                                    std::vector<warning>& warnings) {
  std::string bytes = resource(db, about, number);
  if (!bytes.empty()) return picture(std::move(bytes), warnings);
  warn(warnings, "cover_missing", "the book has no such picture");
  return std::nullopt;
}

std::optional<cover_image> first_picture(const palm_database& db, std::size_t record, std::vector<warning>& warnings) {
  for (; record < db.size(); ++record) {
    std::string start = db.read(record, 16);
    if (start.starts_with(end_mark) || start.starts_with(boundary)) break;
    bool likely = start.starts_with("\xff\xd8\xff") || start.starts_with("\x89PNG") || start.starts_with("GIF8") ||
                  start.starts_with("RIFF");
    if (!likely) continue;
    std::vector<warning> unheard;  // nobody called it a cover
    std::optional<cover_image> found = picture(db.read(record), unheard);
    if (!found || found->height <= found->width) return std::nullopt;
    warnings.insert(warnings.end(), unheard.begin(), unheard.end());
    return found;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::size_t> embedded_number(std::string_view href) {
  constexpr std::string_view prefix = "kindle:embed:";
  if (!href.starts_with(prefix)) return std::nullopt;
  std::string_view digits = href.substr(prefix.size(), href.find('?') == href.npos ? href.npos : href.find('?') - prefix.size());
  std::size_t value = 0;
  for (char c : digits) {
    bool decimal = c >= '0' && c <= '9', letter = c >= 'A' && c <= 'V';
    if (!decimal && !letter) return std::nullopt;
    value = value * 32 + static_cast<std::size_t>(decimal ? c - '0' : c - 'A' + 10);
    if (value > 0xffff) return std::nullopt;
  }
  return value > 0 ? std::optional(value) : std::nullopt;
}

std::string resource(const palm_database& db, const told& about, std::size_t number) {
  if (!about.first_resource || number == 0 || number > db.size()) return {};
  return db.read(*about.first_resource + number - 1);
}

std::optional<cover_image> find_cover(const palm_database& db, const told& about, std::vector<warning>& warnings) {
  if (std::optional<std::size_t> offset = first_number(about, tag_cover)) {
    if (std::optional<cover_image> c = declared(db, about, *offset + 1, warnings)) return c;
  }
  if (std::optional<std::size_t> number = embedded_number(first_value(about, tag_cover_uri))) {
    if (std::optional<cover_image> c = declared(db, about, *number, warnings)) return c;
  }
  if (std::optional<std::size_t> offset = first_number(about, tag_thumbnail)) {
    std::vector<warning> unheard;
    std::optional<cover_image> small = picture(resource(db, about, *offset + 1), unheard);
    if (small && std::max(small->width, small->height) > largest_icon) return small;
  }
  if (!about.first_resource) return std::nullopt;
  return first_picture(db, *about.first_resource, warnings);
}

}  // namespace carrel::publication::mobi
