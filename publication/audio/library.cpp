#include "publication/audio/library.hpp"

#include <taglib/flacpicture.h>
#include <taglib/tstring.h>
#include <taglib/xiphcomment.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace carrel::publication::audio {
namespace {

// A picture of 20 MiB fits, in Base64, too; TagLib holds text in four times its size.
constexpr std::size_t largest_block = largest_picture + (64 << 10);
constexpr std::uint64_t most_bytes = 48 << 20;

}  // namespace

bounded_stream::bounded_stream(int descriptor, range where, std::size_t most_reads)
    : descriptor_(descriptor), where_(where), reads_left_(most_reads), bytes_left_(most_bytes) {}

TagLib::ByteVector bounded_stream::readBlock(unsigned long length) {
  if (reads_left_ == 0 || at_ >= this->length()) return {};
  --reads_left_;
  std::uint64_t wanted = std::min<std::uint64_t>(length, static_cast<std::uint64_t>(this->length() - at_));
  if (wanted > largest_block || wanted > bytes_left_) {
    refused_ = true;
    return {};
  }
  bytes_left_ -= wanted;
  TagLib::ByteVector out(static_cast<unsigned int>(wanted), '\0');
  unsigned int done = 0;
  while (done < out.size()) {
    ssize_t n = ::pread(descriptor_, out.data() + done, out.size() - done, static_cast<off_t>(where_.begin) + at_ + done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<unsigned int>(n);
  }
  out.resize(done);
  at_ += done;
  return out;
}

void bounded_stream::seek(long offset, Position from) {
  long base = from == Beginning ? 0 : from == Current ? at_ : length();
  // Sums of sizes that a file made up may not fit; a place far behind the end is as good as any other there.
  if (__builtin_add_overflow(base, offset, &at_)) at_ = length();
  at_ = std::max(at_, 0L);
}

std::string utf8(const TagLib::String& s) { return s.to8Bit(true); }

std::string bytes_of(const TagLib::ByteVector& b) { return {b.data(), b.size()}; }

void add_comment(const TagLib::Ogg::XiphComment& comment, tags& out) {
  for (const auto& [name, values] : comment.fieldListMap()) {
    for (const TagLib::String& value : values) out.add(utf8(name), utf8(value));
  }
  // The list itself is only given to those who may change it.
  for (const TagLib::FLAC::Picture* p : const_cast<TagLib::Ogg::XiphComment&>(comment).pictureList()) {
    out.add_picture(bytes_of(p->data()), p->type() == TagLib::FLAC::Picture::FrontCover);
  }
}

}  // namespace carrel::publication::audio
