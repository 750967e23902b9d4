#include "opds/routes.hpp"

#include "opds/auth_document.hpp"
#include "opds/files.hpp"
#include "opds/icon.hpp"
#include "opds/lists.hpp"
#include "opds/manifests.hpp"
#include "opds/navigation.hpp"
#include "opds/own_lists.hpp"
#include "opds/problem_words.hpp"
#include "opds/progression.hpp"
#include "opds/search.hpp"
#include "opds/streaming.hpp"
#include "server/core/digest.hpp"
#include "server/http/conditional.hpp"

namespace carrel::opds {
namespace {

using http::context;
using http::response;
using state = std::shared_ptr<shared_state>;

constexpr std::chrono::seconds feed_budget{5};
constexpr http::route_options feed_options{.budget = feed_budget};
constexpr http::route_options download_options{.budget = std::chrono::seconds{5}};  // to find and open the file

task<response> admitted(shared_state& s, context& c, const http::handler& next) {
  response r = co_await next(c);
  s.web_apps.admit(c.in, r);
  co_return r;
}

task<response> tell_methods(shared_state& s, context& c) { co_return s.web_apps.preflight(c.in); }

task<response> show_auth_document(shared_state& s, context& c) {
  response r = http::json(auth_document(s.with.links.devices(c.in), s.with.links.pages(c.in), tongue_for(c)));
  r.set("Content-Type", std::string(auth_type));
  r.set("Cache-Control", "public, max-age=3600").set("Vary", "Accept-Language");
  co_return r;
}

task<response> show_icon(context& c) {
  http::validators tags{.etag = "\"" + sha256_hex(icon()).substr(0, 16) + "\"", .modified = std::nullopt};
  response r = http::unchanged(c.in, tags) ? http::not_modified(tags) : http::text(icon());
  if (r.status == 200) r.set("Content-Type", "image/png").set("ETag", tags.etag);
  r.set("Cache-Control", "public, max-age=86400");
  co_return r;
}

task<response> nothing_here(shared_state& s, context& c) {
  throw http::problem{404, "There is nothing at this address. The catalog is at " + s.with.links.devices(c.in) + "/opds."};
  co_return response{};
}

// Reads an address; what may be asked of it is told to anybody (opds.md 3.1).
struct adder {
  http::router &closed, &open;
  state s;

