#include "web/routes.hpp"

#include "server/auth/credentials.hpp"
#include "web/pages/bulk_pages.hpp"
#include "web/pages/curating.hpp"
#include "web/pages/pages.hpp"

namespace carrel::web {
namespace {

void mount_open(const site& at, http::router& r) {
  using http::verb;
  mount_all(at, r,
            {
                {verb::get, "/static/{file}", static_file},
                {verb::get, "/setup", setup_page},
                {verb::post, "/setup", setup_step},
                {verb::get, "/login", login_page},
                {verb::post, "/login", login},
                {verb::post, "/theme", theme_change},
                {verb::post, "/language", language_change},
            });
}

void mount_books(const site& at, http::router& r) {
  using http::verb;
  mount_all(at, r,
            {
                {verb::get, "/books", library_page},
                {verb::get, "/authors", authors_page},
                {verb::get, "/series", series_page},
                {verb::get, "/review", review_page},
                {verb::get, "/trash", trash_page},
                {verb::get, "/books/{id}", book_page},
                {verb::get, "/books/{id}/edit", book_edit_page},
                {verb::post, "/books/{id}/undo-edit", book_undo_edit},
                {verb::post, "/books/{id}/trash", book_trash},
                {verb::post, "/books/{id}/untrash", book_untrash},
                {verb::post, "/books/{id}/approve", book_approve},
                {verb::post, "/books/{id}/shelve", book_shelve},
                {verb::get, "/books/{id}/opinion", opinion_page},
                {verb::post, "/books/{id}/opinion", opinion_change},
                {verb::post, "/books/{id}/undo-opinion", opinion_undo},
                {verb::post, "/books/{id}/positions/{row}/restore", book_restore_position},
                {verb::post, "/books/{id}/positions/undo", book_undo_position},
                {verb::post, "/books/{id}/positions/{row}/remove", book_remove_position},
                {verb::post, "/books/{id}/positions/bring-back", book_bring_back_position},
            });
  r.add(verb::post, "/books/{id}/edit", bound(at, book_edit), {.body_limit = 1 << 20});
}

void mount_curating(const site& at, http::router& r) {
  using http::verb;
  mount_all(at, r,
            {
                {verb::get, "/review/approved", lately_page},
                {verb::post, "/review/approve", review_approve},
                {verb::post, "/books/{id}/reject", review_reject},
                {verb::post, "/books/{id}/unapprove", book_unapprove},
                {verb::get, "/books/{id}/metadata", book_metadata_page},
                {verb::post, "/books/{id}/metadata", book_take},
                {verb::post, "/books/{id}/lock", book_lock},
                {verb::post, "/books/{id}/unlock", book_unlock},
                {verb::post, "/books/{id}/changes/undo", book_undo_change},
                {verb::post, "/books/{id}/metadata/ask", book_ask},
                {verb::post, "/books/{id}/candidates/restore", candidate_restore},
                {verb::post, "/books/{id}/candidates/{candidate}/reject", candidate_reject},
                {verb::get, "/books/{id}/covers/{sha256}", offered_picture},
            });
}

void mount_shelves_and_devices(const site& at, http::router& r) {
  using http::verb;
  mount_all(at, r,
            {
                {verb::get, "/shelves", shelves_page},
                {verb::post, "/shelves", shelf_make},
                {verb::get, "/shelf", shelves_page},
                {verb::get, "/shelf/{id}", shelf_page},
                {verb::post, "/shelf/{id}", shelf_change},
                {verb::post, "/shelf/{id}/delete", shelf_delete},
                {verb::post, "/shelf/{id}/add", shelf_add},
                {verb::post, "/shelf/{id}/remove", shelf_remove},
                {verb::post, "/shelf/{id}/devices", shelf_devices},
                {verb::get, "/shelves/rule", rule_new_page},
                {verb::post, "/shelves/rule", rule_new},
                {verb::get, "/shelf/{id}/rule", rule_page},
                {verb::post, "/shelf/{id}/rule", rule_change},
                {verb::get, "/devices", devices_page},
                {verb::get, "/devices/add/{kind}", device_add_page},
                {verb::post, "/devices/add/{kind}", device_add},
                {verb::get, "/devices/{id}", device_page},
                {verb::post, "/devices/{id}/rotate", device_rotate},
                {verb::post, "/devices/{id}/seen", device_seen},
                {verb::post, "/devices/{id}/unseen", device_unseen},
                {verb::post, "/devices/{id}/revoke", device_revoke},
                {verb::post, "/devices/{id}/shelves", device_shelves},
                {verb::post, "/devices/{id}/again", kobo_again},
                {verb::post, "/devices/{id}/take-off", kobo_take_off},
                {verb::get, "/devices/{id}/reset", kobo_reset_page},
                {verb::post, "/devices/{id}/reset", kobo_reset},
                {verb::post, "/devices/{id}/pause", kobo_pause},
                {verb::post, "/devices/{id}/show", kobo_show},
                {verb::post, "/devices/{id}/take-back", kobo_take_back},
                {verb::post, "/devices/{id}/agree", kobo_agree},
                {verb::post, "/devices/{id}/choices", kobo_choices},
            });
  r.add(verb::get, "/devices/{id}/live", bound(at, kobo_live), {.budget = std::chrono::milliseconds{0}});
}

void mount_upkeep(const site& at, http::router& r) {
  using http::verb;
  mount_all(at, r,
            {
                {verb::get, "/errata", errata_page},
                {verb::post, "/errata/{id}/dismiss", errata_dismiss},
                {verb::post, "/errata/{id}/undismiss", errata_undismiss},
                {verb::post, "/errata/{id}/retry", errata_retry},
                {verb::get, "/errata/kinds/{kind}", errata_kind_page},
                {verb::post, "/errata/kinds/{kind}/put-off", errata_put_off},
                {verb::post, "/errata/kinds/{kind}/ignore", errata_ignore},
                {verb::post, "/errata/quiet/{id}/show", errata_show_again},
                {verb::post, "/errata/metadata/ask", errata_ask},
                {verb::get, "/documents/link", document_link_page},
                {verb::post, "/documents/link", document_link},
                {verb::post, "/documents/unlink", document_unlink},
                {verb::post, "/positions/{row}/accept", position_accept},
                {verb::post, "/positions/{row}/dismiss", position_dismiss},
                {verb::get, "/duplicates", duplicates_page},
                {verb::get, "/duplicates/{book}/{other}", duplicate_page},
                {verb::post, "/duplicates/merge", duplicates_merge},
                {verb::post, "/duplicates/both", duplicates_both},
                {verb::post, "/duplicates/{id}/ask-again", duplicates_ask_again},
                {verb::get, "/merges", merges_page},
                {verb::post, "/merges/{id}/undo", merge_undo},
                {verb::get, "/jobs", jobs_page},
                {verb::post, "/jobs/files/pause", files_pause},
                {verb::post, "/jobs/files/resume", files_resume},
                {verb::post, "/jobs/{id}/cancel", job_cancel},
                {verb::post, "/jobs/{id}/retry", job_retry},
                {verb::post, "/jobs/{id}/pause", job_pause},
                {verb::post, "/jobs/{id}/resume", job_resume},
                {verb::get, "/admin/sources", sources_page},
                {verb::post, "/admin/sources", sources_change},
                {verb::post, "/admin/sources/switch", source_switch},
                {verb::post, "/admin/sources/add", source_add},
                {verb::post, "/admin/sources/fetch", sources_fetch},
                {verb::post, "/admin/sources/pause", sources_pause},
                {verb::post, "/admin/sources/{source}/up", source_raise},
                {verb::post, "/admin/sources/{source}/key", source_key},
                {verb::post, "/admin/sources/{source}/key/drop", source_drop_key},
                {verb::post, "/admin/sources/{source}/test", source_test},
                {verb::post, "/admin/sources/{source}/drop", source_drop},
            });
}

void mount_libraries(const site& at, http::router& r) {
  using http::verb;
  mount_all(at, r,
            {
                {verb::get, "/libraries", libraries_page},
                {verb::post, "/libraries", library_add},
                {verb::get, "/libraries/{id}", library_one_page},
                {verb::post, "/libraries/{id}/scan", library_scan},
                {verb::post, "/libraries/{id}/verify", library_verify},
                {verb::post, "/libraries/{id}/remove", library_remove},
                {verb::post, "/libraries/{id}/restore", library_restore},
                {verb::post, "/libraries/{id}/pattern", library_pattern},
                {verb::post, "/libraries/{id}/take-new", library_take_new},
                {verb::get, "/libraries/{id}/write-back", library_writing_page},
                {verb::post, "/libraries/{id}/write-back", library_writing},
                {verb::post, "/errata/places/{id}/again", place_again},
                {verb::post, "/errata/places/{id}/dismiss", place_dismiss},
                {verb::post, "/errata/places/{id}/undismiss", place_undismiss},
                {verb::post, "/errata/files/{id}/look", file_look},
            });
}

void mount_accounts(const site& at, http::router& r) {
  using http::verb;
  mount_all(at, r,
            {
                {verb::get, "/account", account_page},
                {verb::post, "/account/password", account_password},
                {verb::post, "/account/appearance", account_appearance},
                {verb::post, "/account/positions", account_positions},
                {verb::post, "/account/keys", account_make_key},
                {verb::post, "/account/keys/{id}/revoke", account_revoke_key},
                {verb::get, "/people", people_page},
                {verb::post, "/people", person_add},
                {verb::post, "/people/{id}/role", person_role},
                {verb::post, "/people/{id}/disable", person_disable},
                {verb::post, "/people/{id}/enable", person_enable},
            });
}

// The sign-in check knows what a proxy says about the path; what the settings say is put in front here.
task<http::response> led_below_base(const site& at, http::context& c, const http::handler& next) {
  http::response out = co_await next(c);
  if (c.who || !c.in.prefix().empty()) co_return out;
  for (const char* name : {"Location", "HX-Redirect"}) {
    const std::string* page = out.find(name);
    if (page) out.set(name, base_of(at, c.in) + *page);
  }
  co_return out;
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
  people.use([&at](http::context& c, const http::handler& next) { return led_below_base(at, c, next); });
  people.use(auth::require_web_session());
  people.add(http::verb::get, "/", bound(at, home_page));
  people.add(http::verb::get, "/welcome", bound(at, welcome_page));
  people.add(http::verb::post, "/logout", bound(at, logout));
  people.add(http::verb::get, "/upload", bound(at, upload_page));
  mount_books(at, people);
  mount_curating(at, people);
  mount_bulk(at, people);
  mount_shelves_and_devices(at, people);
  mount_upkeep(at, people);
  mount_libraries(at, people);
  mount_accounts(at, people);

  // The token of this form is inside its multipart body, where the handler finds it.
  http::router& sending = r.group("", errors);
  sending.use(auth::web_session(at.with.credentials));
  sending.use(auth::require_web_session());
  http::route_options large{
      .body_limit = at.with.settings.bytes("http.max_upload"), .body_to_file = true, .budget = std::chrono::hours{2}};
  sending.add(http::verb::post, "/upload", bound(at, upload), large);
  http::route_options picture{.body_limit = 40 << 20, .body_to_file = true, .budget = std::chrono::minutes{10}};
  sending.add(http::verb::post, "/books/{id}/cover", bound(at, book_cover), picture);
  mount_bulk_uploads(at, sending);
}

}  // namespace carrel::web
