#pragma once
// One request for a page: who looks, in which words, and the frame around what is shown (product.md 4.1).

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "library/audit.hpp"
#include "library/user.hpp"
#include "web/site.hpp"

namespace carrel::web {

struct frame_counts {
  std::int64_t inbox = 0, errata = 0, jobs = 0;
};

struct visit {
  const site& at;
  http::context& c;
  const messages& say;
  std::optional<library::user> user;
  frame_counts counts;

  const uuid& id() const { return user->id; }
  bool may(library::capability what) const { return user && library::allows(user->may, what); }
  void need(library::capability) const;  // 404 without it: what one may not see does not exist
  library::actor actor() const { return {user->id, user->name}; }
  std::string href(std::string_view path) const { return base_of(at, c.in) + std::string(path); }
};

// Reads the account and the counts of the header. Without a session the visit has no user.
task<visit> visit_of(const site&, http::context&);

// The page inside the frame. `title` is text for people; `section` names the place in the navigation ("library").
struct page_head {
  std::string title;
  std::string section;
};
http::response show(const visit&, const page_head&, std::string_view page, view, unsigned status = 200);

// After a form: 303 to `path`, where a bar says what was done and offers to take it back. `done` is a key of the table in
// undo.cpp; `about` and `other` are what the undo form needs.
http::response done(const visit&, std::string_view path, std::string_view done, std::string_view about = "",
                    std::string_view other = "");
// The bar that the query of this request asks for; false when it asks for none.
bool undo_bar(const visit&, view& into);

// A problem as a page, for group errors.
http::response problem_page(const site&, const http::context&, const http::problem&);

void page_headers(const site&, const http::request&, http::response&);

// Refuses forms that another site sends to pages without a session (sign-in, set-up): there is no token to check yet.
void refuse_foreign_form(const site&, const http::request&);

}  // namespace carrel::web
