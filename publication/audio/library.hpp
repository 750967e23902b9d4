#pragma once
// TagLib over a part of an opened file. What it reads is counted, because it believes the sizes it finds and goes into boxes as
// deep as they are nested. For the files of this folder only.

#include <taglib/tiostream.h>

#include <cstdint>

#include "publication/audio/bytes.hpp"
#include "publication/audio/tags.hpp"

namespace TagLib {
class String;
namespace Ogg {
class XiphComment;
}
}  // namespace TagLib

namespace carrel::publication::audio {

class bounded_stream final : public TagLib::IOStream {
 public:
  bounded_stream(int descriptor, range where, std::size_t most_reads);

  // Nothing at all when that is more than anything in a tag may have, or more than all of them together.
  TagLib::ByteVector readBlock(unsigned long length) override;
  bool refused_a_block() const { return refused_; }  // because of its size

  TagLib::FileName name() const override { return ""; }
  bool readOnly() const override { return true; }
  bool isOpen() const override { return true; }
  void seek(long offset, Position from) override;
  long tell() const override { return at_; }
  long length() override { return static_cast<long>(where_.size()); }

  // Nothing is ever written.
  void writeBlock(const TagLib::ByteVector&) override {}
  void insert(const TagLib::ByteVector&, unsigned long, unsigned long) override {}
  void removeBlock(unsigned long, unsigned long) override {}
  void truncate(long) override {}

 private:
  int descriptor_;
  range where_;
  std::size_t reads_left_;
  std::uint64_t bytes_left_;
  long at_ = 0;
  bool refused_ = false;
};

std::string utf8(const TagLib::String&);
std::string bytes_of(const TagLib::ByteVector&);
void add_comment(const TagLib::Ogg::XiphComment&, tags&);  // its fields and its pictures

}  // namespace carrel::publication::audio
