#pragma once

#include <filesystem>
#include <string>

namespace carrel::ingest::test {

struct book {
  std::string title = "The Small Book", author = "Ada Lark", text = "Once there was a book.", isbn = {};
  std::string cover = {};  // bytes of a PNG
};
std::string epub(const book&);

void write(const std::filesystem::path&, const std::string& bytes);
std::string read(const std::filesystem::path&);

}  // namespace carrel::ingest::test
