#pragma once
// timestamptz as text. Years are wider here than std::chrono::year, as PostgreSQL's are.

#include <optional>
#include <string>
#include <string_view>

#include "server/core/clock.hpp"

namespace carrel::db {

std::string timestamp_text(instant);  // 2026-05-04 09:12:33.123456+00

// Any output of PostgreSQL with DateStyle ISO: offsets +02, +05:30, -00:01:15, years before Christ. infinity is the
// last instant, -infinity the first.
std::optional<instant> parse_timestamp(std::string_view);

}  // namespace carrel::db
