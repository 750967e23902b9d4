#pragma once
// Bytes of books and covers. Internal to opds.

#include "opds/state.hpp"

namespace carrel::opds {

task<http::response> show_download(shared_state&, http::context&);
task<http::response> show_cover(shared_state&, http::context&);

}  // namespace carrel::opds
