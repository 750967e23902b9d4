#pragma once
// What the tags of a sound file say, before the table of ingest.md 14.2 gives it a meaning. For the files of this folder only.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "publication/metadata.hpp"

namespace carrel::publication::audio {

constexpr std::size_t longest_text = 1 << 20, largest_picture = 20 << 20, most_chapters = 5000;  // ingest.md 14.6

class tags {
 public:
  explicit tags(std::vector<warning>& warnings) : warnings_(warnings) {}

  // Names as the table has them, without regard to case: "TALB", "TXXX:SERIES", "©alb", "----:SERIES", "ALBUM". Values are UTF-8
  // and not cleaned; blank ones do not count.
  void add(std::string_view name, std::string value);
  const std::vector<std::string>& all(std::string_view lower_name) const;
  const std::map<std::string, std::vector<std::string>, std::less<>>& values() const { return values_; }

  // The first picture that says it is the front cover is kept, else the first of all.
  void add_picture(std::string bytes, bool front);
  void refuse_picture();  // it is too large
  const std::string& picture() const { return picture_; }

  std::vector<warning>& warnings() { return warnings_; }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::size_t count_ = 0, bytes_ = 0;
  std::string picture_;
  bool front_ = false;
  std::vector<warning>& warnings_;
};

}  // namespace carrel::publication::audio
