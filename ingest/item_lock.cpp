#include "ingest/item_lock.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <utility>

namespace carrel::ingest {

std::optional<item_lock> item_lock::lock_byte(const library::store& store, std::size_t hash, bool wait) {
  file f(::open((store.data() / "staging" / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (!f) throw std::runtime_error(std::string("staging/.lock: ") + std::strerror(errno));
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(hash >> 2);
  range.l_len = 1;
  for (;;) {
    if (::fcntl(f.get(), wait ? F_OFD_SETLKW : F_OFD_SETLK, &range) == 0) return item_lock(std::move(f));
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EACCES) return std::nullopt;
    throw std::runtime_error(std::string("staging/.lock: ") + std::strerror(errno));
  }
}

std::optional<item_lock> item_lock::take(const library::store& store, const uuid& item, bool wait) {
  return lock_byte(store, std::hash<uuid>{}(item), wait);
}

item_lock item_lock::hold(const library::store& store, const std::string& name) {
  return std::move(*lock_byte(store, std::hash<std::string>{}(name), true));
}

}  // namespace carrel::ingest
