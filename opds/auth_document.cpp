#include "opds/auth_document.hpp"

#include "server/core/json.hpp"

namespace carrel::opds {

std::string auth_document(const std::string& base) {
  json::object labels{{"login", "Device user name"}, {"password", "Device password"}};
  json::object basic{{"type", "http://opds-spec.org/auth/basic"}, {"labels", labels}};
  json::object out{
      {"id", base + "/opds/auth.json"},
      {"title", "Carrel"},
      {"description", "Use the user name and password of this device (Devices, Add)."},
      {"authentication", json::array{basic}},
  };
  return json::dump(out);
}

http::response render(const http::links& links, const http::context& c, const http::problem& p) {
  if (p.status == 401) {
    std::string base = links.devices(c.in);
    http::response r = http::empty(401);
    // Exactly one challenge; apps look for one that begins with Basic (opds.md 4.1).
    r.add("WWW-Authenticate", "Basic realm=\"Carrel\", charset=\"UTF-8\"");
    r.add("Content-Type", std::string(auth_type));
    r.add("Link",
          "<" + base + "/opds/auth.json>; rel=\"http://opds-spec.org/auth/document\"; type=\"" + std::string(auth_type) + "\"");
    r.add("Cache-Control", "no-store");
    r.add("Cross-Origin-Resource-Policy", "cross-origin");
    r.body = auth_document(base);
    return r;
  }
  http::response r = http::text(p.message + "\n", p.status);
  r.set("Content-Type", "text/plain;charset=utf-8");
  for (const auto& [name, value] : p.headers) r.set(name, value);
  r.set("Cross-Origin-Resource-Policy", "cross-origin");
  return r;
}

}  // namespace carrel::opds
