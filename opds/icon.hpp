#pragma once

#include <string>

namespace carrel::opds {

// The mark that apps show beside the catalog: a square PNG (opds.md 5.3), served to anybody at /opds/icon.png.
const std::string& icon();
inline constexpr int icon_size = 128;

}  // namespace carrel::opds
