#pragma once
// A ZIP archive behind the safety limits of ingest.md 20 and 21. libzip stays behind this header.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "publication/metadata.hpp"
#include "publication/open.hpp"
#include "server/core/error.hpp"

struct zip;
struct zip_source;

namespace carrel::publication {

struct archive_entry {
  std::string name;  // raw bytes
  std::uint64_t index = 0, size = 0, packed = 0;
  std::uint32_t crc = 0;
  std::uint16_t method = 0;
  bool encrypted = false, symlink = false, duplicate = false;  // duplicate: there is a later entry of this name
  bool is_folder() const { return name.ends_with('/'); }
};

// Reads with pread, so the position of the descriptor does not matter; the descriptor must outlive the archive.
class archive {
 public:
  // Refusals: archive_corrupt, archive_multivolume, archive_too_many_entries, archive_ratio, archive_too_large,
  // archive_unsafe_path. `unpacked` is the limit for the sum of sizes.
  static result<std::unique_ptr<archive>, refusal> open(int descriptor, const limits&, std::uint64_t unpacked);
  ~archive();
  archive(const archive&) = delete;
  archive& operator=(const archive&) = delete;

  const std::vector<archive_entry>& entries() const { return entries_; }
  std::uint64_t declared_size() const { return declared_; }

  const archive_entry* find(std::string_view name) const;          // exact bytes; the first of duplicates
  const archive_entry* find_close(const std::string& name) const;  // NFC and NFD, percent-encoded, '\' as '/', then without case
  const archive_entry* find_without_case(const std::string& name) const;

  // The whole entry. More than `limit` bytes: refusal `too_large`. Others: archive_encrypted, archive_symlink,
  // archive_unsupported_method, archive_entry_damaged.
  result<std::string, refusal> read(const archive_entry&, std::uint64_t limit, std::string_view too_large);

 private:
  friend class repacked;
  archive();
  zip* handle() const;
  struct state;
  std::unique_ptr<state> state_;
  std::vector<archive_entry> entries_;
  std::unordered_map<std::string, std::size_t> by_name_;
  mutable std::unordered_map<std::string, std::size_t> by_folded_name_;  // filled when first asked
  std::uint64_t declared_ = 0, read_ = 0, most_ = 0;
};

bool is_unsafe_path(std::string_view name);  // would unpacking by it write outside of a folder, here or on another system (21)?
bool ratio_exceeded(std::uint64_t size, std::uint64_t packed, std::uint64_t limit);

// The names an href may mean, in the order of ingest.md 9.6; nullopt when it leaves the container.
// `base` is the folder of the document with the href, without a slash at the end.
std::optional<std::string> resolve_href(std::string_view base, std::string_view href, bool decode = true);
std::string folder_of(std::string_view path);  // "" for the top

}  // namespace carrel::publication
