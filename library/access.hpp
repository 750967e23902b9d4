#pragma once
// Who may see and do what (product.md 8). Roles are bundles of capabilities; code asks for capabilities.
// Which books an account sees is the SQL function visible_books(viewer), schema/0002_books.sql: every statement that shows
// books, or names, counts and files that come from books, selects from it.

#include <optional>
#include <string>
#include <string_view>

#include "server/core/uuid.hpp"

namespace carrel::library {

enum class role { owner, librarian, reader, limited };
std::string_view name_of(role);
std::optional<role> parse_role(std::string_view);

enum class capability {
  download,        // book files
  shelve,          // make and fill own shelves
  keep_devices,    // add and remove own devices
  upload,          // add books to the inbox
  curate,          // review, edit metadata, merge, trash and restore
  see_all_errata,  // errata of everybody (not devices)
  run_jobs,        // libraries, sources, jobs
  administer,      // people, backup, tokens of others, settings, audit
};

// What the account may do; the switches are those of the users row.
struct rights {
  role is = role::limited;
  bool may_download = true, may_upload = false, may_shelve = true;
};
bool allows(const rights&, capability);

}  // namespace carrel::library
