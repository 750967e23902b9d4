#pragma once
// A new ZIP archive made of the entries of another and of new ones (kepub.md 3). What goes in decides what comes out, to the
// byte: there are no times in it and nothing of the machine. For the files of this folder only.

#include <cstdint>
#include <filesystem>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "publication/container.hpp"

namespace carrel::publication {

// An entry as it stands in an archive. Packed as soon as it is made, it is a third of what it was: a book is long.
struct packed_bytes {
  std::string bytes;
  std::uint64_t size = 0;  // unpacked
  std::uint32_t crc = 0;
  bool deflated = false;
};
packed_bytes deflated(std::string_view);
packed_bytes stored(std::string);

class repacked {
 public:
  // `from` has to outlive it. Nothing is at `to` before finish(), and nothing of it is left when that is never called.
  repacked(archive& from, const std::filesystem::path& to);
  ~repacked();
  repacked(const repacked&) = delete;
  repacked& operator=(const repacked&) = delete;

  // In the order of the calls; of one name the first.
  // Packed as it is; false, and the entry is left out, when it is packed in a way that libzip does not know.
  bool copy(const archive_entry&);
  void put(const std::string& name, packed_bytes);

  std::optional<refusal> finish();  // kepub_failed, with the system's reason

 private:
  struct source;
  void add(const std::string& name, zip_source* bytes, int method);

  archive& from_;
  zip* zip_ = nullptr;
  std::list<source> kept_;  // read when the archive is written
  std::unordered_set<std::string> names_;
  std::string failed_;
};

}  // namespace carrel::publication
