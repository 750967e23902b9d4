#include "ingest/inotify.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "server/core/log.hpp"

namespace carrel::ingest {

void inotify::open() {
  folders_.clear();
  full_ = said_ = false;
  fd_ = file(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd_) log::warn("ingest.inotify", {{"error", std::strerror(errno)}});
}

void inotify::close() {
  fd_ = file();
  folders_.clear();
}

bool inotify::watch(const std::filesystem::path& folder) {
  if (!fd_) return false;
  constexpr std::uint32_t what = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF |
                                 IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR | IN_EXCL_UNLINK | IN_DONT_FOLLOW;
  int wd = ::inotify_add_watch(fd_.get(), folder.c_str(), what);
  if (wd >= 0) {
    folders_[wd] = folder;
    return true;
  }
  if (errno != ENOSPC) return true;
  full_ = true;
  if (!std::exchange(said_, true)) {
    log::warn("ingest.inotify", {{"error", "no more watches: raise fs.inotify.max_user_watches; scans go on"},
                                 {"max_user_watches", watch_limit()}});
  }
  return false;
}

inotify::events inotify::read() {
  events out;
  alignas(inotify_event) char buffer[1 << 16];
  for (;;) {
    ssize_t n = ::read(fd_.get(), buffer, sizeof buffer);
    if (n <= 0) return out;
    for (ssize_t at = 0; at < n;) {
      inotify_event e;
      std::memcpy(&e, buffer + at, sizeof e);
      const char* name = buffer + at + sizeof e;
      at += static_cast<ssize_t>(sizeof e + e.len);
      if ((e.mask & IN_Q_OVERFLOW) != 0) out.overflow = true;
      auto folder = folders_.find(e.wd);
      if (folder == folders_.end()) continue;
      if ((e.mask & IN_MOVE_SELF) != 0) {
        ::inotify_rm_watch(fd_.get(), e.wd);  // it has another name now; the scan of its new place watches it again
        out.overflow = true;
      }
      if ((e.mask & IN_IGNORED) != 0)
        folders_.erase(folder);
      else if (e.len > 0)
        out.list.push_back({folder->second / name,
                            (e.mask & IN_ISDIR) != 0 && (e.mask & (IN_CREATE | IN_MOVED_TO | IN_ATTRIB)) != 0,
                            (e.mask & IN_ATTRIB) != 0});
    }
  }
}

std::string watch_limit() {
  std::string out;
  std::ifstream(watch_limit_file) >> out;
  return out;
}

}  // namespace carrel::ingest
