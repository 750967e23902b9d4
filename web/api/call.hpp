#pragma once
// What the functions of the API share (contract.md 4).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/audit.hpp"
#include "library/user.hpp"
#include "server/core/clock.hpp"
#include "server/core/json.hpp"
#include "web/site.hpp"

namespace carrel::web {

using answer = task<http::response>;

struct caller {
  const site& at;
  http::context& c;
  library::user user;

  const uuid& id() const { return user.id; }
  bool may(library::capability) const;   // of the account and of the key it shows
  void need(library::capability) const;  // 404 without it
  library::actor actor() const { return {user.id, user.name}; }
};

task<caller> caller_of(const site&, http::context&);

[[noreturn]] void not_there();                                                               // 404
[[noreturn]] void invalid(const std::string& message, const std::string& code = "invalid");  // 422
json::object body_of(const http::context&);                                                  // 400 when it is no JSON object
int limit_of(const http::request&);                                                          // 1 to 200, default 50; else 400
std::string books_base(const site&, const http::request&);                                   // "/api/v1/books" as clients see it

http::response json_list(json::array items, const std::string& next);  // next "": null
answer book_object(const caller&, uuid id);                            // of one book; 404 when the caller does not see it
http::response json_object(const json::object&, unsigned status = 200);

// A page of a list that is in memory; the token is the place.
struct slice {
  std::size_t first = 0, count = 0;
  std::string next;
};
slice slice_of(const http::request&, const std::string& list, std::size_t size);

// The same for a list from which entries go between two pages: the token names the last entry and not a number. `places` are in
// the order of the list: by group, in it newest first, then by id downwards.
struct place {
  int group = 0;
  instant at{};
  std::string id;
  bool before(const place&) const;
};
slice slice_after(const http::request&, const std::string& list, const std::vector<place>& places);

http::response api_problem(const http::context&, const http::problem&);

// A cover in a size that is kept: the next larger one than asked for, or the largest.
int cover_width(const http::request&);
answer cover_answer(const site&, http::context&, library::cover_ref, int width);

answer open_session(const site&, http::context&);
answer close_session(const site&, http::context&);
answer openapi(const site&, http::context&);
answer list_books(const site&, http::context&);
answer get_book(const site&, http::context&);
answer post_book(const site&, http::context&);
answer patch_book(const site&, http::context&);
answer delete_book(const site&, http::context&);
answer restore_book(const site&, http::context&);
answer post_merge(const site&, http::context&);
answer post_merge_undo(const site&, http::context&);
answer get_file(const site&, http::context&);
answer put_file(const site&, http::context&);
answer put_cover(const site&, http::context&);
answer get_cover(const site&, http::context&);
answer get_opinion(const site&, http::context&);
answer put_opinion(const site&, http::context&);
answer post_metadata(const site&, http::context&);
answer list_candidates(const site&, http::context&);
answer get_candidate_cover(const site&, http::context&);
answer list_shelves(const site&, http::context&);
answer post_shelf(const site&, http::context&);
answer get_shelf(const site&, http::context&);
answer patch_shelf(const site&, http::context&);
answer delete_shelf(const site&, http::context&);
answer preview_shelf(const site&, http::context&);
answer put_shelf_book(const site&, http::context&);
answer delete_shelf_book(const site&, http::context&);
answer list_devices(const site&, http::context&);
answer post_device(const site&, http::context&);
answer get_device(const site&, http::context&);
answer delete_device(const site&, http::context&);
answer rotate_device(const site&, http::context&);
answer patch_device(const site&, http::context&);
answer get_device_books(const site&, http::context&);
answer resend_device_books(const site&, http::context&);
answer restore_device_books(const site&, http::context&);
answer preview_device_reset(const site&, http::context&);
answer reset_device(const site&, http::context&);
answer take_back_device(const site&, http::context&);
answer put_device_shelf(const site&, http::context&);
answer delete_device_shelf(const site&, http::context&);
answer list_positions(const site&, http::context&);
answer restore_position(const site&, http::context&);
answer list_unknown(const site&, http::context&);
answer put_document_book(const site&, http::context&);
answer list_errata(const site&, http::context&);
answer list_libraries(const site&, http::context&);
answer post_library(const site&, http::context&);
answer get_library(const site&, http::context&);
answer delete_library(const site&, http::context&);
answer post_pattern(const site&, http::context&);
answer get_write_back(const site&, http::context&);
answer put_write_back(const site&, http::context&);
answer scan_library(const site&, http::context&);
answer verify_library(const site&, http::context&);
answer list_jobs(const site&, http::context&);
answer get_job(const site&, http::context&);
answer get_events(const site&, http::context&);

}  // namespace carrel::web
