#pragma once
// Comics in every container. There is no free program that writes RAR, so those are written by hand, uncompressed.

#include <string>
#include <vector>

#include "publication/open.hpp"
#include "zip_maker.hpp"

namespace carrel::publication::test {

struct rar_options {
  bool solid = false, volume = false;
  bool encrypted_files = false, encrypted_headers = false;  // only said, not done
};
// Of the parts name, data, crc and size are used. A name with a slash at its end is a folder; a part is a link when its
// attributes say so.
std::string make_rar4(const std::vector<part>&, rar_options = {});
std::string make_rar5(const std::vector<part>&, rar_options = {});

std::string make_tar(const std::vector<part>&);
std::string make_7z(const std::vector<part>&, const std::string& compression = "lzma2");  // solid

struct container {
  std::string name;  // of a file in it
  std::string (*make)(const std::vector<part>&);
};
const std::vector<container>& containers();  // all of them

std::string page_picture(int number);  // no two are equal

}  // namespace carrel::publication::test
