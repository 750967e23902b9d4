#pragma once

#include <vector>

#include "server/db/migrate.hpp"

namespace carrel::schema {

// schema/NNNN_name.sql in order, embedded at build.
const std::vector<db::migration>& migrations();

}  // namespace carrel::schema
