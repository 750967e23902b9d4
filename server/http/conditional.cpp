#include "server/http/conditional.hpp"

#include <algorithm>

#include "server/core/clock.hpp"
#include "server/core/text.hpp"

namespace carrel::http {
namespace {

bool reads(const request& in) { return in.method() == verb::get || in.method() == verb::head; }

// The opaque part of a tag without W/ and quotes.
std::string_view opaque(std::string_view tag) {
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') tag = tag.substr(1, tag.size() - 2);
  return tag;
}

bool same_content(std::string_view sent, std::string_view ours) {
  if (sent == ours) return true;
  return sent.size() == ours.size() + 3 && sent.starts_with(ours) && sent.ends_with("-gz");
}

// One If-None-Match field; a comma may be part of a quoted tag.
bool names_tag(std::string_view list, std::string_view etag) {
  std::string_view ours = opaque(etag);
  while (true) {
    while (!list.empty() && (list.front() == ',' || list.front() == ' ' || list.front() == '\t')) list.remove_prefix(1);
    if (list.empty()) return false;
    if (list.front() == '*') return true;
    std::size_t from = list.starts_with("W/") ? 2 : 0;
    std::size_t end;
    if (from < list.size() && list[from] == '"') {
      end = list.find('"', from + 1);
      end = end == std::string_view::npos ? list.size() : end + 1;
    } else {
      end = std::min(list.find(','), list.size());
    }
    if (!ours.empty() && same_content(opaque(trim(list.substr(0, end))), ours)) return true;
    list.remove_prefix(end);
  }
}

struct range {
  enum class kind { whole, part, unsatisfiable } what = kind::whole;
  std::uint64_t first = 0, count = 0;
};

std::optional<std::uint64_t> position(std::string_view digits) {
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  // More digits than any file has bytes: as large as can be.
  if (digits.size() > 18) return ~std::uint64_t{0};
  return static_cast<std::uint64_t>(*to_integer(digits));
}

// What is not a single valid range is ignored (RFC 9110 14.2), so a client gets the whole file.
range parse_range(std::string_view text, std::uint64_t size) {
  text = trim(text);
  if (text.size() < 6 || !equal_ascii_case(text.substr(0, 6), "bytes=")) return {};
  text = trim(text.substr(6));
  std::size_t dash = text.find('-');
  if (dash == std::string_view::npos || text.find(',') != std::string_view::npos) return {};
  std::string_view left = trim(text.substr(0, dash)), right = trim(text.substr(dash + 1));
  std::optional<std::uint64_t> a = position(left), b = position(right);
  if ((!left.empty() && !a) || (!right.empty() && !b) || (!a && !b)) return {};
  if (!a) {
    if (*b == 0 || size == 0) return {range::kind::unsatisfiable};
    std::uint64_t count = std::min(*b, size);
    return {range::kind::part, size - count, count};
  }
  if (b && *b < *a) return {};
  if (*a >= size) return {range::kind::unsatisfiable};
  std::uint64_t last = b ? std::min(*b, size - 1) : size - 1;
  return {range::kind::part, *a, last - *a + 1};
}

// Only a strong match keeps the range (RFC 9110 13.1.5).
bool range_still_valid(const request& in, const validators& v) {
  std::optional<std::string_view> text = in.header("If-Range");
  if (!text) return true;
  if (text->starts_with('"')) return *text == v.etag;
  std::optional<std::chrono::sys_seconds> at = parse_http_date(*text);
  return at && v.modified && *at == *v.modified;
}

void add_validators(response& r, const validators& v) {
  if (!v.etag.empty()) r.headers.emplace_back("ETag", v.etag);
  if (v.modified) r.headers.emplace_back("Last-Modified", http_date(*v.modified));
}

}  // namespace

bool unchanged(const request& in, const validators& v) {
  if (!reads(in)) return false;
  bool asked = false;
  for (const auto& [name, value] : in.headers()) {
    if (!equal_ascii_case(name, "if-none-match")) continue;
    asked = true;
    if (names_tag(value, v.etag)) return true;
  }
  if (asked || !v.modified) return false;
  std::optional<std::string_view> since = in.header("If-Modified-Since");
  if (!since) return false;
  std::optional<std::chrono::sys_seconds> at = parse_http_date(*since);
  return at && *v.modified <= *at;
}

response not_modified(const validators& v) {
  response r = empty(304);
  add_validators(r, v);
  return r;
}

response file(const request& in, const std::filesystem::path& path, std::string_view type, const validators& v) {
  if (unchanged(in, v)) return not_modified(v);
  std::shared_ptr<const open_file> opened = open_to_read(path);
  if (!opened) throw problem{404, "The file is missing."};

  range wanted{range::kind::whole, 0, opened->size};
  std::optional<std::string_view> asked = in.method() == verb::get ? in.header("Range") : std::nullopt;
  if (asked && range_still_valid(in, v)) wanted = parse_range(*asked, opened->size);
  if (wanted.what == range::kind::whole) wanted = {range::kind::whole, 0, opened->size};

  response r;
  std::string size = std::to_string(opened->size);
  if (wanted.what == range::kind::unsatisfiable) {
    r = text("The file has " + size + " bytes.\n", 416);
    r.headers.emplace_back("Content-Range", "bytes */" + size);
    return r;
  }
  r.headers.reserve(8);
  r.headers.emplace_back("Content-Type", type);
  r.headers.emplace_back("Accept-Ranges", "bytes");
  add_validators(r, v);
  if (wanted.what == range::kind::part) {
    r.status = 206;
    std::string last = std::to_string(wanted.first + wanted.count - 1);
    r.headers.emplace_back("Content-Range", "bytes " + std::to_string(wanted.first) + "-" + last + "/" + size);
  }
  r.body = file_slice{path, wanted.first, wanted.count, std::move(opened)};
  return r;
}

std::string content_disposition(std::string_view file_name, bool raw_utf8, bool attachment, std::string_view ascii) {
  std::string clean = replace_invalid_utf8(file_name);
  std::erase_if(clean, is_control);
  std::replace(clean.begin(), clean.end(), '/', '_');
  if (clean.empty()) clean = "file";

  std::string quoted, encoded;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    char c = clean[i];
    auto u = static_cast<unsigned char>(c);
    bool awkward = c == '"' || c == '%' || c == ';' || c == '\\';
    if (raw_utf8) {
      if (!awkward) quoted += c;
    } else if (u < 0x80) {
      quoted += awkward ? '_' : c;
    } else if ((u & 0xc0) != 0x80) {
      quoted += '_';  // one for each character
    }
    bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                 std::string_view("!#$&+-.^_`|~").find(c) != std::string_view::npos;
    if (plain)
      encoded += c;
    else
      encoded += percent_encode(std::string_view(clean).substr(i, 1));
  }
  if (!raw_utf8 && !ascii.empty()) quoted = ascii;
  if (quoted.empty()) quoted = "file";
  return std::string(attachment ? "attachment" : "inline") + "; filename=\"" + quoted + "\"; filename*=UTF-8''" + encoded;
}

}  // namespace carrel::http
