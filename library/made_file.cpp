#include "library/made_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <system_error>

#include "server/core/uuid.hpp"

namespace carrel::library {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::hours abandoned{24};

}  // namespace

void throw_system(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

file open_made(const fs::path& p) { return file(::open(p.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)); }

file open_stored(const store& s, const std::string& storage_path) {
  fs::path path = s.absolute(storage_path);
  return is_external(storage_path) ? file(open_without_links(path)) : open_made(path);
}

bool has_size(const fs::path& p, std::int64_t size) {
  struct stat s {};
  return ::stat(p.c_str(), &s) == 0 && S_ISREG(s.st_mode) && s.st_size == size;
}

void touch(const fs::path& p) { ::utimensat(AT_FDCWD, p.c_str(), nullptr, 0); }

workpiece::workpiece(const fs::path& folder) : path(folder / uuid::make().text()) { fs::create_directories(folder); }
workpiece::~workpiece() { ::unlink(path.c_str()); }

void put_in_place(const fs::path& made, const fs::path& target) {
  fs::create_directories(target.parent_path());
  file bytes = open_made(made);
  if (!bytes || ::fsync(bytes.get()) != 0) throw_system(made.native());
  if (::rename(made.c_str(), target.c_str()) != 0) throw_system(target.native());
  if (std::optional<error> bad = sync_folder(target.parent_path())) throw std::runtime_error(bad->message());
}

void remove_abandoned(const fs::path& folder) {
  std::error_code code;
  for (fs::directory_iterator i(folder, code), end; !code && i != end; i.increment(code)) {
    std::error_code each;
    if (fs::file_time_type::clock::now() - i->last_write_time(each) > abandoned && !each) fs::remove(i->path(), each);
  }
}

}  // namespace carrel::library
