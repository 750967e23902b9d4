#include "publication/comic/pages.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "publication/names.hpp"
#include "publication/natural_order.hpp"
#include "publication/unicode.hpp"
#include "publication/xml.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::comic {
namespace {

// As a person would write the path: some archivers put "./" in front, others divide folders by '\'.
std::string path_of(std::string_view name) {
  std::string out(name);
  std::replace(out.begin(), out.end(), '\\', '/');
  while (out.starts_with("./")) out.erase(0, 2);
  return out;
}

bool is_hidden(std::string_view path) {
  for (const std::string& name : split(path, '/')) {
    if (name == "__MACOSX" || (name.starts_with('.') && name != "." && name != "..")) return true;
  }
  return false;
}

std::string_view without_extension(std::string_view path) {
  std::size_t dot = path.rfind('.'), slash = path.rfind('/');
  return dot == std::string_view::npos || (slash != std::string_view::npos && dot < slash) ? path : path.substr(0, dot);
}

class gatherer {
 public:
  gatherer(parts& all, const limits& limit, std::vector<warning>& warnings) : all_(all), limit_(limit), warnings_(warnings) {}

  result<contents, refusal> gather() {
    for (;; ++position_) {
      result<std::optional<part>, refusal> next = all_.next();
      if (!next) return next.error();
      if (!*next) break;
      if (std::optional<refusal> bad = look_at(**next)) return *bad;
    }
    if (several_infos_) warn(warnings_, "archive_duplicate_entry", "ComicInfo.xml");
    auto damaged = [](const page& p) { return p.digest.empty(); };
    if (!out_.pages.empty() && std::all_of(out_.pages.begin(), out_.pages.end(), damaged)) {
      return refusal{"archive_entry_damaged", clean_text(out_.pages.front().name, 200)};
    }
    std::sort(out_.pages.begin(), out_.pages.end(), [](const page& a, const page& b) { return in_page_order(a.name, b.name); });
    return std::move(out_);
  }

 private:
  std::optional<refusal> look_at(const part& p) {
    if (p.is_folder) return std::nullopt;
    if (!seen_.insert(p.name).second) {
      warn(warnings_, "archive_duplicate_entry", p.name);
      return std::nullopt;
    }
    if (is_page_name(p.name) && p.size > 0) return take_page(p);
    return is_better_info(p.name) ? take_info(p) : std::nullopt;
  }

  // The bytes, or none with a warning when only this part is lost.
  result<std::optional<std::string>, refusal> bytes_of(std::uint64_t limit, std::string_view too_large) {
    result<std::string, refusal> bytes = all_.read(limit, too_large);
    if (bytes) return std::optional(std::move(*bytes));
    const refusal& why = bytes.error();
    if (why.code != "archive_entry_damaged" && why.code != "archive_symlink") return why;
    warn(warnings_, why.code, why.detail);
    return std::optional<std::string>();
  }

  std::optional<refusal> take_page(const part& p) {
    result<std::optional<std::string>, refusal> bytes = bytes_of(limit_.image, "archive_entry_too_large");
    if (!bytes) return bytes.error();
    if (p.is_link) return std::nullopt;
    out_.pages.push_back({p.name, *bytes ? sha256_raw(**bytes) : std::string(), position_});
    if (!*bytes) return std::nullopt;
    if (is_cover_name(p.name) && (!out_.named || in_page_order(p.name, out_.named->name))) {
      out_.named = {p.name, **bytes, position_};
    }
    if (!out_.first || in_page_order(p.name, out_.first->name)) out_.first = {p.name, std::move(**bytes), position_};
    return std::nullopt;
  }

  // At the root, else the shallowest, else the first in name order (10.4).
  bool is_better_info(const std::string& name) {
    std::string path = path_of(name);
    if (is_hidden(path) || !equal_ascii_case(path.substr(path.rfind('/') + 1), "ComicInfo.xml")) return false;
    auto depth = std::count(path.begin(), path.end(), '/');
    bool same_depth = info_depth_ == depth, better = info_depth_ < 0 || depth < info_depth_ || (same_depth && path < info_path_);
    if (same_depth || (info_depth_ >= 0 && better)) several_infos_ = same_depth;
    if (better) {
      info_depth_ = depth;
      info_path_ = std::move(path);
    }
    return better;
  }

  std::optional<refusal> take_info(const part&) {
    result<std::optional<std::string>, refusal> bytes = bytes_of(limit_.container_xml, "xml_too_large");
    if (!bytes) return bytes.error();
    out_.comic_info = std::move(*bytes);
    return std::nullopt;
  }

  parts& all_;
  const limits& limit_;
  std::vector<warning>& warnings_;
  contents out_;
  std::size_t position_ = 0;
  std::unordered_set<std::string> seen_;
  std::ptrdiff_t info_depth_ = -1;
  std::string info_path_;
  bool several_infos_ = false;
};

}  // namespace

bool is_page_name(std::string_view name) {
  static constexpr std::array<std::string_view, 8> extensions{"jpg", "jpeg", "png", "webp", "gif", "avif", "jxl", "bmp"};
  std::string path = path_of(name);
  return std::find(extensions.begin(), extensions.end(), file_extension(path)) != extensions.end() && !is_hidden(path);
}

bool is_cover_name(std::string_view name) {
  std::string path = path_of(name);
  if (path.find('/') != std::string::npos) return false;
  std::string stem = lower_ascii(without_extension(path));
  return stem == "cover" || stem == "folder";
}

bool in_page_order(const std::string& one, const std::string& other) {
  std::string a = path_of(one), b = path_of(other);
  std::string_view x = without_extension(a), y = without_extension(b);
  return x == y ? one < other : in_natural_order(x, y);
}

// All pages, those that ComicInfo leaves out included: metadata does not change what a comic shows (7.2).
std::string hash_of(const std::vector<page>& pages) {
  digest all(digest_kind::sha256);
  all.update("carrel-images-v1\n");
  for (const page& p : pages) {
    if (p.digest.empty()) return {};
    all.update(p.digest);
  }
  return all.hex();
}

result<contents, refusal> gather(parts& all, const limits& limit, std::vector<warning>& warnings) {
  return gatherer(all, limit, warnings).gather();
}

}  // namespace carrel::publication::comic
