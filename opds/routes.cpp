#include "opds/routes.hpp"

#include "opds/auth_document.hpp"
#include "opds/files.hpp"
#include "opds/lists.hpp"
#include "opds/navigation.hpp"
#include "opds/search.hpp"

namespace carrel::opds {
namespace {

using http::context;
using http::response;
using of = library::list::of;
using state = std::shared_ptr<shared_state>;

constexpr std::chrono::seconds feed_budget{5};
constexpr http::route_options feed_options{.budget = feed_budget};
constexpr http::route_options file_options{};

// Reading apps built on web views fetch from another origin (opds.md 3.10).
task<response> cross_origin(context& c, const http::handler& next) {
  response r = co_await next(c);
  r.set("Cross-Origin-Resource-Policy", "cross-origin");
  co_return r;
}

task<response> show_auth_document(shared_state& s, context& c) {
  response r = http::json(auth_document(s.with.links.devices(c.in)));
  r.set("Content-Type", std::string(auth_type));
  r.set("Cache-Control", "public, max-age=3600");
  co_return r;
}

task<response> nothing_here(shared_state& s, context& c) {
  throw http::problem{404, "There is nothing at this address. The catalog is at " + s.with.links.devices(c.in) + "/opds."};
  co_return response{};
}

void add_feeds(http::router& r, const state& s) {
  auto feed = [&](std::string path, auto show) {
    r.add(
        http::verb::get, std::move(path), [s, show](context& c) { return show(*s, c); }, feed_options);
  };
  auto list = [&](std::string path, of what) {
    r.add(
        http::verb::get, std::move(path), [s, what](context& c) { return show_list(*s, c, what); }, feed_options);
  };
  auto names = [&](std::string path, library::names what) {
    r.add(
        http::verb::get, std::move(path), [s, what](context& c) { return show_names(*s, c, what); }, feed_options);
  };
  // The root and the addresses people type from habit (opds.md 2.2).
  for (const char* alias : {"", "/v1.2", "/v1.2/catalog", "/v1", "/catalog"}) feed(alias, show_root);
  list("/new", of::newest);
  list("/books", of::title);
  feed("/books/{id}", show_entry);
  names("/authors", library::names::authors);
  list("/authors/{id}", of::person);
  names("/series", library::names::series);
  list("/series/{id}", of::series);
  names("/tags", library::names::tags);
  list("/tags/{id}", of::tag);
  feed("/languages", show_languages);
  list("/languages/{code}", of::language);
  feed("/shelves", show_shelves);
  list("/shelves/{id}", of::shelf);
  feed("/search", show_search);
  feed("/search.xml", show_description);
}

}  // namespace

api::api(services s) : state_(std::make_shared<shared_state>(std::move(s))) {}

void api::mount(http::router& root) {
  state s = state_;
  auto errors = [s](const context& c, const http::problem& p) { return render(s->with.links, c, p); };

  http::router& open = root.group("/opds", errors);
  open.use(cross_origin);
  open.add(http::verb::get, "/auth.json", [s](context& c) { return show_auth_document(*s, c); });
  open.otherwise([s](context& c) { return nothing_here(*s, c); });

  http::router& catalog = open.group("", errors);
  catalog.use(auth::require_basic(s->with.credentials, "opds"));
  add_feeds(catalog, s);
  catalog.add(
      http::verb::get, "/dl/{file}/{name...}", [s](context& c) { return show_download(*s, c); }, file_options);

  http::router& covers = root.group("/covers", errors);
  covers.use(cross_origin);
  covers.add(
      http::verb::get, "/{book}/{size}", [s](context& c) { return show_cover(*s, c); }, file_options);
}

}  // namespace carrel::opds
