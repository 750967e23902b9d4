#include "publication/pdf/source.hpp"

#include <algorithm>
#include <ctime>
#include <stdexcept>

#include "publication/file_bytes.hpp"

namespace carrel::publication::pdf {
namespace {

constexpr std::size_t window_size = 64 << 10;
constexpr std::ptrdiff_t deepest_stack = 2 << 20;  // of the 8 MiB that a main thread has

std::chrono::nanoseconds processor_time() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

const char* stack_pointer() { return static_cast<const char*>(__builtin_frame_address(0)); }

}  // namespace

source::source(int descriptor)
    : descriptor_(descriptor), size_(static_cast<qpdf_offset_t>(size_of(descriptor))), stack_(stack_pointer()) {}

void source::allow(std::optional<std::chrono::milliseconds> more) {
  until_.reset();
  if (more) until_ = processor_time() + *more;
}

void source::check_time() const {
  if (until_ && processor_time() > *until_) throw too_long{};
}

// The length of a stream may be an object that is a stream whose length is an object, and so on for as many objects as the file
// has: qpdf reads each inside the reading of the one before, and every reading begins here.
void source::seek(qpdf_offset_t offset, int whence) {
  if (stack_ - stack_pointer() > deepest_stack) throw too_deep{};
  qpdf_offset_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? at_ : size_, to = 0;
  if (__builtin_add_overflow(from, offset, &to) || to < 0) throw std::runtime_error("a place outside of the file");
  at_ = to;
}

std::string_view source::window() {
  if (at_ >= size_) return {};
  if (at_ < window_at_ || at_ >= window_at_ + static_cast<qpdf_offset_t>(window_.size())) {
    check_time();
    window_ = read_at(descriptor_, static_cast<std::uint64_t>(at_), window_size);
    window_at_ = at_;
  }
  return std::string_view(window_).substr(static_cast<std::size_t>(at_ - window_at_));
}

std::size_t source::read(char* to, std::size_t size) {
  last_offset = at_;
  std::size_t done = 0;
  while (done < size) {
    std::string_view here = window();
    if (here.empty()) break;
    std::size_t n = here.copy(to + done, size - done);
    done += n;
    at_ += static_cast<qpdf_offset_t>(n);
  }
  if (done == 0 && size > 0) last_offset = at_ = size_;  // as qpdf's own sources do at the end
  return done;
}

void source::unreadCh(char) {
  if (at_ > 0) --at_;
}

qpdf_offset_t source::findAndSkipNextEOL() {
  for (;;) {
    std::string_view here = window();
    if (here.empty()) return at_ = size_;
    std::size_t end = here.find_first_of("\r\n");
    at_ += static_cast<qpdf_offset_t>(std::min(end, here.size()));
    if (end != std::string_view::npos) break;
  }
  qpdf_offset_t found = at_;
  for (std::string_view here = window(); !here.empty() && (here[0] == '\r' || here[0] == '\n'); here = window()) ++at_;
  return found;
}

}  // namespace carrel::publication::pdf
