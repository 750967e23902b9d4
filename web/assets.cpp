#include "web/assets.hpp"

#include <stdexcept>

#include "server/http/conditional.hpp"
#include "web/embedded.hpp"

namespace carrel::web {
namespace {

std::string_view type_of(std::string_view name) {
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "application/octet-stream";
}

}  // namespace

assets::assets() {
  for (const embedded& e : asset_texts()) {
    std::size_t dot = e.name.rfind('.');
    std::string file = std::string(e.name.substr(0, dot)) + "." + std::string(e.hash) + std::string(e.name.substr(dot));
    paths_.emplace(e.name, "/static/" + file);
    files_.emplace(file, entry{e.text, type_of(e.name), e.hash});
  }
}

const std::string& assets::path(std::string_view name) const {
  auto found = paths_.find(name);
  if (found == paths_.end()) throw std::logic_error("no asset is called " + std::string(name));
  return found->second;
}

http::response assets::serve(const http::request& in, std::string_view file) const {
  auto found = files_.find(file);
  if (found == files_.end()) throw http::problem{404, "Not found.", "not_found"};
  http::validators seen{.etag = "\"" + std::string(found->second.hash) + "\"", .modified = {}};
  http::response out = http::unchanged(in, seen) ? http::not_modified(seen) : http::text(std::string(found->second.text));
  out.set("Cache-Control", "public, max-age=31536000, immutable").set("ETag", seen.etag);
  if (out.status == 200) out.set("Content-Type", std::string(found->second.type));
  return out;
}

}  // namespace carrel::web
