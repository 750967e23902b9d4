#pragma once
// The map that a Kobo stores at initialization and calls by ever after (kobo.md 5, Appendix A).

#include <array>
#include <string>
#include <string_view>

namespace carrel::kobo {

struct resource {
  std::string_view key, value;
};
extern const std::array<resource, 188> store_resources;  // those that are the same for everybody

// The whole answer, {"Resources":{...}}: the same bytes for the same base. `base`: address of the device with its token;
// `origin`: scheme and host alone, which is all that the device keeps of the reading services' address. `accounts`: where the
// device gets its tokens; "" from us.
std::string initialization_json(std::string_view base, std::string_view origin, std::string_view accounts = "");

}  // namespace carrel::kobo
