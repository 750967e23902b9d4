#pragma once

#include "ingest/item.hpp"
#include "ingest/pipeline.hpp"

namespace carrel::ingest {

// What taking this file in would end with; nothing is written anywhere. `like` says how it would be taken (approve).
struct forecast {
  ending end;
  std::string sha256;
  std::optional<uuid> possible_duplicate_of;
};
forecast foresee(const services&, const finding&, const item& like);

}  // namespace carrel::ingest
