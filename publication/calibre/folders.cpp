#include "publication/calibre/folders.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <memory>

#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::calibre {
namespace {

constexpr std::size_t most_names = 200'000, most_steps = 16;

std::string key_of(const std::string& name) { return case_fold(nfc(replace_invalid_utf8(name))); }

bool is_step(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.size() <= 255 && name.find('/') == name.npos &&
         name.find('\0') == name.npos;
}

// Of two names with one key the first in the order of bytes.
std::map<std::string, std::string> list(int folder) {
  std::map<std::string, std::string> out;
  int own = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) return out;
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(own), ::closedir);
  if (!dir) {
    ::close(own);
    return out;
  }
  while (dirent* e = ::readdir(dir.get())) {
    std::string name = e->d_name;
    if (!is_step(name)) continue;
    auto [at, fresh] = out.try_emplace(key_of(name), name);
    if (!fresh && name < at->second) at->second = name;
    if (out.size() >= most_names) break;
  }
  return out;
}

}  // namespace

folders::folders(const std::filesystem::path& library) : root_(::open(library.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

const std::map<std::string, std::string>& folders::names_of(int folder, bool top) {
  std::optional<std::map<std::string, std::string>>& known = top ? root_names_ : here_names_;
  if (!known) known = list(folder);
  return *known;
}

std::optional<std::string> folders::step(int folder, const std::string& name, bool to_folder, bool top) {
  if (!is_step(name)) return std::nullopt;
  auto fits = [&](const std::string& n) {
    struct stat s {};
    return ::fstatat(folder, n.c_str(), &s, AT_SYMLINK_NOFOLLOW) == 0 && (to_folder ? S_ISDIR(s.st_mode) : S_ISREG(s.st_mode));
  };
  if (fits(name)) return name;
  const std::map<std::string, std::string>& names = names_of(folder, top);
  auto found = names.find(key_of(name));
  if (found == names.end() || !fits(found->second)) return std::nullopt;
  return found->second;
}

std::string folders::enter(const std::string& path) {
  path_.clear();
  here_ = file();
  here_names_.reset();
  std::vector<std::string> steps;
  for (std::size_t from = 0; from <= path.size();) {
    std::size_t to = std::min(path.find('/', from), path.size());
    if (to > from) steps.push_back(path.substr(from, to - from));
    from = to + 1;
  }
  if (!root_ || path.starts_with('/') || steps.empty() || steps.size() > most_steps) return {};
  std::string found;
  file at;
  for (const std::string& name : steps) {
    bool top = found.empty();
    int parent = top ? root_.get() : at.get();
    std::optional<std::string> real = step(parent, name, true, top);
    here_names_.reset();
    if (!real) return {};
    file next(::openat(parent, real->c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return {};
    at = std::move(next);
    found += (found.empty() ? "" : "/") + *real;
  }
  here_ = std::move(at);
  path_ = std::move(found);
  return path_;
}

std::string folders::file_named(const std::string& name) {
  if (!here_) return {};
  std::optional<std::string> real = step(here_.get(), name, false, false);
  return real ? path_ + "/" + *real : std::string();
}

}  // namespace carrel::publication::calibre
