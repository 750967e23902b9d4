#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace carrel::postgres {

// flock on a file that stays. Not inherited by children.
class file_lock {
 public:
  explicit file_lock(const std::filesystem::path& path) : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {}
  ~file_lock() {
    if (fd_ >= 0) ::close(fd_);
  }
  file_lock(const file_lock&) = delete;
  file_lock& operator=(const file_lock&) = delete;

  bool open() const { return fd_ >= 0; }
  bool try_exclusive() { return ::flock(fd_, LOCK_EX | LOCK_NB) == 0; }
  bool try_shared() { return ::flock(fd_, LOCK_SH | LOCK_NB) == 0; }
  void unlock() { ::flock(fd_, LOCK_UN); }

  std::string text() const {
    char buffer[64];
    ssize_t n = ::pread(fd_, buffer, sizeof buffer, 0);
    return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string();
  }
  void set_text(const std::string& s) {
    if (::ftruncate(fd_, 0) == 0) [[maybe_unused]]
      auto n = ::pwrite(fd_, s.data(), s.size(), 0);
  }

 private:
  int fd_;
};

}  // namespace carrel::postgres
