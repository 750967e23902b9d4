#include "ingest/settle.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "server/core/clock.hpp"

namespace carrel::ingest {
namespace {

constexpr int samples_needed = 3;
constexpr std::array<std::chrono::seconds, 5> incomplete_waits{std::chrono::seconds(5), std::chrono::seconds(15),
                                                               std::chrono::minutes(1), std::chrono::minutes(5),
                                                               std::chrono::minutes(10)};

std::string bytes_at(int fd, std::uint64_t at, std::size_t count) {
  std::string out(count, '\0');
  ssize_t n = ::pread(fd, out.data(), count, static_cast<off_t>(at));
  out.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return out;
}

std::uint64_t number(std::string_view s, std::size_t at, std::size_t bytes, bool little) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    auto b = static_cast<unsigned char>(s[at + (little ? bytes - 1 - i : i)]);
    out = out << 8 | b;
  }
  return out;
}

bool zip_complete(int fd, std::uint64_t size) {
  std::uint64_t from = size > 65'557 ? size - 65'557 : 0;
  std::string tail = bytes_at(fd, from, static_cast<std::size_t>(size - from));
  std::size_t at = tail.rfind("PK\5\6");
  if (at == std::string::npos || tail.size() - at < 22) return false;
  std::uint64_t length = number(tail, at + 12, 4, true), offset = number(tail, at + 16, 4, true);
  if (length == 0xFFFFFFFF || offset == 0xFFFFFFFF) return true;  // ZIP64 says it elsewhere
  return offset + length <= from + at;
}

bool seven_zip_complete(int fd, std::uint64_t size) {
  std::string head = bytes_at(fd, 0, 32);
  if (head.size() < 32) return false;
  std::uint64_t offset = number(head, 12, 8, true), length = number(head, 20, 8, true);
  return offset <= size && length <= size && 32 + offset + length <= size;
}

// Boxes at top level add up to the file.
bool mp4_complete(int fd, std::uint64_t size) {
  std::uint64_t at = 0;
  for (int boxes = 0; at < size && boxes < 10'000; ++boxes) {
    std::string head = bytes_at(fd, at, 16);
    if (head.size() < 8) return false;
    std::uint64_t length = number(head, 0, 4, false);
    if (length == 0) return true;  // up to the end
    if (length == 1) length = head.size() == 16 ? number(head, 8, 8, false) : 0;
    if (length < 8 || length > size - at) return false;
    at += length;
  }
  return at == size;
}

}  // namespace

bool shape_complete(int fd, std::uint64_t size) {
  std::string head = bytes_at(fd, 0, 1024);
  std::string_view h = head;
  if (h.starts_with("PK\3\4") || h.starts_with("PK\5\6")) return zip_complete(fd, size);
  if (h.starts_with("7z\xbc\xaf\x27\x1c")) return seven_zip_complete(fd, size);
  if (h.size() > 12 && h.substr(4, 4) == "ftyp") return mp4_complete(fd, size);
  if (h.find("%PDF-") != std::string_view::npos) {
    std::uint64_t from = size > 2048 ? size - 2048 : 0;
    return bytes_at(fd, from, 2048).find("%%EOF") != std::string::npos;
  }
  // A preallocated file whose first bytes have not come yet.
  return head.empty() || h.find_first_not_of('\0') != std::string_view::npos;
}

bool open_for_writing(int fd) {
  if (::fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
    ::fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
  }
  return errno == EAGAIN;
}

settling::settling(const settings& how, bool remote)
    : root_(how.drop_dir.lexically_normal()),
      settle_(remote ? std::max<std::chrono::milliseconds>(how.settle, std::chrono::seconds(30)) : how.settle),
      gap_(how.sample_gap),
      empty_grace_(how.empty_grace),
      incomplete_grace_(how.incomplete_grace),
      unreadable_gap_(how.unreadable_gap) {}

void settling::touch(steady::time_point at) { next_ = std::max(at, last_sample_ + gap_); }

bool settling::same(const struct stat& s) {
  identity seen = identity_of(s);
  std::int64_t ctime = static_cast<std::int64_t>(s.st_ctim.tv_sec) * 1'000'000'000 + s.st_ctim.tv_nsec;
  if (seen == who_ && ctime == ctime_ns_) return true;
  who_ = seen;
  ctime_ns_ = ctime;
  return false;
}

settled settling::sample(const std::filesystem::path& path, steady::time_point at) {
  result<source> in = open_below(root_, path);
  if (!in) {
    if (in.error().field == "source_gone") return settled::gone;
    struct stat s {};
    if (::lstat(path.c_str(), &s) != 0) return settled::gone;
    who_ = identity_of(s);
    if (in.error().field == "not_a_regular_file") return settled::special;
    samples_ = 0;
    reason_ = in.error().reason;
    next_ = at + unreadable_gap_;
    return settled::unreadable;
  }
  struct stat s {};
  if (::fstat(in->handle.get(), &s) != 0) return settled::gone;
  last_sample_ = at;
  next_ = at + gap_;
  if (!same(s)) {
    samples_ = 1;
    waits_ = 0;
    changed_at_ = at;
    return settled::wait;
  }
  ++samples_;
  if (who_.size == 0) return at - changed_at_ >= empty_grace_ ? settled::ready : settled::wait;
  if (samples_ < samples_needed) return settled::wait;
  // A time in the future says nothing; then the samples decide.
  std::int64_t age = std::chrono::duration_cast<std::chrono::nanoseconds>(now().time_since_epoch()).count() - who_.mtime_ns;
  if (age >= 0 && std::chrono::nanoseconds(age) < settle_) {
    next_ = std::max(next_, at + std::chrono::ceil<std::chrono::milliseconds>(settle_ - std::chrono::nanoseconds(age)));
    return settled::wait;
  }
  if (open_for_writing(in->handle.get())) return settled::wait;
  if (!shape_complete(in->handle.get(), static_cast<std::uint64_t>(who_.size)) && at - changed_at_ < incomplete_grace_) {
    next_ = at + incomplete_waits[std::min(waits_++, incomplete_waits.size() - 1)];
    return settled::incomplete;
  }
  return settled::ready;
}

}  // namespace carrel::ingest
