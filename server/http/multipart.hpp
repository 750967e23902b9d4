#pragma once
// multipart/form-data and application/x-www-form-urlencoded.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/error.hpp"
#include "server/http/message.hpp"

namespace carrel::http {

// Fields of an urlencoded form body; empty for other content types. Invalid UTF-8 and NUL make a field absent.
class form {
 public:
  explicit form(const request&);
  std::string text(std::string_view name) const;  // "" when absent
  std::vector<std::string> all(std::string_view name) const;
  bool has(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct part {
  std::string name, file_name, type;  // file_name as sent, not a path to be trusted
  std::string text;                   // small parts without a file name (at most 64 KiB)
  std::filesystem::path file;         // parts with a file name: a file of its own inside `folder`
  std::uint64_t size = 0;
};

// Splits the body file of a multipart request. Parts with a file name are written to new files in `folder` (exclusive
// names, mode 0640). Reads and writes in pieces; needs constant memory. At most 1000 parts. Blocking: run it on a worker.
result<std::vector<part>> split_multipart(const std::filesystem::path& body, std::string_view content_type,
                                          const std::filesystem::path& folder);

}  // namespace carrel::http
