#pragma once
// Which recordings of a folder are of one book, and in what order (audiobooks.md A2, ingest.md 14.5). Pure: what the files say of
// themselves comes from outside.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carrel::ingest {

bool is_recording(std::string_view path);           // by its extension
bool is_disc_folder(std::string_view folder_name);  // "CD1", "Disc 02", "Teil 3": of the folder above it
bool is_helper(std::string_view file_name);         // beside recordings: desc.txt, reader.txt, *.cue

struct recording {
  std::string path;   // below the book's folder
  std::string album;  // "" when it says none
  std::string author;
  std::optional<int> disc, track;
  std::string part;  // of those that were sorted before
  bool was_sorted = false;
  bool is_sound = true;  // another format of the book else
  // What comes of it:
  int position = 0;  // from 1; 0: no part of the recording
  bool leads = false;
};
// Fills in part, position and leads. One book, unless the albums differ; `loose` ones without an album are a book each.
void sort_recordings(std::vector<recording>&, bool loose, const std::string& title);

}  // namespace carrel::ingest
