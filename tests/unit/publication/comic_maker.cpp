#include "comic_maker.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <zlib.h>

#include <memory>
#include <stdexcept>

namespace carrel::publication::test {
namespace {

std::string little(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}

std::string variable(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
  return out + static_cast<char>(value);
}

std::uint32_t crc_of(const std::string& s) {
  return static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(s.data()), static_cast<uInt>(s.size())));
}

bool is_folder(const part& p) { return p.name.ends_with('/'); }
std::uint32_t mode_of(const part& p) {
  if (is_folder(p)) return 040755;
  std::uint32_t mode = p.attributes >> 16;
  return (mode & 0170000) == 0 ? mode | 0100000 : mode;
}

std::string block_4(int type, int flags, const std::string& rest) {
  std::string head = little(static_cast<std::uint64_t>(type), 1) + little(static_cast<std::uint64_t>(flags), 2) +
                     little(7 + rest.size(), 2) + rest;
  return little(crc_of(head) & 0xffff, 2) + head;
}

std::string block_5(const std::string& content) {
  std::string sized = variable(content.size()) + content;
  return little(crc_of(sized), 4) + sized;
}

// libarchive writes names that are not ASCII only where the character set is UTF-8.
class utf8_names {
 public:
  ~utf8_names() { ::uselocale(before_); }
  utf8_names() = default;
  utf8_names(const utf8_names&) = delete;
  utf8_names& operator=(const utf8_names&) = delete;

 private:
  static locale_t utf8() {
    static const locale_t made = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return made;
  }
  locale_t before_ = ::uselocale(utf8());
};

la_ssize_t append(::archive*, void* to, const void* bytes, size_t size) {
  static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

void must(int went) {
  if (went < ARCHIVE_WARN) throw std::runtime_error("libarchive cannot write");
}

std::string written(::archive* a, const std::vector<part>& parts) {
  std::unique_ptr<::archive, decltype(&archive_write_free)> owner(a, &archive_write_free);
  utf8_names names;
  std::string out;
  archive_write_set_bytes_in_last_block(a, 1);
  must(archive_write_open(a, &out, nullptr, append, nullptr));
  for (const part& p : parts) {
    std::unique_ptr<::archive_entry, decltype(&archive_entry_free)> e(archive_entry_new(), &archive_entry_free);
    archive_entry_set_pathname(e.get(), p.name.c_str());
    archive_entry_set_mode(e.get(), mode_of(p));
    bool link = (mode_of(p) & 0170000) == 0120000;
    if (link) archive_entry_set_symlink(e.get(), p.data.c_str());
    archive_entry_set_size(e.get(), link || is_folder(p) ? 0 : static_cast<la_int64_t>(p.data.size()));
    must(archive_write_header(a, e.get()));
    if (!link && archive_write_data(a, p.data.data(), p.data.size()) < 0)
      throw std::runtime_error("libarchive cannot write data");
  }
  must(archive_write_close(a));
  return out;
}

}  // namespace

std::string make_rar4(const std::vector<part>& parts, rar_options how) {
  std::string out("Rar!\x1a\x07\0", 7);
  int flags = (how.volume ? 1 : 0) | (how.solid ? 8 : 0) | (how.encrypted_headers ? 0x80 : 0);
  out += block_4(0x73, flags, std::string(6, '\0'));
  bool first = true;
  for (const part& p : parts) {
    constexpr int utf8_name = 0x200;
    int of_file =
        0x8000 | utf8_name | (how.encrypted_files ? 4 : 0) | (how.solid && !first ? 0x10 : 0) | (is_folder(p) ? 0xe0 : 0);
    std::string name = is_folder(p) ? p.name.substr(0, p.name.size() - 1) : p.name;
    out += block_4(0x74, of_file,
                   little(p.data.size(), 4) + little(p.size.value_or(static_cast<std::uint32_t>(p.data.size())), 4) + "\x03" +
                       little(p.crc.value_or(crc_of(p.data)), 4) + little(0x58000000, 4) + "\x14" + "\x30" +
                       little(name.size(), 2) + little(mode_of(p), 4) + name);
    out += p.data;
    first = false;
  }
  return out + block_4(0x7b, 0x4000, "");
}

std::string make_rar5(const std::vector<part>& parts, rar_options how) {
  std::string out("Rar!\x1a\x07\x01\0", 8);
  if (how.encrypted_headers) {
    return out + block_5(variable(4) + variable(0) + variable(0) + variable(0) + variable(15) + std::string(16, 's'));
  }
  out += block_5(variable(1) + variable(0) + variable((how.volume ? 1u : 0u) | (how.solid ? 4u : 0u)));
  for (const part& p : parts) {
    // Version, salt and the rest of a record about encryption.
    std::string record = variable(1) + variable(0) + variable(0) + "\x0f" + std::string(32, 's');
    std::string extra = how.encrypted_files ? variable(record.size()) + record : "";
    std::string name = is_folder(p) ? p.name.substr(0, p.name.size() - 1) : p.name;
    out += block_5(variable(2) + variable(2u | (extra.empty() ? 0u : 1u)) + (extra.empty() ? "" : variable(extra.size())) +
                   variable(p.data.size()) + variable(is_folder(p) ? 1 : 4) + variable(p.size.value_or(p.data.size())) +
                   variable(mode_of(p)) + (is_folder(p) ? "" : little(p.crc.value_or(crc_of(p.data)), 4)) + variable(0) +
                   variable(1) + variable(name.size()) + name + extra);
    out += p.data;
  }
  return out + block_5(variable(5) + variable(0) + variable(0));
}

std::string make_tar(const std::vector<part>& parts) {
  ::archive* a = archive_write_new();
  archive_write_set_format_ustar(a);
  return written(a, parts);
}

std::string make_7z(const std::vector<part>& parts, const std::string& compression) {
  ::archive* a = archive_write_new();
  archive_write_set_format_7zip(a);
  must(archive_write_set_format_option(a, "7zip", "compression", compression.c_str()));
  return written(a, parts);
}

const std::vector<container>& containers() {
  static const std::vector<container> all{
      {"Shore.cbz", [](const std::vector<part>& p) { return make_zip(p); }},
      {"Shore 4.cbr", [](const std::vector<part>& p) { return make_rar4(p); }},
      {"Shore 4 solid.cbr", [](const std::vector<part>& p) { return make_rar4(p, {.solid = true}); }},
      {"Shore 5.cbr", [](const std::vector<part>& p) { return make_rar5(p); }},
      {"Shore.cb7", [](const std::vector<part>& p) { return make_7z(p); }},
      {"Shore stored.cb7", [](const std::vector<part>& p) { return make_7z(p, "store"); }},
      {"Shore.cbt", [](const std::vector<part>& p) { return make_tar(p); }},
  };
  return all;
}

std::string page_picture(int number) { return make_png(16 + number, 24); }

}  // namespace carrel::publication::test
