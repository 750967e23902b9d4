#include "server/http/upload.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace carrel::http {
namespace {

[[noreturn]] void failed(const char* what) {
  int reason = errno;
  if (reason == ENOSPC || reason == EDQUOT) throw problem{507, "There is no space left for the upload.", "disk_full"};
  throw std::system_error(reason, std::generic_category(), what);
}

}  // namespace

upload::~upload() {
  finish();
  std::error_code ignored;
  if (!file.empty()) std::filesystem::remove(file, ignored);
}

void upload::to_file(const std::filesystem::path& folder) {
  std::string name = (folder / "upload-XXXXXX").string();
  descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor_ < 0) failed("create upload file");
  file = name;
}

void upload::take(std::string_view piece) {
  size += piece.size();
  if (descriptor_ < 0) {
    text += piece;
    return;
  }
  while (!piece.empty()) {
    ssize_t n = ::write(descriptor_, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) failed("write upload file");
    piece.remove_prefix(static_cast<std::size_t>(n));
  }
}

void upload::finish() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

}  // namespace carrel::http
