#pragma once
// Reading positions from streaming, where the owner wants them (setting opds.stream_positions, opds.md 8.3). Internal to opds.

#include "opds/state.hpp"

namespace carrel::opds {

// A page, from 0, was handed to a device. That it was read is believed only forwards, one or two pages after one that the same
// device was handed two seconds before or earlier; no book is finished by it. No answer waits for this.
void note_page_turn(shared_state&, const http::context&, const uuid& file, int page, int pages);

}  // namespace carrel::opds
