#pragma once
// Which names are looked at (ingest.md 3.2). All compare on bytes, ASCII case-insensitively.

#include <string>
#include <string_view>
#include <vector>

namespace carrel::ingest {

bool ignored_file(std::string_view name, const std::vector<std::string>& patterns);
bool ignored_folder(std::string_view name, const std::vector<std::string>& patterns);

// Descriptions and pictures that lie beside books; alone they are not a book (3.4). In folders they are passed over.
bool is_sidecar(std::string_view name);

// One path component for storage (6.4), with the extension kept.
std::string safe_name(std::string_view raw);
// For people: valid UTF-8, one line.
std::string shown_name(std::string_view raw);

}  // namespace carrel::ingest
