#pragma once
// Files of the default managed library on disk: content-addressed, immutable, written under a temporary name, synced and
// renamed (ingest.md 4, architecture.md 11). Paths in the database are relative to the data directory; those of files that are
// read in place begin at the root of the file system, and nothing there is ever written, renamed or removed.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "publication/fingerprint.hpp"
#include "server/core/error.hpp"
#include "server/core/uuid.hpp"

namespace carrel::library {

class store {
 public:
  // Makes drop/, staging/, library/, attic/, quarantine/, trash/, covers/ below data_dir. Errors: not writable; staging, attic,
  // quarantine and trash on different file systems.
  static result<store> open(const std::filesystem::path& data_dir, const std::filesystem::path& cache_dir);

  const std::filesystem::path& data() const { return data_; }
  const std::filesystem::path& cache() const { return cache_; }
  std::filesystem::path absolute(const std::string& storage_path) const;
  // There is an ordinary file. One outside the data directory has to have the size that is known of it, for it may have changed
  // since, and no link may lead to it: whoever may write there could point one at anything (ingest.md 4.5).
  bool holds(const std::string& storage_path, std::optional<std::int64_t> size = std::nullopt) const;

  // library/ab/cd/<sha256><extension>
  std::string path_for(std::string_view sha256, std::string_view extension) const;
  std::string cover_path_for(std::string_view sha256, std::string_view mime) const;

  // Bytes into a file of the store: temporary name, write, fdatasync, read back, rename, fsync of the folder. Idempotent.
  std::optional<error> write(const std::string& storage_path, std::string_view bytes) const;

  std::uint64_t free_bytes() const;

 private:
  std::filesystem::path data_, cache_;
};

// The storage_path of a file that stays where it is. Paths that are not UTF-8 are percent-encoded after a first '%', because the
// database takes no such text.
std::string external_path(const std::filesystem::path& absolute);
bool is_external(std::string_view storage_path);
// Opens the file for reading when no component of the path is a link; -1 and errno otherwise.
int open_without_links(const std::filesystem::path& absolute);

// Proven copy, and its SHA-256 (ingest.md 4.1 step 4b): the bytes of `source` go to `target`, which must not exist; fdatasync,
// read back, equal SHA-256 or an error; the target's modification time is the source's; the folder is synced. Error fields are
// codes of ingest.md 22: disk_full, source_changed, source_unreadable.
result<std::string> copy_proven(int source, const std::filesystem::path& target);
std::optional<error> sync_folder(const std::filesystem::path&);
// Renames on one file system, never onto a name that is taken; syncs nothing. Error fields: target_exists, other_file_system,
// disk_full, store_unwritable.
std::optional<error> rename_new(const std::filesystem::path& from, const std::filesystem::path& to);
// The same with missing folders made and both folders synced; falls back to a proven copy plus unlink across file systems.
std::optional<error> move_proven(const std::filesystem::path& from, const std::filesystem::path& to);
// Nobody but us owns the open file or has a name for it.
bool ours_alone(int file);
// As move_proven for a file that came from outside: what is not ours alone is copied, so that nobody can change it afterwards.
std::optional<error> take_proven(const std::filesystem::path& from, const std::filesystem::path& to);
// Another name for a stored file, which stays; a proven copy where the kernel refuses links (fs.protected_hardlinks) or the file
// system has none. Syncs the folder of `to`. Error fields as above.
std::optional<error> link_proven(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace carrel::library
