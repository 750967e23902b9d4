#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>

namespace carrel::postgres {

// flock on a file that stays. Not inherited by programs that are started.
class file_lock {
 public:
  explicit file_lock(std::filesystem::path path) : path_(std::move(path)), fd_(open_file()) {}
  ~file_lock() { close_file(); }
  file_lock(const file_lock&) = delete;
  file_lock& operator=(const file_lock&) = delete;

  bool open() const { return fd_ >= 0; }
  int descriptor() const { return fd_; }
  bool try_exclusive() { return ::flock(fd_, LOCK_EX | LOCK_NB) == 0; }
  bool try_shared() { return ::flock(fd_, LOCK_SH | LOCK_NB) == 0; }
  void unlock() { ::flock(fd_, LOCK_UN); }
  // The lock stays with a child that has got the descriptor; without one it is released.
  void leave_to_child() {
    close_file();
    fd_ = open_file();
  }

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
  int open_file() const { return ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600); }
  void close_file() {
    if (fd_ >= 0) ::close(fd_);
  }

  std::filesystem::path path_;
  int fd_;
};

}  // namespace carrel::postgres
