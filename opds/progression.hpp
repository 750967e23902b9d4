#pragma once
// Where a reader is in a book, told to and by apps over the catalog (opds.md 11). Internal to opds.

#include "opds/state.hpp"

namespace carrel::opds {

task<http::response> show_progression(shared_state&, http::context&);  // /opds/books/{book}/progression
task<http::response> put_progression(shared_state&, http::context&);
task<http::response> show_locator(shared_state&, http::context&);  // /opds/books/{book}/locator
task<http::response> put_locator(shared_state&, http::context&);

inline constexpr std::uint64_t largest_place = 16 << 10;

// A refusal as problem details (RFC 9457); without credentials the authentication document, as everywhere.
http::response problem_details(const http::links&, const http::context&, const http::problem&);

}  // namespace carrel::opds
