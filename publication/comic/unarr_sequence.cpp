#include <sys/mman.h>
#include <unarr.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "publication/comic/sequence.hpp"
#include "publication/file_bytes.hpp"
#include "publication/unicode.hpp"
#include "server/core/error.hpp"

namespace carrel::publication::comic {
namespace {

// unarr opens names or memory; a process without rights may not open its own descriptors by name.
class mapped_file {
 public:
  explicit mapped_file(int descriptor) : size_(static_cast<std::size_t>(size_of(descriptor))) {
    void* at = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (at != MAP_FAILED) data_ = at;
  }
  ~mapped_file() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }
  mapped_file(const mapped_file&) = delete;
  mapped_file& operator=(const mapped_file&) = delete;
  const void* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  std::size_t size_;
};

// Debian's unarr tells its findings, names of files among them, to the standard error output, which is the server's log. glibc
// lets the variable be set.
class silence {
 public:
  silence() {
    static std::FILE* const nowhere =
        ::fopencookie(nullptr, "w", {.read = nullptr, .write = swallow, .seek = nullptr, .close = nullptr});
    if (nowhere != nullptr) stderr = nowhere;
  }
  ~silence() { stderr = before_; }
  silence(const silence&) = delete;
  silence& operator=(const silence&) = delete;

 private:
  static ssize_t swallow(void*, const char*, std::size_t size) { return static_cast<ssize_t>(size); }
  std::FILE* before_ = stderr;
};

struct close_stream {
  void operator()(ar_stream* s) const { ar_close(s); }
};
struct close_archive {
  void operator()(ar_archive* a) const { ar_close_archive(a); }
};

class unarr_parts final : public sequence {
 public:
  unarr_parts(int descriptor, const limits& limit) : sequence(size_of(descriptor), limit), file_(descriptor) {}

 private:
  std::optional<refusal> reopen() override {
    silence quiet;
    archive_.reset();
    left_ = 0;
    if (file_.data() == nullptr) return refusal{"source_unreadable", ""};
    stream_.reset(ar_open_memory(file_.data(), file_.size()));
    if (stream_ == nullptr) throw std::bad_alloc();
    archive_.reset(ar_open_rar_archive(stream_.get()));
    if (archive_ == nullptr) return refusal{"archive_corrupt", ""};
    return std::nullopt;
  }

  result<std::optional<part>, refusal> advance() override {
    silence quiet;
    if (!drain()) return give_up({"archive_entry_damaged", clean_text(current().name, 200)});
    if (!ar_parse_entry(archive_.get())) {
      if (ar_at_eof(archive_.get())) return std::optional<part>();
      return give_up({"archive_corrupt", ""});
    }
    const char* name = ar_entry_get_name(archive_.get());
    if (name == nullptr) return give_up({"archive_corrupt", ""});
    left_ = ar_entry_get_size(archive_.get());
    return std::optional(part{.name = name, .size = left_});
  }

  result<std::size_t, refusal> pull(char* to, std::size_t room) override {
    silence quiet;
    std::size_t n = std::min(left_, room);
    if (n == 0) return n;
    if (!ar_entry_uncompress(archive_.get(), to, n)) {
      return give_up({"archive_entry_damaged", clean_text(current().name, 200)});
    }
    left_ -= n;
    return n;
  }

  // After a part that was not read to its end unarr would begin again at the first one.
  bool drain() {
    std::array<char, 16 << 10> unused;
    while (left_ > 0) {
      if (!pull(unused.data(), unused.size())) return false;
    }
    return true;
  }

  mapped_file file_;
  std::unique_ptr<ar_stream, close_stream> stream_;
  std::unique_ptr<ar_archive, close_archive> archive_;
  std::size_t left_ = 0;  // of the part
};

}  // namespace

std::unique_ptr<sequence> unarr_sequence(int descriptor, const limits& limit) {
  return std::make_unique<unarr_parts>(descriptor, limit);
}

}  // namespace carrel::publication::comic
