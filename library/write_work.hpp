#pragma once
// What the job that writes books back asks and notes (write_back.hpp). For ingest/ only.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/write_back.hpp"

namespace carrel::library {

// Books whose files are in their place and of which something may have to be written, in the order of their ids; without those
// that changed in the last `quiet` seconds.
std::vector<uuid> books_to_write(db::tx&, const book_library&, const write_choice&, std::int64_t quiet, const uuid& after,
                                 int most);
std::int64_t count_books_to_write(db::tx&, const book_library&, const write_choice&);
std::vector<book_library> libraries_that_write(db::tx&);

struct book_to_write {
  struct file {
    uuid id;
    std::string path, checksum, format, name;
    bool takes_metadata = false;          // an EPUB that may be written into
    std::string before, after, metadata;  // when it was written last; "" never
  };
  uuid id;
  std::string title;
  bool held = false;              // a Kobo has it
  std::string cover, cover_type;  // of a cover that a person chose, where it is stored and its MIME type; "" none
  std::vector<file> files;        // in the tree, best format first
};
// Without those that have no file in the tree.
std::vector<book_to_write> find_books_to_write(db::tx&, const book_library&, const std::vector<uuid>& books);
// publication::corrected as JSON, of the fields that are chosen; nothing of a book that is not there.
std::optional<std::string> metadata_to_write(db::tx&, const uuid& book, const write_choice&);

struct write_outcome {
  std::string state = "written", problem{}, detail{};
};
void note_write(db::tx&, const uuid& book, const uuid& library, const write_choice&, const write_outcome&);

struct side_file {
  uuid id;
  std::string kind, storage_path, sha256, next_sha256;
  bool has_bytes(std::string_view digest) const { return !digest.empty() && (digest == sha256 || digest == next_sha256); }
};
std::vector<side_file> side_files_of(db::tx&, const uuid& book);
// Another book's files lie in the folder, too ("trees/.../", with its last slash).
bool shares_folder(db::tx&, const uuid& book, const std::string& folder);
// One of these names is that of another book's side file.
bool has_another_owner(db::tx&, const uuid& book, const std::vector<std::string>& paths);
// Announces bytes for it, and confirms them when they are there. False when another book has the name.
bool begin_side_file(db::tx&, const uuid& book, const std::string& kind, const std::string& path, const std::string& sha256);
void end_side_file(db::tx&, const uuid& book, const std::string& kind);
void forget_side_file(db::tx&, const uuid& id);
void disown_side_file(db::tx&, const uuid& id);  // a stray from now on
// Of books that have no file beside them any more: they were moved, merged, or are gone. In the order of their ids.
std::vector<side_file> stray_side_files(db::tx&, const uuid& after, int most);
// Books whose metadata.opf speaks for a folder that has got another book: their next one bears their name.
void name_side_files_anew(db::tx&, const uuid& book, const std::string& folder);

struct file_write {
  uuid file;
  std::string path, before, after;
  uuid kept;
  std::string now_at, now_is;  // what its row says: storage path, checksum
};
std::vector<file_write> file_writes_of(db::tx&, const std::optional<uuid>& book);  // absent: of all
std::optional<file_write> find_file_write(db::tx&, const uuid& file);
void begin_file_write(db::tx&, const file_write&);
void end_file_write(db::tx&, const uuid& file);
// `after` is "" of a file that cannot be changed safely.
void note_written_file(db::tx&, const uuid& file, const std::string& before, const std::string& after,
                       const std::string& metadata);
// The row of the file, locked, still says that; its library still writes into files, and no Kobo has its book.
bool may_write_file(db::tx&, const uuid& file, const std::string& path, const std::string& checksum);

}  // namespace carrel::library
