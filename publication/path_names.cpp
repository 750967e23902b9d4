#include "publication/path_names.hpp"

#include <string>

#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

bool is_suffix_path(std::string_view whole, std::string_view part) {
  return !part.empty() && whole.size() > part.size() && whole.ends_with(part) && whole[whole.size() - part.size() - 1] == '/';
}

}  // namespace

std::optional<std::size_t> path_meant(std::string_view given, std::size_t count,
                                      const std::function<std::string_view(std::size_t)>& path) {
  auto known = [&](std::string_view wanted) -> std::optional<std::size_t> {
    while (wanted.starts_with('/')) wanted.remove_prefix(1);
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < count; ++i) {
      if (path(i) == wanted) return i;
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (!is_suffix_path(path(i), wanted)) continue;
      if (found && path(*found) != path(i)) return std::nullopt;
      if (!found) found = i;
    }
    return found;
  };
  std::string_view without_fragment = given.substr(0, given.find('#'));
  if (std::optional<std::size_t> found = known(without_fragment)) return found;
  std::optional<std::string> plain = percent_decode(without_fragment);
  return plain ? known(*plain) : std::nullopt;
}

}  // namespace carrel::publication
