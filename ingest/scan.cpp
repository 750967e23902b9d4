#include "ingest/scan.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "ingest/names.hpp"
#include "ingest/tracks.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

constexpr int deepest = 128;

class walker {
 public:
  walker(const std::vector<std::string>& ignore, const own_folders& own, const walk_visitor& visit)
      : ignore_(ignore), own_(own), visit_(visit) {}

  void folder(int parent, const char* name, const fs::path& path, int depth) {
    file fd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth > 0 ? O_NOFOLLOW : 0)));
    struct stat facts {};
    if (!fd || ::fstat(fd.get(), &facts) != 0) return trouble(path, "folder_unavailable");
    if (own_.contains({static_cast<std::int64_t>(facts.st_dev), static_cast<std::int64_t>(facts.st_ino)})) return ignored(path);
    if (depth > deepest) return trouble(path, "folder_too_deep");
    if (visit_.folder) visit_.folder(path);
    std::optional<std::vector<std::string>> names = list(fd.get());
    if (!names) trouble(path, "folder_unavailable");
    for (const std::string& entry : names.value_or(std::vector<std::string>())) {
      if (visit_.stop && visit_.stop()) break;
      one(fd.get(), entry, path / entry, depth);
    }
    if (visit_.left) visit_.left(path);
  }

 private:
  static std::optional<std::vector<std::string>> list(int fd) {
    int own = ::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (own < 0) return std::nullopt;
    std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(own), ::closedir);
    if (!dir) {
      ::close(own);
      return std::nullopt;
    }
    std::vector<std::string> out;
    while (dirent* e = ::readdir(dir.get())) {
      std::string name = e->d_name;
      if (name != "." && name != "..") out.push_back(std::move(name));
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  void one(int parent, const std::string& name, const fs::path& path, int depth) {
    struct stat facts {};
    if (::fstatat(parent, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) return;  // gone meanwhile
    if (S_ISDIR(facts.st_mode)) {
      if (ignored_folder(name, ignore_)) return ignored(path);
      return folder(parent, name.c_str(), path, depth + 1);
    }
    if (ignored_file(name, ignore_)) return ignored(path);
    if (is_sidecar(name))
      return S_ISREG(facts.st_mode) && visit_.beside ? visit_.beside(path, identity_of(facts)) : ignored(path);
    if (S_ISREG(facts.st_mode))
      visit_.file(path, identity_of(facts));
    else if (visit_.special)
      visit_.special(path, identity_of(facts));
  }

  void trouble(const fs::path& path, const char* code) {
    if (visit_.trouble) visit_.trouble(path, code);
  }
  void ignored(const fs::path& path) {
    if (visit_.ignored) visit_.ignored(path);
  }

  const std::vector<std::string>& ignore_;
  const own_folders& own_;
  const walk_visitor& visit_;
};

}  // namespace

own_folders folders_of(const library::store& store) {
  own_folders out;
  for (const char* name : {"staging", "library", "attic", "quarantine", "trash", "covers", "pg"}) {
    struct stat facts {};
    if (::stat((store.data() / name).c_str(), &facts) == 0)
      out.insert({static_cast<std::int64_t>(facts.st_dev), static_cast<std::int64_t>(facts.st_ino)});
  }
  return out;
}

bool inside_own(const fs::path& p, const own_folders& own) {
  std::error_code code;
  fs::path at = fs::weakly_canonical(p, code);
  if (code) return false;
  for (;; at = at.parent_path()) {
    struct stat facts {};
    if (::stat(at.c_str(), &facts) == 0 &&
        own.contains({static_cast<std::int64_t>(facts.st_dev), static_cast<std::int64_t>(facts.st_ino)}))
      return true;
    if (at == at.parent_path()) return false;
  }
}

void walk(const fs::path& root, const std::vector<std::string>& ignore, const own_folders& own, const walk_visitor& visit) {
  walker(ignore, own, visit).folder(AT_FDCWD, root.c_str(), root, 0);
}

listing list_folder(const fs::path& folder, const std::vector<std::string>& ignore) {
  listing out;
  std::error_code code;
  std::vector<fs::path> discs;
  for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
    std::string name = at->path().filename().native();
    std::optional<identity> who = ignored_file(name, ignore) ? std::nullopt : identity_at(at->path());
    if (who) (is_sidecar(name) ? out.beside : out.files).push_back({at->path().native(), *who});
    std::error_code gone;
    if (!who && is_disc_folder(name) && fs::is_directory(at->symlink_status(gone))) discs.push_back(at->path());
  }
  for (const fs::path& disc : discs) {
    for (fs::directory_iterator at(disc, code), end; !code && at != end; at.increment(code)) {
      std::string name = at->path().filename().native();
      std::optional<identity> who = is_recording(name) && !ignored_file(name, ignore) ? identity_at(at->path()) : std::nullopt;
      if (who) out.discs.push_back({at->path().native(), *who});
    }
  }
  return out;
}

fs::path plain_folder(const fs::path& p) {
  fs::path out = p.lexically_normal();
  return out.has_filename() || !out.has_relative_path() ? out : out.parent_path();
}

fs::path home_of(const fs::path& file, const fs::path& root) {
  fs::path folder = file.parent_path();
  bool of_a_disc = folder != root && is_recording(file.native()) && is_disc_folder(folder.filename().native());
  return of_a_disc ? folder.parent_path() : folder;
}

}  // namespace carrel::ingest
