#pragma once
// What a file name tells about a book (ingest.md 15.3). The weakest source of all: used where the file itself says nothing.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "publication/metadata.hpp"

namespace carrel::publication {

struct guess {
  std::string title, author, series;
  std::string series_index;  // as written, without leading zeros
  std::string year;          // YYYY
  std::string asin, narrator;
  bool operator==(const guess&) const = default;
};

// Whether somebody is known as an author.
using author_test = std::function<bool(const std::string& name)>;

// `name` is a file name with extension; a path in front of it is ignored. The title is never empty. What stands before the first
// dash is an author that is known, or looks like one (15.3).
guess guess_from_name(std::string_view name, const author_test& is_author = {});

// "Series 012 (2019) (Digital)" (ingest.md 15.3, comics).
guess guess_from_comic_name(std::string_view name);

// The same of an audiobook's file or folder, in whose name a year or the place in a series may stand first: "1999 - Title",
// "Book 2 - Title", "Vol. 3 Title", "6. Title" (ingest.md 15.3). The series itself is then not known.
guess guess_from_audiobook_name(std::string_view name, const author_test& is_author = {});

// "Author/Series/Title" or "Author/Title", the folder of an audiobook below where audiobooks are kept; its last part as above.
guess guess_from_audiobook_folder(std::string_view path);

// What a file does not say about itself is taken from its name, and the librarian is asked (metadata_missing_title,
// metadata_missing_author). A name that speaks of another title says nothing.
void complete_from_name(metadata&, const guess&, std::vector<warning>&);

std::string file_stem(std::string_view name);  // without path and extension; ".kepub.epub" and ".fb2.zip" are one extension
std::string file_extension(
    std::string_view name);  // lower case, without dot: "epub", "kepub.epub", "fb2.zip"; "" when there is none

}  // namespace carrel::publication
