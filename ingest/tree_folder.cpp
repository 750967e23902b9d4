#include "ingest/tree_folder.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "publication/fingerprint.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

bool write_all(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(to, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool copy_all(int from, int to) {
  std::vector<char> piece(1 << 20);
  for (off_t at = 0;;) {
    ssize_t n = ::pread(from, piece.data(), piece.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n == 0;
    if (!write_all(to, {piece.data(), static_cast<std::size_t>(n)})) return false;
    at += n;
  }
}

}  // namespace

error unwritable(int code, const std::string& what) {
  if (code == ENOSPC || code == EDQUOT) return {"disk_full", "no space left"};
  return {"store_unwritable", what + ": " + std::strerror(code)};
}

result<tree_folder> tree_folder::open(const fs::path& root, const fs::path& below) {
  constexpr int folder = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  file at(::open(root.c_str(), folder));
  if (!at) return error{"folder_unavailable", root.native() + ": " + std::strerror(errno)};
  for (const fs::path& name : below) {
    file next(::openat(at.get(), name.c_str(), folder | O_NOFOLLOW));
    if (!next) {
      bool gone = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
      return error{gone ? "source_gone" : "folder_unavailable", (root / below).native() + ": " + std::strerror(errno)};
    }
    at = std::move(next);
  }
  return tree_folder(std::move(at), below.empty() ? root : root / below);
}

result<source> tree_folder::open_file(const std::string& name) const {
  file fd(::openat(handle_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd && errno == ELOOP) return error{"not_a_regular_file", (path_ / name).native()};
  if (!fd)
    return error{errno == ENOENT ? "source_gone" : "source_unreadable", (path_ / name).native() + ": " + std::strerror(errno)};
  struct stat s {};
  if (::fstat(fd.get(), &s) != 0 || !S_ISREG(s.st_mode)) return error{"not_a_regular_file", (path_ / name).native()};
  return source{std::move(fd), identity_of(s)};
}

std::optional<std::string> tree_folder::sha256(const std::string& name) const {
  result<source> in = open_file(name);
  if (!in) return std::nullopt;
  result<std::string> out = publication::sha256_of(in->handle.get());
  return out ? std::optional(std::move(*out)) : std::nullopt;
}

bool tree_folder::has(const std::string& name) const {
  struct stat s {};
  return ::fstatat(handle_.get(), name.c_str(), &s, AT_SYMLINK_NOFOLLOW) == 0;
}

std::optional<error> tree_folder::write_new(const std::string& name, std::string_view bytes) const {
  ::unlinkat(handle_.get(), name.c_str(), 0);
  file out(::openat(handle_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640));
  if (out && write_all(out.get(), bytes) && ::fsync(out.get()) == 0) return std::nullopt;
  error why = unwritable(errno, (path_ / name).native());
  ::unlinkat(handle_.get(), name.c_str(), 0);
  return why;
}

std::optional<error> tree_folder::copy_new(const std::string& name, int from) const {
  file out(::openat(handle_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640));
  if (!out && errno == EEXIST) return error{"target_exists", (path_ / name).native()};
  if (!out) return unwritable(errno, (path_ / name).native());
  if (copy_all(from, out.get()) && ::fsync(out.get()) == 0) return std::nullopt;
  error why = unwritable(errno, (path_ / name).native());
  ::unlinkat(handle_.get(), name.c_str(), 0);
  return why;
}

std::optional<error> tree_folder::put(const std::string& fresh, const std::string& name) const {
  int at = handle_.get();
  if (::renameat2(at, fresh.c_str(), at, name.c_str(), RENAME_NOREPLACE) == 0) return sync();
  if (errno == EINVAL || errno == ENOSYS) {  // a file system without the flag
    if (::linkat(at, fresh.c_str(), at, name.c_str(), 0) == 0) {
      remove(fresh);
      return sync();
    }
  }
  return errno == EEXIST ? error{"target_exists", (path_ / name).native()} : unwritable(errno, (path_ / name).native());
}

std::optional<error> tree_folder::exchange(const std::string& fresh, const std::string& name,
                                           const std::function<bool(const source&)>& expected) const {
  int at = handle_.get();
  const error changed{"target_changed", (path_ / name).native()};
  auto is_expected = [&](const std::string& which) {
    result<source> there = open_file(which);
    return there && expected(*there);
  };
  if (!is_expected(name)) return changed;
  if (::renameat2(at, fresh.c_str(), at, name.c_str(), RENAME_EXCHANGE) == 0) {
    if (is_expected(fresh)) return sync();
    ::renameat2(at, fresh.c_str(), at, name.c_str(), RENAME_EXCHANGE);
    sync();
    return changed;
  }
  bool unknown_flag = errno == EINVAL || errno == ENOSYS;
  if (unknown_flag && ::renameat(at, fresh.c_str(), at, name.c_str()) == 0) return sync();
  return unwritable(errno, (path_ / name).native());
}

void tree_folder::remove(const std::string& name) const {
  ::unlinkat(handle_.get(), name.c_str(), 0);
  sync();
}

void tree_folder::remove_empty(const fs::path& root) const {
  for (fs::path at = path_; at != root && at.native().size() > root.native().size(); at = at.parent_path()) {
    if (::rmdir(at.c_str()) != 0) break;
  }
}

std::optional<error> tree_folder::sync() const {
  // As library::sync_folder: some network file systems cannot sync a folder; there is nothing more to be done then.
  if (::fsync(handle_.get()) != 0 && errno != EINVAL && errno != EROFS) return unwritable(errno, path_.native());
  return std::nullopt;
}

}  // namespace carrel::ingest
