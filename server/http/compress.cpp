#include "server/http/compress.hpp"

#include <libdeflate.h>

#include <memory>
#include <optional>

#include "server/core/text.hpp"

namespace carrel::http {
namespace {

constexpr std::size_t smallest = 1024;

// Only when it is named: `*` is also what clients say that take what they get (opds.md 3.5).
bool accepts_gzip(const request& in) {
  std::optional<std::string_view> accepted = in.header("Accept-Encoding");
  if (!accepted) return false;
  for (std::string_view rest = *accepted; !rest.empty();) {
    std::size_t end = rest.find(',');
    std::string_view item = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    std::size_t semicolon = item.find(';');
    std::string_view name = trim(item.substr(0, semicolon));
    double quality = 1;
    if (semicolon != std::string_view::npos) {
      std::string_view parameter = trim(item.substr(semicolon + 1));
      if (parameter.starts_with("q=") || parameter.starts_with("Q=")) quality = to_double(trim(parameter.substr(2))).value_or(0);
    }
    if (equal_ascii_case(name, "gzip") || equal_ascii_case(name, "x-gzip")) return quality > 0;
  }
  return false;
}

bool is_text(std::string_view type) {
  type = trim(type.substr(0, type.find(';')));
  std::string t = lower_ascii(type);
  return t.starts_with("text/") || t.ends_with("/json") || t.ends_with("+json") || t.ends_with("/xml") || t.ends_with("+xml") ||
         t.ends_with("/javascript");
}

bool has_word(std::string_view list, std::string_view word) {
  for (const std::string& item : split(list, ',')) {
    if (item == "*" || equal_ascii_case(item, word)) return true;
  }
  return false;
}

void add_vary(response& r) {
  for (auto& [name, value] : r.headers) {
    if (!equal_ascii_case(name, "vary")) continue;
    if (!has_word(value, "Accept-Encoding")) value += ", Accept-Encoding";
    return;
  }
  r.headers.emplace_back("Vary", "Accept-Encoding");
}

void mark_tag(std::string& etag) {
  if (etag.size() >= 2 && etag.ends_with('"')) etag.insert(etag.size() - 1, "-gz");
}

std::optional<std::string> gzip(std::string_view in) {
  constexpr int level = 3;  // as small as zlib's 5 in half of its time
  struct free_packer {
    void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
  };
  thread_local std::unique_ptr<libdeflate_compressor, free_packer> packer(libdeflate_alloc_compressor(level));
  if (!packer) return std::nullopt;
  // What does not become smaller stays as it is, so more room is of no use.
  std::string out(in.size(), '\0');
  std::size_t size = libdeflate_gzip_compress(packer.get(), in.data(), in.size(), out.data(), out.size());
  if (size == 0) return std::nullopt;
  out.resize(size);
  return out;
}

// The tag of a 304 is the one its 200 would have had, so it carries the mark when the client's copy does.
void match_tag(const request& in, response& r) {
  for (auto& [name, value] : r.headers) {
    if (!equal_ascii_case(name, "etag")) continue;
    std::string marked = value;
    mark_tag(marked);
    std::string_view sent = in.header("If-None-Match").value_or("");
    if (sent.find(marked) != std::string_view::npos && sent.find(value) == std::string_view::npos) value = marked;
  }
}

}  // namespace

void compress(const request& in, response& r) {
  if (r.status == 304) return match_tag(in, r);
  if (const std::string* encoding = r.find("Content-Encoding")) {
    if (equal_ascii_case(*encoding, "identity")) {
      std::erase_if(r.headers, [](const auto& h) { return equal_ascii_case(h.first, "content-encoding"); });
    }
    return;
  }
  auto* body = std::get_if<std::string>(&r.body);
  if (!body || body->size() < smallest || body->size() > 0x7fffffff || r.status == 206 || r.status == 204) return;
  const std::string* type = r.find("Content-Type");
  if (!type || !is_text(*type)) return;
  const std::string* caching = r.find("Cache-Control");
  if (caching && has_word(*caching, "no-transform")) return;
  // E-readers' small clients: their answers are tiny and some cannot unpack (kosync.md 3.2).
  if (in.path().starts_with("/kosync/")) return;
  add_vary(r);
  if (!accepts_gzip(in)) return;
  std::optional<std::string> packed = gzip(*body);
  if (!packed || packed->size() >= body->size()) return;
  *body = std::move(*packed);
  r.headers.emplace_back("Content-Encoding", "gzip");
  for (auto& [name, value] : r.headers) {
    if (equal_ascii_case(name, "etag")) mark_tag(value);
  }
}

}  // namespace carrel::http
