#pragma once
// Which recordings of a folder are of one book, and in what order (audiobooks.md A2, ingest.md 14.5). Pure: what the files say of
// themselves comes from outside.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "publication/open.hpp"

namespace carrel::ingest {

bool is_recording(std::string_view path);           // by its extension
bool is_disc_folder(std::string_view folder_name);  // "CD1", "Disc 02", "Teil 3": of the folder above it
const std::string& recording_pattern();             // of such names, a regular expression of PostgreSQL
bool is_helper(std::string_view file_name);         // beside recordings: desc.txt, reader.txt, *.cue

struct recording {
  std::string path;   // below the book's folder
  std::string album;  // "" when it says none; of another format its title
  std::string author;
  std::optional<int> disc, track;
  std::string part;  // of those that were sorted before
  bool was_sorted = false;
  bool is_sound = true;     // another format of the book else
  std::int64_t length = 0;  // ms; 0 when it is not known
  bool gone = false;        // from the folder: known by its book alone
  bool withdrawn = false;   // gone, and it was not Carrel that took it
  // What comes of it:
  int position = 0;  // from 1; 0: no part of the recording
  bool leads = false;
  std::string title;      // the leading one's: the album without its disc, when the albums differ in that
  bool outdated = false;  // gone, and others lie in its place now
};
// What a file says of itself, as far as it is looked at for that.
void describe(recording&, const publication::opened&);
std::optional<int> track_number(const std::string&);  // nothing when it is none that can be believed
// Under which a recording is delivered: "07 - The Storm.mp3".
std::string delivered_name(int position, std::size_t of, const std::string& original_name, const std::string& extension);
// Fills in part, position and leads. One book, unless the albums differ; `loose` ones without an album are a book each.
void sort_recordings(std::vector<recording>&, bool loose, const std::string& title);

}  // namespace carrel::ingest
