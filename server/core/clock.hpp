#pragma once
// The time of day, which tests can set. Waiting and deadlines use std::chrono::steady_clock and are not affected.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace carrel {

using instant = std::chrono::sys_time<std::chrono::microseconds>;

instant now();

// For tests: freeze the clock at a moment, or let it run again with nullopt.
void set_clock(std::optional<instant>);

std::int64_t unix_seconds(instant);

std::string rfc3339(instant);         // 2026-05-04T09:12:33Z
std::string rfc3339_micros(instant);  // 2026-05-04T09:12:33.123456Z
std::string http_date(instant);       // Mon, 04 May 2026 09:12:33 GMT

// Whole seconds; only the IMF-fixdate form that every client of today sends.
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view);

}  // namespace carrel
