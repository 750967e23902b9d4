#include "publication/comic/sequence.hpp"

#include <libdeflate.h>

#include <algorithm>

#include "publication/unicode.hpp"

namespace carrel::publication::comic {

// How much of the file a part takes up is not told, so the ratio is that of the whole (20).
std::optional<refusal> sequence::count(const part& p) {
  if (++entries_ > limit_.entries) return refusal{"archive_too_many_entries", "more than " + std::to_string(limit_.entries)};
  if (is_unsafe_path(p.name)) return refusal{"archive_unsafe_path", clean_text(p.name, 200)};
  if (p.size > limit_.comic_unpacked || unpacked_ > limit_.comic_unpacked - p.size) {
    return refusal{"archive_too_large", "more than " + std::to_string(limit_.comic_unpacked >> 20) + " MiB"};
  }
  unpacked_ += p.size;
  if (ratio_exceeded(unpacked_, file_size_, limit_.ratio)) return refusal{"archive_ratio", "all parts together"};
  return std::nullopt;
}

refusal sequence::give_up(refusal why) {
  broken_ = why;
  return why;
}

result<std::optional<part>, refusal> sequence::next() {
  if (broken_) return *broken_;
  result<std::optional<part>, refusal> found = advance();
  if (!found || !*found) return found;
  at_ = **found;
  if (std::optional<refusal> bad = count(at_)) return give_up(*bad);
  return found;
}

result<std::string, refusal> sequence::read(std::uint64_t limit, std::string_view too_large) {
  constexpr std::uint64_t piece = 1 << 20;
  std::string name = clean_text(at_.name, 200);
  if (at_.is_link) return refusal{"archive_symlink", name};
  if (at_.encrypted) return refusal{"archive_encrypted", name};
  if (at_.size > limit) return refusal{std::string(too_large), name};
  std::string out;
  std::uint64_t done = 0;
  while (done <= at_.size) {  // never more than one byte above what is declared (21)
    out.resize(static_cast<std::size_t>(std::min(done + piece, at_.size + 1)));
    result<std::size_t, refusal> n = pull(out.data() + done, out.size() - static_cast<std::size_t>(done));
    if (!n) return n.error();
    if (*n == 0) break;
    done += *n;
  }
  if (done != at_.size) return refusal{"archive_entry_damaged", name};
  out.resize(static_cast<std::size_t>(done));
  if (at_.crc && libdeflate_crc32(0, out.data(), out.size()) != *at_.crc) return refusal{"archive_entry_damaged", name};
  return out;
}

std::optional<refusal> sequence::restart() {
  entries_ = unpacked_ = 0;
  broken_.reset();
  at_ = {};
  return reopen();
}

}  // namespace carrel::publication::comic
