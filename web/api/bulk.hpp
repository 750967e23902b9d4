#pragma once
// Bulk runs for programs: a preview, its run, its undo.

#include "web/site.hpp"

namespace carrel::web {

void mount_bulk_api(const site&, http::router&);

}  // namespace carrel::web
