#include "publication/comic/comic.hpp"

#include <algorithm>

#include "publication/comic/comic_info.hpp"
#include "publication/comic/pages.hpp"
#include "publication/cover.hpp"
#include "publication/names.hpp"
#include "publication/xml.hpp"

namespace carrel::publication::comic {
namespace {

bool contains(const std::vector<std::size_t>& list, std::size_t n) {
  return std::find(list.begin(), list.end(), n) != list.end();
}

// The pages that ComicInfo leaves, as places among all of them. One that leaves none is not believed.
std::vector<std::size_t> shown_pages(const std::vector<page>& pages, const comic_info& info, std::vector<warning>& warnings) {
  std::vector<bool> gone(pages.size());
  for (std::size_t n : info.deleted) {
    if (n < gone.size()) gone[n] = true;
  }
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    if (!gone[i]) out.push_back(i);
  }
  if (!out.empty()) return out;
  warn(warnings, "metadata_invalid_value", "Pages");
  for (std::size_t i = 0; i < pages.size(); ++i) out.push_back(i);
  return out;
}

class cover_finder {
 public:
  cover_finder(parts& all, contents& found, const limits& limit, std::vector<warning>& warnings)
      : all_(all), found_(found), limit_(limit), warnings_(warnings) {}

  // In the order of 10.3.
  std::optional<cover_image> find(const comic_info& info, const std::vector<std::size_t>& shown) {
    std::vector<std::size_t> candidates;
    auto add = [&](std::size_t n) {
      if (!contains(candidates, n)) candidates.push_back(n);
    };
    auto front =
        std::find_if(info.front_covers.begin(), info.front_covers.end(), [&](std::size_t n) { return n < found_.pages.size(); });
    if (front != info.front_covers.end()) add(*front);
    auto named = std::find_if(shown.begin(), shown.end(), [&](std::size_t n) { return is_cover_name(found_.pages[n].name); });
    if (named != shown.end()) add(*named);
    auto readable = std::find_if(shown.begin(), shown.end(), [&](std::size_t n) { return !found_.pages[n].digest.empty(); });
    if (readable != shown.end()) add(*readable);
    for (std::size_t n : candidates) {
      const page& p = found_.pages[n];
      std::optional<std::string> bytes = p.digest.empty() ? std::nullopt : bytes_of(p);
      if (!bytes) continue;
      if (std::optional<cover_image> c = usable_cover(std::move(*bytes), p.name, true, warnings_)) return c;
    }
    return std::nullopt;
  }

 private:
  std::optional<std::string> bytes_of(const page& p) {
    for (std::optional<contents::kept>* kept : {&found_.named, &found_.first}) {
      if (*kept && (*kept)->position == p.position) return std::move((*kept)->bytes);
    }
    return read_again(p.position);
  }

  // Only when ComicInfo names another page than those that were kept.
  std::optional<std::string> read_again(std::size_t position) {
    if (all_.restart()) return std::nullopt;
    for (std::size_t i = 0;; ++i) {
      result<std::optional<part>, refusal> next = all_.next();
      if (!next || !*next) return std::nullopt;
      if (i < position) continue;
      result<std::string, refusal> bytes = all_.read(limit_.image, "archive_entry_too_large");
      return bytes ? std::optional(std::move(*bytes)) : std::nullopt;
    }
  }

  parts& all_;
  contents& found_;
  const limits& limit_;
  std::vector<warning>& warnings_;
};

}  // namespace

result<opened, refusal> open_comic(int descriptor, const recognised& found, const std::string& file_name, const limits& limit,
                                   std::vector<warning> warnings) {
  result<std::unique_ptr<parts>, refusal> all = open_parts(descriptor, found, limit);
  if (!all) return all.error();
  result<contents, refusal> inside = gather(**all, limit, warnings);
  if (!inside) return inside.error();
  if (inside->pages.empty()) return refusal{"comic_no_pages", ""};

  comic_info info;
  if (inside->comic_info) {
    result<comic_info, refusal> read = read_comic_info(*inside->comic_info, limit.xml_depth, warnings);
    if (!read) return read.error();
    info = std::move(*read);
  }
  std::vector<std::size_t> shown = shown_pages(inside->pages, info, warnings);

  opened out;
  out.format = found.what.format;
  out.about = std::move(info.about);
  out.about.fixed_layout = true;
  out.about.page_count = static_cast<int>(shown.size());
  out.about.page_count_source = "counted";
  out.content_hash = hash_of(inside->pages);
  out.cover = cover_finder(**all, *inside, limit, warnings).find(info, shown);
  complete_from_name(out.about, guess_from_comic_name(file_name), warnings);
  out.warnings = std::move(warnings);
  return out;
}

}  // namespace carrel::publication::comic
