#include "server/auth/credentials.hpp"
#include "web/api/bulk.hpp"
#include "web/api/call.hpp"
#include "web/api/changes.hpp"

namespace carrel::web {
namespace {

using http::verb;

answer unknown(const site&, http::context&) { not_there(); }

http::route_options large(const site& at) {
  return {.body_limit = at.with.settings.bytes("http.max_upload"), .body_to_file = true, .budget = std::chrono::hours{2}};
}

// A little more than the largest picture, so that it is refused with words.
http::route_options picture() { return {.body_limit = 40 << 20, .body_to_file = true, .budget = std::chrono::minutes{10}}; }

void mount_books(const site& at, http::router& r) {
  mount_all(at, r,
            {
                {verb::get, "/books", list_books},
                {verb::get, "/books/{id}", get_book},
                {verb::del, "/books/{id}", delete_book},
                {verb::post, "/books/{id}/restore", restore_book},
                {verb::post, "/books/{id}/merge", post_merge},
                {verb::post, "/merges/{id}/undo", post_merge_undo},
                {verb::get, "/books/{id}/files/{file}", get_file},
                {verb::get, "/books/{id}/cover", get_cover},
                {verb::get, "/books/{id}/opinion", get_opinion},
                {verb::put, "/books/{id}/opinion", put_opinion},
                {verb::post, "/books/{id}/metadata", post_metadata},
                {verb::get, "/books/{id}/candidates", list_candidates},
                {verb::get, "/books/{id}/candidates/{candidate}/cover", get_candidate_cover},
                {verb::get, "/books/{id}/positions", list_positions},
                {verb::post, "/books/{id}/positions/{row}/restore", restore_position},
                {verb::post, "/books/{id}/candidates/{candidate}/apply", apply_candidate},
                {verb::get, "/books/{id}/changes", list_changes},
                {verb::post, "/books/{id}/changes/{group}/undo", undo_change},
                {verb::put, "/books/{id}/locks/{field}", lock_field},
                {verb::del, "/books/{id}/locks/{field}", unlock_field},
            });
  r.add(verb::post, "/books", bound(at, post_book), large(at));
  r.add(verb::patch, "/books/{id}", bound(at, patch_book), {.body_limit = 1 << 20});
  r.add(verb::put, "/books/{id}/cover", bound(at, put_cover), picture());
  r.add(verb::put, "/books/{id}/files/{file}", bound(at, put_file), large(at));
}

void mount_shelves_and_devices(const site& at, http::router& r) {
  mount_all(at, r,
            {
                {verb::get, "/shelves", list_shelves},
                {verb::post, "/shelves", post_shelf},
                {verb::post, "/shelves/preview", preview_shelf},
                {verb::get, "/shelves/{id}", get_shelf},
                {verb::patch, "/shelves/{id}", patch_shelf},
                {verb::del, "/shelves/{id}", delete_shelf},
                {verb::put, "/shelves/{id}/books/{book}", put_shelf_book},
                {verb::del, "/shelves/{id}/books/{book}", delete_shelf_book},
                {verb::get, "/devices", list_devices},
                {verb::post, "/devices", post_device},
                {verb::get, "/devices/{id}", get_device},
                {verb::del, "/devices/{id}", delete_device},
                {verb::patch, "/devices/{id}", patch_device},
                {verb::post, "/devices/{id}/rotate", rotate_device},
                {verb::get, "/devices/{id}/books", get_device_books},
                {verb::post, "/devices/{id}/resend", resend_device_books},
                {verb::post, "/devices/{id}/restore", restore_device_books},
                {verb::get, "/devices/{id}/reset-sync", preview_device_reset},
                {verb::post, "/devices/{id}/reset-sync", reset_device},
                {verb::del, "/devices/{id}/reset-sync", take_back_device},
                {verb::put, "/devices/{id}/shelves/{shelf}", put_device_shelf},
                {verb::del, "/devices/{id}/shelves/{shelf}", delete_device_shelf},
            });
}

void mount_upkeep(const site& at, http::router& r) {
  mount_all(at, r,
            {
                {verb::get, "/documents/unknown", list_unknown},
                {verb::put, "/documents/{document}/book", put_document_book},
                {verb::get, "/errata", list_errata},
                {verb::get, "/libraries", list_libraries},
                {verb::post, "/libraries", post_library},
                {verb::get, "/libraries/{id}", get_library},
                {verb::del, "/libraries/{id}", delete_library},
                {verb::post, "/libraries/{id}/pattern", post_pattern},
                {verb::get, "/libraries/{id}/write-back", get_write_back},
                {verb::put, "/libraries/{id}/write-back", put_write_back},
                {verb::post, "/libraries/{id}/scan", scan_library},
                {verb::post, "/libraries/{id}/verify", verify_library},
                {verb::get, "/jobs", list_jobs},
                {verb::get, "/jobs/{id}", get_job},
            });
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
  mount_bulk_api(at, known);
  mount_shelves_and_devices(at, known);
  mount_upkeep(at, known);
}

}  // namespace carrel::web
