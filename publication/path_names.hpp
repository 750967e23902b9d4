#pragma once
// Which of several paths a program outside means (kobo.md 10.1, opds.md 10.4). For the files of this folder only.

#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>

namespace carrel::publication {

// `given` may have a fragment, be percent-encoded, begin with a slash or lack the folder, when only one path ends so.
std::optional<std::size_t> path_meant(std::string_view given, std::size_t count,
                                      const std::function<std::string_view(std::size_t)>& path);

}  // namespace carrel::publication
