#pragma once
// Recordings that a test makes, and what became of them.

#include <string>

#include "../../unit/publication/audio_maker.hpp"
#include "workbench.hpp"

namespace carrel::ingest::test {

// An mp3 of 36 ms a frame; without an album it says nothing of the book.
inline std::string track(const std::string& album, const std::string& title, int number, std::size_t frames = 100) {
  namespace sound = carrel::publication::test;
  std::string tags = sound::id3_text("TIT2", title);
  if (!album.empty()) tags += sound::id3_text("TALB", album) + sound::id3_text("TPE1", "Ada Fenwick");
  if (number > 0) tags += sound::id3_text("TRCK", std::to_string(number));
  return sound::mp3(tags, frames);
}

// "1 a.mp3; 2 b.mp3" of the book's edition.
inline std::string tracks_of(workbench& b, const std::string& title) {
  return b.text(
      "select coalesce(string_agg(t.track_index || ' ' || f.original_name, '; ' order by t.track_index), '')"
      "  from audio_tracks t join audio_editions e on e.id = t.edition_id join books b on b.id = e.book_id"
      "  join book_files f on f.id = t.book_file_id where b.title = '" +
      title + "'");
}

}  // namespace carrel::ingest::test
