#include "publication/file_bytes.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace carrel::publication {

std::string read_at(int descriptor, std::uint64_t at, std::size_t size) {
  std::string out(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    ssize_t n = ::pread(descriptor, out.data() + done, size - done, static_cast<off_t>(at + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  out.resize(done);
  return out;
}

std::uint64_t size_of(int descriptor) {
  struct stat st {};
  return ::fstat(descriptor, &st) == 0 ? static_cast<std::uint64_t>(st.st_size) : 0;
}

}  // namespace carrel::publication
