#include "ingest/paths.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "library/store.hpp"
#include "publication/fingerprint.hpp"

namespace carrel::ingest {
namespace {

constexpr int for_reading = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

result<source> opened(int descriptor) {
  file fd(descriptor);
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return error{"source_gone", "there is no such file"};
    if (errno == ELOOP || errno == ENXIO) return error{"not_a_regular_file", "link or device"};
    return error{"source_unreadable", std::strerror(errno)};
  }
  struct stat s {};
  if (::fstat(fd.get(), &s) != 0) return error{"source_unreadable", std::strerror(errno)};
  if (!S_ISREG(s.st_mode)) return error{"not_a_regular_file", "folder or device"};
  return source{std::move(fd), identity_of(s)};
}

}  // namespace

identity identity_of(const struct stat& s) {
  return {static_cast<std::int64_t>(s.st_dev), static_cast<std::int64_t>(s.st_ino), static_cast<std::int64_t>(s.st_size),
          static_cast<std::int64_t>(s.st_mtim.tv_sec) * 1'000'000'000 + s.st_mtim.tv_nsec};
}

std::optional<identity> identity_at(const std::filesystem::path& p) {
  struct stat s {};
  if (::lstat(p.c_str(), &s) != 0 || !S_ISREG(s.st_mode)) return std::nullopt;
  return identity_of(s);
}

result<source> open_source(const std::filesystem::path& p) { return opened(::open(p.c_str(), for_reading)); }

result<source> open_below(const std::filesystem::path& root, const std::filesystem::path& p) {
  std::filesystem::path inside = p.lexically_relative(root);
  if (inside.empty() || *inside.begin() == "..") return error{"source_gone", "not in that folder"};
  file folder(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const std::filesystem::path& name : inside.parent_path()) {
    if (folder) folder = file(::openat(folder.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  return opened(folder ? ::openat(folder.get(), inside.filename().c_str(), for_reading) : -1);
}

bool is_there(const std::filesystem::path& p) { return identity_at(p).has_value(); }

std::optional<error> make_synced_folder(const std::filesystem::path& p) {
  if (::mkdir(p.c_str(), 0750) != 0) {
    if (errno == EEXIST) return std::nullopt;
    return error{errno == ENOSPC || errno == EDQUOT ? "disk_full" : "store_unwritable", std::strerror(errno)};
  }
  return library::sync_folder(p.parent_path());
}

std::optional<error> remove_synced(const std::filesystem::path& p) {
  if (::unlink(p.c_str()) != 0 && errno != ENOENT) return error{"source_unreadable", std::strerror(errno)};
  return library::sync_folder(p.parent_path());
}

std::optional<std::string> sha256_of(const std::filesystem::path& p) {
  result<source> in = open_source(p);
  if (!in) return std::nullopt;
  result<std::string> found = publication::sha256_of(in->handle.get());
  return found ? std::optional(std::move(*found)) : std::nullopt;
}

}  // namespace carrel::ingest
