#include "library/store.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "server/core/digest.hpp"
#include "server/core/random.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

namespace fs = std::filesystem;

class descriptor {
 public:
  explicit descriptor(int fd) : fd_(fd) {}
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void take(int fd) {
    ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_;
};

// Removes an unfinished file unless it was kept.
class unfinished {
 public:
  explicit unfinished(fs::path path) : path_(std::move(path)) {}
  ~unfinished() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  unfinished(const unfinished&) = delete;
  unfinished& operator=(const unfinished&) = delete;
  const fs::path& path() const { return path_; }
  void keep() { path_.clear(); }

 private:
  fs::path path_;
};

std::string reason(int code) { return std::strerror(code); }

error write_error(int code) {
  if (code == ENOSPC || code == EDQUOT) return {"disk_full", "no space left"};
  return {"store_unwritable", reason(code)};
}

// Without following a link, without waiting for a FIFO.
descriptor open_stored(const fs::path& p) {
  return descriptor(::open(p.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
}

fs::path temporary_beside(const fs::path& target) { return target.parent_path() / (".carrel-" + random_letters(16) + ".tmp"); }

// The folder and every missing one above it, each parent synced (4.3 step 2).
std::optional<error> make_folders(const fs::path& folder) {
  if (::access(folder.c_str(), F_OK) == 0) return std::nullopt;
  if (folder.has_parent_path() && folder.parent_path() != folder) {
    if (std::optional<error> bad = make_folders(folder.parent_path())) return bad;
  }
  if (::mkdir(folder.c_str(), 0750) != 0 && errno != EEXIST) return write_error(errno);
  return sync_folder(folder.parent_path());
}

std::optional<int> write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    ssize_t n = ::write(fd, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return std::nullopt;
}

constexpr std::size_t chunk = 1 << 20;

struct copied {
  std::optional<error> bad;
  std::uint64_t size = 0;
};

copied copy_by_hand(int from, int to) {
  copied out;
  std::vector<char> buffer(chunk);
  for (;;) {
    ssize_t n = ::pread(from, buffer.data(), buffer.size(), static_cast<off_t>(out.size));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return {error{"source_unreadable", reason(errno)}, out.size};
    if (n == 0) return out;
    if (std::optional<int> bad = write_all(to, buffer.data(), static_cast<std::size_t>(n))) return {write_error(*bad), out.size};
    out.size += static_cast<std::uint64_t>(n);
  }
}

// Shares blocks where the file system can, then copies inside the kernel, then by hand.
copied copy_bytes(int from, int to, std::uint64_t size) {
  if (::ioctl(to, FICLONE, from) == 0) return {std::nullopt, size};
  copied out;
  while (out.size < size) {
    off_t at = static_cast<off_t>(out.size);
    ssize_t n = ::copy_file_range(from, &at, to, nullptr, size - out.size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == ENOSPC || errno == EDQUOT)) return {write_error(errno), out.size};
    if (n < 0 && out.size > 0) return {error{"source_unreadable", reason(errno)}, out.size};
    if (n <= 0) break;
    out.size += static_cast<std::uint64_t>(n);
  }
  return out.size > 0 ? out : copy_by_hand(from, to);
}

bool same_version(const struct stat& a, const struct stat& b) {
  return a.st_ino == b.st_ino && a.st_dev == b.st_dev && a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

// Gives `from` the name `to` only when nothing has that name. 0 or errno.
int rename_without_replacing(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  if (::link(from.c_str(), to.c_str()) == 0) return ::unlink(from.c_str()) == 0 ? 0 : errno;
  if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK) return errno;
  // A file system without links: reserve the name, then replace our own empty file.
  descriptor reserved(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
  if (!reserved) return errno;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

std::optional<error> sync_both(const fs::path& from, const fs::path& to) {
  if (std::optional<error> bad = sync_folder(to.parent_path())) return bad;
  return from.parent_path() == to.parent_path() ? std::nullopt : sync_folder(from.parent_path());
}

std::optional<error> move_by_copy(const fs::path& from, const fs::path& to) {
  descriptor source = open_stored(from);
  if (!source) return error{"source_unreadable", reason(errno)};
  struct stat seen {};
  if (::fstat(source.get(), &seen) != 0) return error{"source_unreadable", reason(errno)};
  if (result<std::string> copy = copy_proven(source.get(), to); !copy) return copy.error();
  struct stat now {};
  if (::lstat(from.c_str(), &now) != 0 || !same_version(seen, now))
    return error{"source_changed", "replaced while it was copied"};
  if (::unlink(from.c_str()) != 0) return write_error(errno);
  return sync_both(from, to);
}

error rename_error(int code) {
  if (code == EEXIST) return {"target_exists", "a file of this name is there already"};
  if (code == EXDEV) return {"other_file_system", "not on the same file system"};
  return write_error(code);
}

}  // namespace

result<store> store::open(const fs::path& data_dir, const fs::path& cache_dir) {
  store out;
  out.data_ = data_dir;
  out.cache_ = cache_dir;
  std::error_code code;
  fs::create_directories(data_dir, code);
  if (code) return error{"data_dir", "cannot be made: " + code.message()};
  std::optional<dev_t> device;
  for (const char* name : {"drop", "staging", "library", "attic", "quarantine", "trash", "covers"}) {
    fs::path folder = data_dir / name;
    if (::mkdir(folder.c_str(), 0750) != 0 && errno != EEXIST)
      return error{"data_dir", std::string(name) + " cannot be made: " + reason(errno)};
    if (::access(folder.c_str(), W_OK | X_OK) != 0)
      return error{"data_dir", std::string(name) + " is not writable: " + reason(errno)};
    struct stat facts {};
    if (::stat(folder.c_str(), &facts) != 0) return error{"data_dir", std::string(name) + ": " + reason(errno)};
    if (!S_ISDIR(facts.st_mode)) return error{"data_dir", std::string(name) + " is not a folder"};
    std::string_view n = name;
    if (n != "staging" && n != "attic" && n != "quarantine" && n != "trash") continue;
    if (device && *device != facts.st_dev)
      return error{"data_dir", "staging, attic, quarantine and trash must be on one file system"};
    device = facts.st_dev;
  }
  fs::create_directories(cache_dir / "covers", code);
  if (code) return error{"cache_dir", "cannot be made: " + code.message()};
  if (std::optional<error> bad = sync_folder(data_dir)) return *bad;
  return out;
}

fs::path store::absolute(const std::string& storage_path) const {
  if (!storage_path.starts_with('%')) return data_ / storage_path;
  return percent_decode(std::string_view(storage_path).substr(1)).value_or("/");
}

bool store::holds(const std::string& storage_path, std::optional<std::int64_t> size) const {
  fs::path path = absolute(storage_path);
  struct stat facts {};
  if (!is_external(storage_path)) return ::stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode);
  descriptor fd(open_without_links(path));
  return fd && ::fstat(fd.get(), &facts) == 0 && S_ISREG(facts.st_mode) && (!size || facts.st_size == *size);
}

std::string store::path_for(std::string_view sha256, std::string_view extension) const {
  CARREL_EXPECT(sha256.size() == 64);
  std::string out = "library/";
  out.append(sha256.substr(0, 2)).append("/").append(sha256.substr(2, 2)).append("/").append(sha256).append(extension);
  return out;
}

std::string store::cover_path_for(std::string_view sha256, std::string_view mime) const {
  CARREL_EXPECT(sha256.size() == 64);
  std::string out = "covers/";
  out.append(sha256.substr(0, 2)).append("/").append(sha256);
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> known{
      {{"image/jpeg", ".jpg"}, {"image/png", ".png"}, {"image/webp", ".webp"}, {"image/gif", ".gif"}}};
  for (const auto& [type, extension] : known) {
    if (mime == type) out.append(extension);
  }
  return out;
}

std::optional<error> store::write(const std::string& storage_path, std::string_view bytes) const {
  fs::path target = absolute(storage_path);
  struct stat facts {};
  if (::lstat(target.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) &&
      static_cast<std::uint64_t>(facts.st_size) == bytes.size()) {
    return std::nullopt;  // named by its content, and only whole files get the name
  }
  if (std::optional<error> bad = make_folders(target.parent_path())) return bad;
  unfinished temporary(temporary_beside(target));
  descriptor out(::open(temporary.path().c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640));
  if (!out) return write_error(errno);
  if (std::optional<int> bad = write_all(out.get(), bytes.data(), bytes.size())) return write_error(*bad);
  if (::fdatasync(out.get()) != 0) return write_error(errno);
  result<std::string> back = publication::sha256_of(out.get());
  if (!back) return back.error();
  if (*back != sha256_hex(bytes)) return error{"store_unwritable", "what was written reads back differently"};
  if (::rename(temporary.path().c_str(), target.c_str()) != 0) return write_error(errno);
  temporary.keep();
  return sync_folder(target.parent_path());
}

std::uint64_t store::free_bytes() const {
  struct statvfs facts {};
  if (::statvfs(data_.c_str(), &facts) != 0) return 0;
  return static_cast<std::uint64_t>(facts.f_bavail) * facts.f_frsize;
}

std::string external_path(const fs::path& absolute) {
  CARREL_EXPECT(absolute.is_absolute());
  return valid_utf8(absolute.native()) ? absolute.native() : "%" + percent_encode(absolute.native());
}

bool is_external(std::string_view storage_path) { return storage_path.starts_with('/') || storage_path.starts_with('%'); }

int open_without_links(const fs::path& absolute) {
  struct open_how how {};
  how.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  long fd = ::syscall(SYS_openat2, AT_FDCWD, absolute.c_str(), &how, sizeof how);
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(fd);
  // An older kernel, or a sandbox that does not know the call: one component after the other.
  descriptor at(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const fs::path& name : absolute.relative_path().parent_path()) {
    int next = ::openat(at.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0) return -1;
    at.take(next);
  }
  return ::openat(at.get(), absolute.filename().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

result<std::string> copy_proven(int source, const fs::path& target) {
  struct stat before {};
  if (::fstat(source, &before) != 0) return error{"source_unreadable", reason(errno)};
  if (!S_ISREG(before.st_mode)) return error{"source_unreadable", "not an ordinary file"};
  if (std::optional<error> bad = make_folders(target.parent_path())) return *bad;

  auto size = static_cast<std::uint64_t>(before.st_size);
  struct statvfs space {};
  if (::statvfs(target.parent_path().c_str(), &space) == 0 &&
      static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize < size + size / 20) {
    return error{"disk_full", "no space left"};
  }
  unfinished temporary(temporary_beside(target));
  descriptor out(::open(temporary.path().c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640));
  if (!out) return write_error(errno);
  copied done = copy_bytes(source, out.get(), size);
  if (done.bad) return *done.bad;
  if (done.size != size) return error{"source_changed", "another length while it was read"};
  std::array<struct timespec, 2> times{before.st_atim, before.st_mtim};
  ::futimens(out.get(), times.data());
  if (::fdatasync(out.get()) != 0) return write_error(errno);
  ::posix_fadvise(out.get(), 0, 0, POSIX_FADV_DONTNEED);  // so that reading back asks the disk

  result<std::string> wanted = publication::sha256_of(source);
  if (!wanted) return error{"source_unreadable", wanted.error().reason};
  result<std::string> copy = publication::sha256_of(out.get());
  if (!copy) return error{"store_unwritable", copy.error().reason};
  struct stat after {};
  if (::fstat(source, &after) != 0) return error{"source_unreadable", reason(errno)};
  if (!same_version(before, after) || *wanted != *copy) return error{"source_changed", "changed while it was copied"};

  if (int code = rename_without_replacing(temporary.path(), target)) return rename_error(code);
  temporary.keep();
  if (std::optional<error> bad = sync_folder(target.parent_path())) return *bad;
  return copy;
}

std::optional<error> sync_folder(const fs::path& folder) {
  descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return write_error(errno);
  // Some network file systems cannot sync a folder; there is nothing more to be done then.
  if (::fsync(fd.get()) != 0 && errno != EINVAL && errno != EROFS) return write_error(errno);
  return std::nullopt;
}

std::optional<error> rename_new(const fs::path& from, const fs::path& to) {
  if (int code = rename_without_replacing(from, to)) return rename_error(code);
  return std::nullopt;
}

std::optional<error> move_proven(const fs::path& from, const fs::path& to) {
  if (std::optional<error> bad = make_folders(to.parent_path())) return bad;
  int code = rename_without_replacing(from, to);
  if (code == EXDEV) return move_by_copy(from, to);
  if (code != 0) return rename_error(code);
  return sync_both(from, to);
}

bool ours_alone(int file) {
  struct stat facts {};
  return ::fstat(file, &facts) == 0 && facts.st_uid == ::geteuid() && facts.st_nlink == 1;
}

std::optional<error> take_proven(const fs::path& from, const fs::path& to) {
  descriptor source = open_stored(from);
  if (!source || ours_alone(source.get())) return move_proven(from, to);
  return move_by_copy(from, to);
}

std::optional<error> link_proven(const fs::path& from, const fs::path& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return sync_folder(to.parent_path());
  if (errno == EEXIST) return rename_error(EEXIST);
  descriptor source = open_stored(from);
  if (!source) return error{"source_unreadable", reason(errno)};
  result<std::string> copy = copy_proven(source.get(), to);
  return copy ? std::nullopt : std::optional<error>(copy.error());
}

}  // namespace carrel::library
