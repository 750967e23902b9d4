#pragma once
// The history of a book's fields over the API, and taking what sources say.

#include "web/api/call.hpp"

namespace carrel::web {

answer apply_candidate(const site&, http::context&);
answer list_changes(const site&, http::context&);
answer undo_change(const site&, http::context&);
answer lock_field(const site&, http::context&);
answer unlock_field(const site&, http::context&);

}  // namespace carrel::web
