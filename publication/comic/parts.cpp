#include "publication/comic/parts.hpp"

#include <algorithm>

#include "publication/comic/rar_header.hpp"
#include "publication/comic/sequence.hpp"

namespace carrel::publication::comic {
namespace {

class zip_parts final : public parts {
 public:
  explicit zip_parts(archive& zip) : zip_(zip) {}

  result<std::optional<part>, refusal> next() override {
    if (at_ >= zip_.entries().size()) return std::optional<part>();
    const archive_entry& e = zip_.entries()[at_++];
    return std::optional(
        part{.name = e.name, .size = e.size, .is_folder = e.is_folder(), .is_link = e.symlink, .encrypted = e.encrypted});
  }
  result<std::string, refusal> read(std::uint64_t limit, std::string_view too_large) override {
    return zip_.read(zip_.entries()[at_ - 1], limit, too_large);
  }
  std::optional<refusal> restart() override {
    at_ = 0;
    return std::nullopt;
  }

 private:
  archive& zip_;
  std::size_t at_ = 0;  // of the next part
};

result<std::unique_ptr<parts>, refusal> started(std::unique_ptr<sequence> s) {
  if (std::optional<refusal> bad = s->restart()) return *bad;
  return std::unique_ptr<parts>(std::move(s));
}

result<std::unique_ptr<parts>, refusal> rar_parts(int descriptor, const limits& limit) {
  rar_header rar = read_rar_header(descriptor, 2 * limit.entries);
  if (rar.is_volume) return refusal{"archive_multivolume", ""};
  if (rar.hides_names) return refusal{"archive_encrypted", ""};
  if (rar.is_cut) return refusal{"archive_corrupt", ""};
  if (!rar.is_version_4 || !rar.is_solid) return started(libarchive_sequence(descriptor, "cbr", std::move(rar.files), limit));
  // unarr does not tell what is encrypted, and nothing behind it could be read.
  bool encrypted = std::any_of(rar.files.begin(), rar.files.end(), [](const rar_file& f) { return f.encrypted; });
  if (encrypted) return refusal{"archive_encrypted", ""};
  return started(unarr_sequence(descriptor, limit));
}

}  // namespace

result<std::unique_ptr<parts>, refusal> open_parts(int descriptor, const recognised& found, const limits& limit) {
  if (found.zip) return std::unique_ptr<parts>(std::make_unique<zip_parts>(*found.zip));
  if (found.what.format == "cbr") return rar_parts(descriptor, limit);
  return started(libarchive_sequence(descriptor, found.what.format, {}, limit));
}

}  // namespace carrel::publication::comic
