#pragma once
// Lists that are made for who asks (opds.md 12.3, 12.6, 13). Internal to opds.

#include "opds/pages.hpp"

namespace carrel::opds {

task<http::response> show_reading(shared_state&, http::context&);
task<http::response> show_on_deck(shared_state&, http::context&);
task<http::response> show_random(shared_state&, http::context&);
task<http::response> show_sync(shared_state&, http::context&);

}  // namespace carrel::opds
