#pragma once
// Calibre libraries made by hand: the tables that matter, with Calibre's own words for them.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

struct sqlite3;

namespace carrel::publication::test {

struct calibre_file {
  std::string format, bytes;  // "EPUB"; "" = not on disk
};

struct calibre_book {
  std::string title = "A Book", author = "Ada Lark", author_sort = "Lark, Ada", uuid = {};
  std::string timestamp = "2020-01-02 03:04:05+00:00", pubdate = "2011-05-04 10:00:00+00:00",
              last_modified = "2021-01-02 03:04:05+00:00";
  std::string folder = {}, stem = "book";  // folder "" = Author/Title (id)
  std::vector<calibre_file> files = {};
  std::string cover = {};
};

class calibre_maker {
 public:
  explicit calibre_maker(const std::filesystem::path& folder,
                         const std::string& library = "11111111-2222-4333-8444-555555555555");
  static std::unique_ptr<calibre_maker> reopen(const std::filesystem::path& folder);  // one that was made before
  ~calibre_maker();
  calibre_maker(const calibre_maker&) = delete;
  calibre_maker& operator=(const calibre_maker&) = delete;

  int add(const calibre_book&);  // its id
  void run(const std::string& sql);
  std::filesystem::path folder_of(int id);

 private:
  calibre_maker() = default;
  void open(const std::filesystem::path&);

  std::filesystem::path folder_;
  sqlite3* db_ = nullptr;
};

}  // namespace carrel::publication::test
