#pragma once
// The one entry to every format: find the type by content (ingest.md 8), read it within the limits (20).

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "publication/metadata.hpp"
#include "server/core/error.hpp"

namespace carrel::publication {

struct limits {
  std::uint64_t file_size = 4ULL << 30;
  std::uint64_t audio_file_size = 16ULL << 30;
  std::uint64_t entries = 30'000;
  std::uint64_t unpacked = 1ULL << 30;
  std::uint64_t comic_unpacked = 4ULL << 30;
  std::uint64_t ratio = 200;  // only above 32 MiB
  std::uint64_t package_xml = 16ULL << 20;
  std::uint64_t content_xml = 32ULL << 20;
  std::uint64_t container_xml = 1ULL << 20;
  std::uint64_t image = 64ULL << 20;
  std::uint64_t fiction_xml = 128ULL << 20, fiction_binaries = 96ULL << 20;
  std::uint64_t plain_text = 64ULL << 20;
  int xml_depth = 256;
  std::uint64_t manifest_items = 20'000, spine_items = 10'000;
  std::uint64_t hashed_audio = 2'000'000'000;  // a larger file has no content hash (7.2)
  std::uint64_t pdf_hashed = 1ULL << 30;       // unpacked bytes of a PDF; more than that has no content hash
};

struct kind {
  std::string format;     // as opened.format; "" when nothing known
  std::string extension;  // with the dot, as delivered: ".epub", ".kepub.epub", ".cbz", ...
  std::string mime;       // opds.md 5.8
  std::string family;     // text, comic, audio, pdf: content hashes compare only inside a family
};
const std::vector<kind>& kinds();
const kind* find_kind(const std::string& format);

// file_too_large when no format may have that size; known before a byte is read.
std::optional<refusal> too_large(std::uint64_t size, const limits& = {});

// By magic, then by what is inside a ZIP, then by extension. Refusals: unsupported_type, archive_corrupt, ...
result<kind, refusal> recognise(int descriptor, const std::string& file_name, const limits&, std::vector<warning>& warnings);

// Reads an already opened regular file (ingest.md 4.1: one descriptor from check to use). `file_name` is its name for people.
// Called in the isolated parse process only, except in tests and `carrel hash`.
result<opened, refusal> open(int descriptor, const std::string& file_name, const limits& = {});

}  // namespace carrel::publication
