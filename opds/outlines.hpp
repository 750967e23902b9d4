#pragma once
// What is known of the inside of files that are read piece by piece (opds.md 8.2: made once and stored). Internal to opds.

#include <memory>
#include <string>
#include <vector>

#include "opds/state.hpp"
#include "opds/stored_file.hpp"
#include "publication/outline.hpp"

namespace carrel::opds {

// Reads what nobody has read yet, in an isolated process. Null when the file cannot be read so.
task<std::shared_ptr<const publication::outline>> outline_of(shared_state&, const stored_file&);

// Nothing could be looked at just now: 503.
http::problem too_busy();

// Formats whose pages are shown one by one.
bool has_pictures(const std::string& format);
// Of these the feeds offer a stream: comics, and PDFs when the owner wants their pages drawn (opds.md 8.1).
std::vector<std::string> streamed_formats(const config&);

}  // namespace carrel::opds
