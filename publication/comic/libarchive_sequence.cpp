// RAR, 7z and tar through libarchive, with what ingest.md 10.2 tells about it.

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <new>

#include "publication/comic/sequence.hpp"
#include "publication/file_bytes.hpp"
#include "publication/unicode.hpp"
#include "publication/utf8_names.hpp"
#include "server/core/error.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::comic {
namespace {

struct source {
  int descriptor = -1;
  std::uint64_t size = 0, at = 0;
  std::string window{};
};

la_ssize_t read_source(::archive*, void* client, const void** bytes) {
  constexpr std::size_t at_once = 128 << 10;
  auto& s = *static_cast<source*>(client);
  s.window = read_at(s.descriptor, s.at, at_once);
  s.at += s.window.size();
  *bytes = s.window.data();
  return static_cast<la_ssize_t>(s.window.size());
}

la_int64_t skip_source(::archive*, void* client, la_int64_t wanted) {
  auto& s = *static_cast<source*>(client);
  if (wanted <= 0 || s.at >= s.size) return 0;
  std::uint64_t step = std::min(static_cast<std::uint64_t>(wanted), s.size - s.at);
  s.at += step;
  return static_cast<la_int64_t>(step);
}

la_int64_t seek_source(::archive*, void* client, la_int64_t offset, int whence) {
  auto& s = *static_cast<source*>(client);
  auto size = static_cast<la_int64_t>(s.size);
  la_int64_t base = whence == SEEK_END ? size : whence == SEEK_CUR ? static_cast<la_int64_t>(s.at) : 0;
  if (offset < -base || offset > size - base) return ARCHIVE_FATAL;
  s.at = static_cast<std::uint64_t>(base + offset);
  return base + offset;
}

struct free_reader {
  void operator()(::archive* a) const { archive_read_free(a); }
};
using reader = std::unique_ptr<::archive, free_reader>;

// libarchive has no codes for these, only sentences.
std::string failure_code(::archive* a, std::string_view otherwise) {
  const char* given = archive_error_string(a);
  std::string why = lower_ascii(given == nullptr ? "" : given);
  auto says = [&](std::string_view words) { return why.find(words) != std::string::npos; };
  if (says("crypt")) return "archive_encrypted";
  static constexpr std::array<std::string_view, 6> methods{
      "codec id", "compression method", "compression not supported", "dictionary size", "filter", "bcj2"};
  if (std::any_of(methods.begin(), methods.end(), says)) return "archive_unsupported_method";
  return says("crc") || says("checksum") ? "archive_entry_damaged" : std::string(otherwise);
}

class libarchive_parts final : public sequence {
 public:
  libarchive_parts(int descriptor, std::string format, std::vector<rar_file> files, const limits& limit)
      : sequence(size_of(descriptor), limit),
        format_(std::move(format)),
        files_(std::move(files)),
        source_{.descriptor = descriptor, .size = size_of(descriptor)} {}

 private:
  std::optional<refusal> reopen() override {
    utf8_names names;
    reader_.reset(archive_read_new());
    source_.at = 0;
    count_ = 0;
    ::archive* a = reader_.get();
    if (a == nullptr) throw std::bad_alloc();
    if (format_ == "cbr") {
      archive_read_support_format_rar(a);
      archive_read_support_format_rar5(a);
    } else if (format_ == "cb7") {
      archive_read_support_format_7zip(a);
    } else {
      archive_read_support_format_tar(a);
    }
    archive_read_set_read_callback(a, read_source);
    archive_read_set_skip_callback(a, skip_source);
    archive_read_set_seek_callback(a, seek_source);
    archive_read_set_callback_data(a, &source_);
    if (archive_read_open1(a) < ARCHIVE_WARN) return refusal{failure_code(a, "archive_corrupt"), ""};
    return std::nullopt;
  }

  result<std::optional<part>, refusal> advance() override {
    utf8_names names;
    ::archive_entry* e = nullptr;
    int went = archive_read_next_header(reader_.get(), &e);
    if (went == ARCHIVE_EOF) return std::optional<part>();
    if (went < ARCHIVE_WARN) return give_up({failure_code(reader_.get(), "archive_corrupt"), ""});
    const char* name = archive_entry_pathname(e);
    if (name == nullptr) name = archive_entry_pathname_utf8(e);
    if (name == nullptr) return give_up({"archive_corrupt", ""});
    auto type = archive_entry_filetype(e);
    std::int64_t size = archive_entry_size_is_set(e) != 0 ? archive_entry_size(e) : 0;
    if (size < 0) return give_up({"archive_corrupt", ""});
    part out{.name = name,
             .size = static_cast<std::uint64_t>(size),
             .is_folder = type == AE_IFDIR,
             .is_link = archive_entry_hardlink(e) != nullptr || (type != AE_IFREG && type != AE_IFDIR && type != 0),
             .encrypted = archive_entry_is_data_encrypted(e) > 0};
    add_facts(out);
    return std::optional(std::move(out));
  }

  // Of the file at the same place.
  void add_facts(part& p) {
    std::size_t i = count_++;
    if (i >= files_.size() || files_[i].size != p.size) return;
    p.crc = files_[i].crc;
    p.encrypted = p.encrypted || files_[i].encrypted;
  }

  result<std::size_t, refusal> pull(char* to, std::size_t room) override {
    utf8_names names;
    la_ssize_t n = archive_read_data(reader_.get(), to, room);
    if (n >= 0) return static_cast<std::size_t>(n);
    std::string name = clean_text(current().name, 200);
    if (n != ARCHIVE_FATAL) return refusal{failure_code(reader_.get(), "archive_entry_damaged"), name};
    return give_up({failure_code(reader_.get(), "archive_corrupt"), name});
  }

  std::string format_;
  std::vector<rar_file> files_;
  std::size_t count_ = 0;  // of parts so far
  source source_;
  reader reader_;
};

}  // namespace

std::unique_ptr<sequence> libarchive_sequence(int descriptor, const std::string& format, std::vector<rar_file> files,
                                              const limits& limit) {
  return std::make_unique<libarchive_parts>(descriptor, format, std::move(files), limit);
}

}  // namespace carrel::publication::comic
