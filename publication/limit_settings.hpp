#pragma once
// The limits of ingest.md 20 as an installation has set them, and on their way to the processes that keep to them.

#include <string>
#include <string_view>

#include "publication/open.hpp"
#include "server/core/config.hpp"
#include "server/core/error.hpp"

namespace carrel::publication {

limits limits_from(const config&);  // limit.*, ingest.hash_large_audio

std::string limits_json(const limits&);
result<limits, refusal> limits_from_json(std::string_view);

}  // namespace carrel::publication