  void get(const std::string& path, http::handler run, const http::route_options& options) const {
    closed.add(http::verb::get, path, std::move(run), options);
    open.add(http::verb::options, path, [s = s](context& c) { return tell_methods(*s, c); });
  }
};

// The tree of one version. Which one a request is answered in goes by its address, too (negotiation.hpp).
void add_tree(const adder& to, const std::string& at) {
  const state& s = to.s;
  auto feed = [&](const std::string& path, auto show) {
    to.get(
        at + path, [s, show](context& c) { return show(*s, c); }, feed_options);
  };
  auto list = [&](const std::string& path, const list_kind& kind) {
    to.get(
        at + path, [s, &kind](context& c) { return show_list(*s, c, kind); }, feed_options);
  };
  auto names = [&](const std::string& path, library::names what) {
    to.get(
        at + path, [s, what](context& c) { return show_names(*s, c, what); }, feed_options);
  };
  feed("", show_root);
  feed("/catalog", show_root);
  feed("/reading", show_reading);
  feed("/ondeck", show_on_deck);
  feed("/sync", show_sync);
  list("/new", kinds::newest);
  list("/books", kinds::titles);
  if (s->shows_popular) list("/popular", kinds::popular);
  feed("/books/{id}", show_entry);
  feed("/random", show_random);
  feed("/search", show_search);

  feed("/shelves", show_shelves);
  names("/authors", library::names::authors);
  names("/series", library::names::series);
  names("/genres", library::names::genres);
  names("/tags", library::names::tags);
  names("/publishers", library::names::publishers);
  feed("/languages", show_languages);
  feed("/formats", show_formats);
  feed("/libraries", show_libraries);
  feed("/ratings", show_ratings);
  feed("/years", show_decades);
  for (const list_kind& kind : lists_by_path()) {
    std::string path = std::string(kind.path) + "/{id}";
    if (kind.of != library::selection::source::year) {
      list(path, kind);
      continue;
    }
    to.get(
        at + path, [s, &kind](context& c) { return show_years(*s, c, kind); }, feed_options);
  }
}

void add_feeds(const adder& to) {
  add_tree(to, "");
  add_tree(to, "/v2");
  const state& s = to.s;
  auto feed = [&](const std::string& path, auto show) {
    to.get(
        path, [s, show](context& c) { return show(*s, c); }, feed_options);
  };
  // What people type from habit (opds.md 2.2).
  for (const char* alias : {"/v1.2", "/v1.2/catalog", "/v1"}) feed(alias, show_root);
  feed("/search.xml", show_description);
}

// Books read piece by piece. A PDF's page may have to be drawn first, and a comic of which nothing is known yet be read.
void add_readable(const adder& to) {
  constexpr http::route_options patient{.budget = std::chrono::seconds{60}};
  const state& s = to.s;
  auto add = [&](const std::string& path, auto show) {
    to.get(
        path, [s, show](context& c) { return show(*s, c); }, patient);
  };
  add("/pse/{file}/{page}", show_streamed_page);
  add("/pages/{file}/{page}", show_original_page);
  add("/res/{file}/{path...}", show_resource);
  add("/audio/{file}/{track}", show_track);
  add("/v2/books/{book}/manifest", show_manifest);
  add("/v2/books/{book}/positions", show_positions);
}

task<response> tell_place_methods(shared_state& s, context& c) {
  response r = s.web_apps.preflight(c.in);
  r.set("Allow", "GET, HEAD, PUT, OPTIONS");
  co_return r;
}

// Their refusals are problem details.
void add_places(http::router& catalog, const state& s) {
  auto errors = [s](const context& c, const http::problem& p) {
    response r = problem_details(s->with.links, c, p);
    s->web_apps.admit(c.in, r);
    return r;
  };
  http::router& open = catalog.group("", errors);
  http::router& closed = open.group("", errors);
  closed.use(auth::require_basic(s->with.credentials, "opds"));
  constexpr http::route_options small{.body_limit = largest_place};
  auto add = [&](const std::string& path, auto show, auto put) {
    closed.add(
        http::verb::get, path, [s, show](context& c) { return show(*s, c); }, small);
    closed.add(
        http::verb::put, path, [s, put](context& c) { return put(*s, c); }, small);
    open.add(http::verb::options, path, [s](context& c) { return tell_place_methods(*s, c); });
  };
  add("/books/{book}/progression", show_progression, put_progression);
  add("/books/{book}/locator", show_locator, put_locator);
}

using renderer = std::function<response(const context&, const http::problem&)>;

void add_catalog(http::router& open, const state& s, const renderer& errors) {
  http::router& catalog = open.group("", errors);
  catalog.use(auth::require_basic(s->with.credentials, "opds"));
  adder shown{open, open, s}, guarded{catalog, open, s};
  shown.get("/auth.json", [s](context& c) { return show_auth_document(*s, c); }, {});
  shown.get("/icon.png", show_icon, {});
  open.otherwise([s](context& c) { return nothing_here(*s, c); });
  add_feeds(guarded);
  add_readable(guarded);
  add_places(open, s);
  guarded.get(
      "/dl/{file}/{name...}", [s](context& c) { return show_download(*s, c); }, download_options);
}

}  // namespace

api::api(services s) : state_(std::make_shared<shared_state>(std::move(s))) {}

void api::mount(http::router& root) {
  state s = state_;
  auto errors = [s](const context& c, const http::problem& p) {
    response r = render(s->with.links, c, p);
    s->web_apps.admit(c.in, r);
    return r;
  };
  // Not a coroutine itself: what it captures would not outlive its first wait.
  auto admit = [s](context& c, const http::handler& next) { return admitted(*s, c, next); };

  http::router& open = root.group("/opds", errors);
  open.use(admit);
  if (s->with.settings.on("opds.enabled"))
    add_catalog(open, s, errors);
  else
    open.otherwise([](context&) -> task<response> { throw http::problem{404, "The catalog is switched off on this server."}; });

  // Web pages show covers, too.
  http::router& covers = root.group("/covers", errors);
  covers.use(admit);
  adder pictures{covers, covers, s};
  pictures.get("/{book}/{size}", [s](context& c) { return show_cover(*s, c); }, {});
}

}  // namespace carrel::opds
