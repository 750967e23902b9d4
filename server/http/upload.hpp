#pragma once
// Where a request's body goes while it arrives: memory, or a file of its own.

#include <filesystem>
#include <string>

#include "server/http/head.hpp"

namespace carrel::http {

class upload final : public body_taker {
 public:
  upload() = default;
  upload(const upload&) = delete;
  upload& operator=(const upload&) = delete;
  ~upload();  // removes the file unless a handler has moved it away

  void to_file(const std::filesystem::path& folder);  // problem 507 when the disk is full
  void take(std::string_view) override;
  void finish();  // closes the file

  std::string text;
  std::filesystem::path file;
  std::uint64_t size = 0;

 private:
  int descriptor_ = -1;
};

}  // namespace carrel::http
