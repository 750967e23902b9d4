#include "server/auth/credentials.hpp"
#include "web/api/call.hpp"

namespace carrel::web {
namespace {

using http::verb;

answer unknown(const site&, http::context&) { not_there(); }

http::route_options large(const site& at) {
  return {.body_limit = at.with.settings.bytes("http.max_upload"), .body_to_file = true, .budget = std::chrono::hours{2}};
}

void mount_books(const site& at, http::router& r) {
  r.add(verb::get, "/books", bound(at, list_books));
  r.add(verb::post, "/books", bound(at, post_book), large(at));
  r.add(verb::get, "/books/{id}", bound(at, get_book));
  r.add(verb::patch, "/books/{id}", bound(at, patch_book), {.body_limit = 1024 * 1024});
  r.add(verb::del, "/books/{id}", bound(at, delete_book));
  r.add(verb::get, "/books/{id}/files/{file}", bound(at, get_file));
  r.add(verb::put, "/books/{id}/files/{file}", bound(at, put_file), large(at));
  r.add(verb::get, "/books/{id}/cover", bound(at, get_cover));
  r.add(verb::get, "/books/{id}/positions", bound(at, list_positions));
  r.add(verb::post, "/books/{id}/positions/{row}/restore", bound(at, restore_position));
}

void mount_shelves_and_devices(const site& at, http::router& r) {
  r.add(verb::get, "/shelves", bound(at, list_shelves));
  r.add(verb::post, "/shelves", bound(at, post_shelf));
  r.add(verb::get, "/shelves/{id}", bound(at, get_shelf));
  r.add(verb::patch, "/shelves/{id}", bound(at, patch_shelf));
  r.add(verb::del, "/shelves/{id}", bound(at, delete_shelf));
  r.add(verb::put, "/shelves/{id}/books/{book}", bound(at, put_shelf_book));
  r.add(verb::del, "/shelves/{id}/books/{book}", bound(at, delete_shelf_book));
  r.add(verb::get, "/devices", bound(at, list_devices));
  r.add(verb::post, "/devices", bound(at, post_device));
  r.add(verb::get, "/devices/{id}", bound(at, get_device));
  r.add(verb::del, "/devices/{id}", bound(at, delete_device));
  r.add(verb::post, "/devices/{id}/rotate", bound(at, rotate_device));
  r.add(verb::put, "/devices/{id}/shelves/{shelf}", bound(at, put_device_shelf));
  r.add(verb::del, "/devices/{id}/shelves/{shelf}", bound(at, delete_device_shelf));
}

void mount_upkeep(const site& at, http::router& r) {
  r.add(verb::get, "/documents/unknown", bound(at, list_unknown));
  r.add(verb::put, "/documents/{document}/book", bound(at, put_document_book));
  r.add(verb::get, "/errata", bound(at, list_errata));
  r.add(verb::get, "/jobs", bound(at, list_jobs));
  r.add(verb::get, "/jobs/{id}", bound(at, get_job));
  r.add(verb::get, "/events", bound(at, get_events), {.budget = std::chrono::milliseconds{0}});
}

}  // namespace

api::api(services s) : site_(std::make_shared<site>(std::move(s))) {}
api::~api() = default;

void api::mount(http::router& r) {
  const site& at = *site_;
  http::router& open = r.group("/api/v1", api_problem);
  open.add(verb::post, "/session", bound(at, open_session));
  open.add(verb::get, "/openapi.json", bound(at, openapi));
  open.otherwise(bound(at, unknown));

  http::router& known = open.group("", api_problem);
  known.use(auth::api_principal(at.with.credentials));
  known.use(auth::check_csrf());
  known.add(verb::del, "/session", bound(at, close_session));
  mount_books(at, known);
  mount_shelves_and_devices(at, known);
  mount_upkeep(at, known);
}

}  // namespace carrel::web
