#pragma once
// Web publication manifests: reading without downloading (opds.md 10). Internal to opds.

#include "opds/state.hpp"

namespace carrel::opds {

task<http::response> show_manifest(shared_state&, http::context&);   // /opds/v2/books/{book}/manifest
task<http::response> show_positions(shared_state&, http::context&);  // /opds/v2/books/{book}/positions
task<http::response> show_resource(shared_state&, http::context&);   // /opds/res/{file}/{path...}
task<http::response> show_track(shared_state&, http::context&);      // /opds/audio/{file}/{track}

}  // namespace carrel::opds
