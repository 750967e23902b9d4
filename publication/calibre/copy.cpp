#include "publication/calibre/copy.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "publication/calibre/database.hpp"
#include "server/core/file.hpp"

namespace carrel::publication::calibre {
namespace {

namespace fs = std::filesystem;

constexpr std::array names{"metadata.db", "metadata.db-journal", "metadata.db-wal", "metadata.db-shm"};
constexpr off_t largest_database = off_t{8} << 30;
constexpr std::chrono::milliseconds first_pause{50};
constexpr int tries = 6;  // 1.5 s

trouble unreadable(const std::string& what) { return {{"calibre_unreadable", what + ": " + std::strerror(errno)}}; }

struct facts {
  bool there = false;
  ino_t ino = 0;
  off_t size = 0;
  timespec changed{};
  bool operator==(const facts& o) const {
    return there == o.there && ino == o.ino && size == o.size && changed.tv_sec == o.changed.tv_sec &&
           changed.tv_nsec == o.changed.tv_nsec;
  }
};

facts look(int folder, const char* name) {
  struct stat s {};
  if (::fstatat(folder, name, &s, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(s.st_mode)) return {};
  return {.there = true, .ino = s.st_ino, .size = s.st_size, .changed = s.st_mtim};
}

void write_all(int to, const char* data, std::size_t size) {
  while (size > 0) {
    ssize_t n = ::write(to, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw unreadable("the copy of metadata.db");
    data += n;
    size -= static_cast<std::size_t>(n);
  }
}

void copy_one(int folder, const char* name, const fs::path& target) {
  file from(::openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat s {};
  if (!from || ::fstat(from.get(), &s) != 0) throw unreadable(name);
  if (!S_ISREG(s.st_mode) || s.st_size > largest_database) throw trouble{{"calibre_limit", "size"}};
  file to(::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!to) throw unreadable("the copy of metadata.db");
  std::vector<char> piece(1 << 20);
  for (off_t left = s.st_size; left > 0;) {  // not more than it had, however fast it grows
    ssize_t n = ::read(from.get(), piece.data(), std::min<std::size_t>(piece.size(), static_cast<std::size_t>(left)));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw unreadable(name);
    if (n == 0) return;
    write_all(to.get(), piece.data(), static_cast<std::size_t>(n));
    left -= n;
  }
}

bool copy_all(int folder, const fs::path& to) {
  std::array<facts, names.size()> before;
  for (std::size_t i = 0; i < names.size(); ++i) before[i] = look(folder, names[i]);
  if (!before[0].there) throw trouble{{"calibre_no_library", ""}};
  for (std::size_t i = 0; i < names.size(); ++i) {
    ::unlink((to / names[i]).c_str());
    if (before[i].there) copy_one(folder, names[i], to / names[i]);
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!(look(folder, names[i]) == before[i])) return false;
  }
  return true;
}

std::uint32_t big_endian(const unsigned char* p) {
  return (std::uint32_t{p[0]} << 24) | (std::uint32_t{p[1]} << 16) | (std::uint32_t{p[2]} << 8) | p[3];
}

// The journal of a transaction over several databases (Calibre has some) ends with the name of a journal above it:
// page number, name, length, checksum, magic.
struct above {
  std::string name;
  off_t rest = 0;  // the journal without it
};
std::optional<above> journal_above(int journal, off_t size) {
  static constexpr std::array<unsigned char, 8> magic{0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
  std::array<unsigned char, 16> end{};
  if (size < 32 || ::pread(journal, end.data(), end.size(), size - 16) != 16) return std::nullopt;
  if (!std::equal(magic.begin(), magic.end(), end.begin() + 8)) return std::nullopt;
  off_t length = big_endian(end.data());
  if (length == 0 || length > 4096 || length + 20 > size) return std::nullopt;
  above out{.name = std::string(static_cast<std::size_t>(length), '\0'), .rest = size - 20 - length};
  if (::pread(journal, out.name.data(), out.name.size(), size - 16 - length) != length) return std::nullopt;
  return out;
}

// SQLite would look for that name and delete the file that has it, wherever it is. As long as it lies beside the library's
// database the transaction was never finished; without it the journal says nothing any more.
void detach_journal(int library, const fs::path& copy) {
  file journal(::open(copy.c_str(), O_RDWR | O_CLOEXEC));
  struct stat s {};
  if (!journal || ::fstat(journal.get(), &s) != 0) return;
  std::optional<above> up = journal_above(journal.get(), s.st_size);
  if (!up) return;
  bool waits = look(library, fs::path(up->name.c_str()).filename().c_str()).there;
  if (::ftruncate(journal.get(), waits ? up->rest : 0) != 0) throw unreadable("the copy of metadata.db");
}

}  // namespace

private_copy::private_copy(const fs::path& library, const fs::path& scratch) {
  file from(::open(library.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!from) throw errno == ENOENT || errno == ENOTDIR ? trouble{{"calibre_no_library", ""}} : unreadable("the folder");
  std::string pattern = (scratch / "calibre-XXXXXX").native();
  if (::mkdtemp(pattern.data()) == nullptr) throw unreadable("the copy of metadata.db");
  folder_ = pattern;
  try {
    auto pause = first_pause;
    for (int left = tries; !copy_all(from.get(), folder_); pause *= 2) {
      if (--left == 0) throw trouble{{"calibre_busy", ""}};
      std::this_thread::sleep_for(pause);  // Calibre is in the middle of a change
    }
    detach_journal(from.get(), folder_ / "metadata.db-journal");
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
    throw;
  }
}

private_copy::~private_copy() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

}  // namespace carrel::publication::calibre
