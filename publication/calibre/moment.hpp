#pragma once
// Times as Calibre writes them, in its database and beside its books (ingest.md 15.1, 16.3).

#include <optional>
#include <string>

#include "server/core/clock.hpp"

namespace carrel::publication::calibre {

// "2020-01-02 03:04:05.123456+00:00", as Python writes it, or with a T. Nothing for what lies before 1970 or in the future.
std::optional<instant> moment(const std::string&);

}  // namespace carrel::publication::calibre
