#pragma once
// Archives that tell what they hold only while they are read, behind the limits of ingest.md 20 and 21. For the files of this
// folder only.

#include <cstddef>

#include "publication/comic/parts.hpp"
#include "publication/comic/rar_header.hpp"

namespace carrel::publication::comic {

class sequence : public parts {
 public:
  result<std::optional<part>, refusal> next() final;
  result<std::string, refusal> read(std::uint64_t limit, std::string_view too_large) final;
  std::optional<refusal> restart() final;

 protected:
  sequence(std::uint64_t file_size, const limits& limit) : file_size_(file_size), limit_(limit) {}

  virtual std::optional<refusal> reopen() = 0;
  virtual result<std::optional<part>, refusal> advance() = 0;
  // At most `room` bytes more of the part; none at its end. Calls give_up() when nothing behind it can be read.
  virtual result<std::size_t, refusal> pull(char* to, std::size_t room) = 0;

  const part& current() const { return at_; }
  refusal give_up(refusal why);  // next() will say it again

 private:
  std::optional<refusal> count(const part&);

  std::uint64_t file_size_;
  const limits& limit_;
  part at_;
  std::uint64_t entries_ = 0, unpacked_ = 0;
  std::optional<refusal> broken_;
};

// `files` is what the blocks of a RAR archive say.
std::unique_ptr<sequence> libarchive_sequence(int descriptor, const std::string& format, std::vector<rar_file> files,
                                              const limits&);
// For solid archives of RAR 4, which libarchive cannot read (10.2).
std::unique_ptr<sequence> unarr_sequence(int descriptor, const limits&);

}  // namespace carrel::publication::comic
