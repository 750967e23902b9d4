#pragma once
// The book that an address names. Internal to opds.

#include "library/book.hpp"
#include "opds/state.hpp"

namespace carrel::opds {

// {book} of the path, or the one that it was merged into. Throws 404 for what is not in the catalog for this account.
task<library::book> find_readable_book(shared_state&, http::context&);

}  // namespace carrel::opds
