#include "opds/auth_document.hpp"

#include "opds/icon.hpp"
#include "opds/problem_words.hpp"
#include "server/core/json.hpp"

namespace carrel::opds {

std::string auth_document(const std::string& base, const std::string& pages, tongue t) {
  json::object logo{
      {"rel", "logo"}, {"href", base + "/opds/icon.png"}, {"type", "image/png"}, {"width", icon_size}, {"height", icon_size}};
  json::object help{{"rel", "help"}, {"href", pages + "/devices/add/app"}, {"type", "text/html"}};
  json::object labels{{"login", phrase("Device user name").in(t)}, {"password", phrase("Device password").in(t)}};
  json::object basic{{"type", "http://opds-spec.org/auth/basic"}, {"labels", labels}};
  json::object out{
      {"id", base + "/opds/auth.json"},
      {"title", "Carrel"},
      {"description", phrase("Use the user name and password of this device (Devices, Add).").in(t)},
      {"links", json::array{logo, help}},
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
    r.body = auth_document(base, links.pages(c.in), tongue_for(c));
    return r;
  }
  http::response r = http::text(told(tongue_for(c), p.message) + "\n", p.status);
  r.set("Content-Type", "text/plain;charset=utf-8");
  for (const auto& [name, value] : p.headers) r.set(name, value);
  return r;
}

}  // namespace carrel::opds
