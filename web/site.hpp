#pragma once
// What every page and API function is given.

#include <initializer_list>

#include "web/assets.hpp"
#include "web/messages.hpp"
#include "web/routes.hpp"
#include "web/templates.hpp"

namespace carrel::web {

struct site {
  explicit site(services s) : with(std::move(s)), pages(words) {}
  services with;
  languages words;
  templates pages;
  assets files;
};

// To be said after the change is stored.
inline void places_changed(const site& at) {
  if (at.with.places_changed) at.with.places_changed();
}

using action = task<http::response> (*)(const site&, http::context&);

// A plain function as the handler of a route. The site must outlive the router.
inline http::handler bound(const site& at, action run) {
  return [&at, run](http::context& c) { return run(at, c); };
}

// A line of a table of routes.
struct route {
  http::verb method;
  const char* pattern;
  action run;
};
inline void mount_all(const site& at, http::router& r, std::initializer_list<route> table) {
  for (const route& one : table) r.add(one.method, one.pattern, bound(at, one.run));
}

// What stands before every path: what the proxy says it took off (X-Forwarded-Prefix), else base_path. No trailing slash.
std::string base_of(const site&, const http::request&);

// {name} of the route as an id; 404 when it is none.
uuid id_param(const http::context&, std::string_view name);
// An id in a query or form; nothing when it is absent or no id.
std::optional<uuid> id_of(const std::optional<std::string>&);

}  // namespace carrel::web
