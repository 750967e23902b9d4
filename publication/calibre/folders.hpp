#pragma once
// Files of a library by the names that its database tells. For the files of this folder only.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/core/file.hpp"

namespace carrel::publication::calibre {

// Names are followed one by one from the library's folder on, never through a link and never out of it. A name that is not there
// as it is written is looked for in the other normal form and in any case: the library may have been copied from another system.
class folders {
 public:
  explicit folders(const std::filesystem::path& library);

  // The folder that `path` names, as it is written on disk; "" when there is none. It is the one that `file` looks into.
  std::string enter(const std::string& path);
  // An ordinary file of this name in it; its path below the library.
  std::string file_named(const std::string& name);

 private:
  std::optional<std::string> step(int folder, const std::string& name, bool to_folder, bool top);
  const std::map<std::string, std::string>& names_of(int folder, bool top);

  file root_, here_;
  std::string path_;
  std::optional<std::map<std::string, std::string>> root_names_, here_names_;
};

}  // namespace carrel::publication::calibre
