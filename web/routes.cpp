#include "web/routes.hpp"

#include "server/auth/credentials.hpp"
#include "web/pages/pages.hpp"

namespace carrel::web {
namespace {

void mount_open(const site& at, http::router& r) {
  using http::verb;
  r.add(verb::get, "/static/{file}", bound(at, static_file));
  r.add(verb::get, "/setup", bound(at, setup_page));
  r.add(verb::post, "/setup", bound(at, setup_step));
  r.add(verb::get, "/login", bound(at, login_page));
  r.add(verb::post, "/login", bound(at, login));
  r.add(verb::post, "/theme", bound(at, theme_change));
}

void mount_books(const site& at, http::router& r) {
  using http::verb;
  r.add(verb::get, "/books", bound(at, library_page));
  r.add(verb::get, "/authors", bound(at, authors_page));
  r.add(verb::get, "/series", bound(at, series_page));
  r.add(verb::get, "/review", bound(at, review_page));
  r.add(verb::get, "/trash", bound(at, trash_page));
  r.add(verb::get, "/books/{id}", bound(at, book_page));
  r.add(verb::get, "/books/{id}/edit", bound(at, book_edit_page));
  r.add(verb::post, "/books/{id}/edit", bound(at, book_edit), {.body_limit = 1024 * 1024});
  r.add(verb::post, "/books/{id}/undo-edit", bound(at, book_undo_edit));
  r.add(verb::post, "/books/{id}/trash", bound(at, book_trash));
  r.add(verb::post, "/books/{id}/untrash", bound(at, book_untrash));
  r.add(verb::post, "/books/{id}/approve", bound(at, book_approve));
  r.add(verb::post, "/books/{id}/shelve", bound(at, book_shelve));
  r.add(verb::post, "/books/{id}/positions/{row}/restore", bound(at, book_restore_position));
  r.add(verb::post, "/books/{id}/positions/undo", bound(at, book_undo_position));
}

void mount_shelves_and_devices(const site& at, http::router& r) {
  using http::verb;
  r.add(verb::get, "/shelves", bound(at, shelves_page));
  r.add(verb::post, "/shelves", bound(at, shelf_make));
  r.add(verb::get, "/shelf", bound(at, shelves_page));
  r.add(verb::get, "/shelf/{id}", bound(at, shelf_page));
  r.add(verb::post, "/shelf/{id}", bound(at, shelf_change));
  r.add(verb::post, "/shelf/{id}/delete", bound(at, shelf_delete));
  r.add(verb::post, "/shelf/{id}/add", bound(at, shelf_add));
  r.add(verb::post, "/shelf/{id}/remove", bound(at, shelf_remove));
  r.add(verb::post, "/shelf/{id}/devices", bound(at, shelf_devices));
  r.add(verb::get, "/devices", bound(at, devices_page));
  r.add(verb::get, "/devices/add/{kind}", bound(at, device_add_page));
  r.add(verb::post, "/devices/add/{kind}", bound(at, device_add));
  r.add(verb::get, "/devices/{id}", bound(at, device_page));
  r.add(verb::post, "/devices/{id}/rotate", bound(at, device_rotate));
  r.add(verb::post, "/devices/{id}/revoke", bound(at, device_revoke));
  r.add(verb::post, "/devices/{id}/shelves", bound(at, device_shelves));
}

void mount_upkeep(const site& at, http::router& r) {
  using http::verb;
  r.add(verb::get, "/errata", bound(at, errata_page));
  r.add(verb::post, "/errata/{id}/dismiss", bound(at, errata_dismiss));
  r.add(verb::post, "/errata/{id}/undismiss", bound(at, errata_undismiss));
  r.add(verb::post, "/errata/{id}/retry", bound(at, errata_retry));
  r.add(verb::post, "/documents/link", bound(at, document_link));
  r.add(verb::post, "/documents/unlink", bound(at, document_unlink));
  r.add(verb::post, "/positions/{row}/accept", bound(at, position_accept));
  r.add(verb::post, "/positions/{row}/dismiss", bound(at, position_dismiss));
  r.add(verb::get, "/jobs", bound(at, jobs_page));
  r.add(verb::post, "/jobs/{id}/cancel", bound(at, job_cancel));
  r.add(verb::post, "/jobs/{id}/retry", bound(at, job_retry));
}

void mount_accounts(const site& at, http::router& r) {
  using http::verb;
  r.add(verb::get, "/account", bound(at, account_page));
  r.add(verb::post, "/account/password", bound(at, account_password));
  r.add(verb::post, "/account/appearance", bound(at, account_appearance));
  r.add(verb::post, "/account/positions", bound(at, account_positions));
  r.add(verb::post, "/account/keys", bound(at, account_make_key));
  r.add(verb::post, "/account/keys/{id}/revoke", bound(at, account_revoke_key));
  r.add(verb::get, "/people", bound(at, people_page));
  r.add(verb::post, "/people", bound(at, person_add));
  r.add(verb::post, "/people/{id}/role", bound(at, person_role));
  r.add(verb::post, "/people/{id}/disable", bound(at, person_disable));
  r.add(verb::post, "/people/{id}/enable", bound(at, person_enable));
}

}  // namespace

pages::pages(services s) : site_(std::make_shared<site>(std::move(s))) {}
pages::~pages() = default;

void pages::mount(http::router& r) {
  const site& at = *site_;
  auto errors = [&at](const http::context& c, const http::problem& p) { return problem_page(at, c, p); };
  http::router& open = r.group("", errors);
  open.use(auth::web_session(at.with.credentials));
  open.use(auth::check_csrf());
  mount_open(at, open);
  open.otherwise(bound(at, not_found_page));

  http::router& people = open.group("", errors);
  people.use(auth::require_web_session());
  people.add(http::verb::get, "/", bound(at, home_page));
  people.add(http::verb::get, "/welcome", bound(at, welcome_page));
  people.add(http::verb::post, "/logout", bound(at, logout));
  people.add(http::verb::get, "/upload", bound(at, upload_page));
  mount_books(at, people);
  mount_shelves_and_devices(at, people);
  mount_upkeep(at, people);
  mount_accounts(at, people);

  // The token of this form is inside its multipart body, where the handler finds it.
  http::router& sending = r.group("", errors);
  sending.use(auth::web_session(at.with.credentials));
  sending.use(auth::require_web_session());
  http::route_options large{
      .body_limit = at.with.settings.bytes("http.max_upload"), .body_to_file = true, .budget = std::chrono::hours{2}};
  sending.add(http::verb::post, "/upload", bound(at, upload), large);
}

}  // namespace carrel::web
