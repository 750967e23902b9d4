#pragma once
// Where the files of a book lie in a managed tree (ingest.md 6.2 to 6.5). Text in, text out.

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ingest/tree_names.hpp"
#include "server/core/error.hpp"

namespace carrel::ingest {

constexpr std::string_view default_pattern = "{author}/[{series}/][{series_index:2} - ]{title}/{title} - {author}";

// What the names of a pattern stand for; "" is unknown.
struct path_values {
  std::string title, subtitle, title_sort, author_sort, series;
  std::vector<std::string> authors;
  std::optional<double> series_number;
  std::string series_text;  // the place in the series when it is no number
  std::string year, language, publisher, isbn, format;
  std::string id8;       // of the book's id
  std::string original;  // stem of the file as it came
};

class path_pattern {
 public:
  // The error says what is wrong and where; its field is "pattern".
  static result<path_pattern> parse(std::string_view);

  // Folders and the stem, cleaned; never empty, no component empty, reserved, or one that leads out of the root. With the longest
  // of the extensions that follow it has at most 800 bytes.
  std::vector<std::string> expand(const path_values&, std::size_t longest_extension) const;

 private:
  struct name {
    std::vector<std::string> choices;  // the first that is known
    int digits = 0;
  };
  using piece = std::variant<std::string, name>;
  struct part {
    std::vector<piece> pieces;
    bool optional = false;  // [ ... ]
  };
  friend class pattern_reader;
  std::vector<part> parts_;
};

// One file of a book on its way to its place.
struct wanted_file {
  std::string name;        // what is unique among the book's files: an extension, or "NN - stem.mp3" of a folder of tracks
  bool in_folder = false;  // of tracks: the last component of the pattern is their folder
};

// Paths below the root, in the order of the files, none of which has the name of anything that is there. The tree does not name
// files that are the book's own. Nothing when ten thousand names are taken.
std::vector<std::string> free_paths(const std::vector<std::string>& expanded, const std::vector<wanted_file>&,
                                    const std::string& id8, const names_like&);

}  // namespace carrel::ingest
