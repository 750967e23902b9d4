#include <algorithm>

#include "web/pages/bulk_pages.hpp"
#include "web/pages/table.hpp"

namespace carrel::web {

void mount_bulk(const site& at, http::router& r) {
  using http::verb;
  mount_all(at, r,
            {
                {verb::post, "/books/{id}/cell", save_cell},
                {verb::get, "/bulk", bulk_list_page},
                {verb::post, "/bulk", bulk_start},
                {verb::get, "/bulk/import", csv_import_page},
                {verb::get, "/bulk/{id}", bulk_page},
                {verb::post, "/bulk/{id}/run", bulk_begin},
                {verb::post, "/bulk/{id}/undo", bulk_undo},
                {verb::post, "/bulk/{id}/cancel", bulk_cancel},
                {verb::post, "/bulk/{id}/go-on", bulk_go_on},
                {verb::post, "/bulk/{id}/drop", bulk_drop},
                {verb::get, "/attic", attic_page},
                {verb::get, "/attic/{id}/file", attic_download},
                {verb::post, "/attic/{id}/restore", attic_restore},
                {verb::get, "/quarantine", quarantine_page},
                {verb::get, "/quarantine/{id}/file", quarantine_download},
                {verb::post, "/quarantine/{id}/retry", quarantine_retry},
                {verb::post, "/quarantine/{id}/discard", quarantine_discard},
                {verb::post, "/quarantine/{id}/keep", quarantine_keep},
            });
  r.add(verb::post, "/bulk/{id}/plan", bound(at, bulk_plan), {.body_limit = 1 << 20});
  // The whole library, as fast as it is taken.
  r.add(verb::get, "/books.csv", bound(at, csv_export), {.budget = std::chrono::hours{2}});
  r.add(verb::get, "/account/export", bound(at, account_export), {.budget = std::chrono::hours{2}});
  r.add(verb::post, "/books/export", bound(at, export_chosen), {.budget = std::chrono::hours{2}});
  r.add(verb::post, "/books/ask", bound(at, ask_chosen));
}

void mount_bulk_uploads(const site& at, http::router& r) {
  std::uint64_t limit = std::min<std::uint64_t>(at.with.settings.bytes("http.max_upload"), std::uint64_t{256} << 20);
  http::route_options table{.body_limit = limit, .body_to_file = true, .budget = std::chrono::minutes{30}};
  r.add(http::verb::post, "/bulk/import", bound(at, csv_import), table);
}

}  // namespace carrel::web
