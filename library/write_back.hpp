#pragma once
// What the library says of a book, written into its files or beside them (product.md 3.2, managed with write-back): the choice of
// a tree whose files Carrel names, and what came of it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "library/libraries.hpp"

namespace carrel::library {

struct write_choice {
  std::string where{};                // "", side: metadata.opf beside the book; files: into EPUBs, beside others
  std::vector<std::string> fields{};  // of publication::writable_fields, in that order
  bool on() const { return !where.empty(); }
  bool writes(std::string_view field) const;
  bool operator==(const write_choice&) const = default;
};
write_choice every_field(const std::string& where);
// "side title,authors"; "off".
std::string to_text(const write_choice&);
std::optional<write_choice> write_choice_from_text(std::string_view);
// In the order of writable_fields. Error fields: library.write_where, library.write_fields.
result<write_choice> write_choice_of(const std::string& where, const std::vector<std::string>& fields);
// A library that is only read is never written, and the store has no folders for people. Error fields: library.read_only,
// library.no_tree.
std::optional<error> refuses_write(const book_library&);

write_choice find_write_choice(db::tx&, const uuid& library);
// Callers have asked refuses_write. The choice until now.
write_choice set_write_choice(db::tx&, const uuid& library, const write_choice&, const actor&);

struct write_counts {
  std::int64_t written = 0, held = 0, failed = 0;
  std::int64_t waiting = 0;  // will be looked at soon
  bool any() const { return written + held + failed + waiting > 0; }
};
write_counts count_written(db::tx&, const book_library&);
json::object to_json(const write_choice&, const write_counts&);

// What people should know of: it could not be written, or a Kobo has the file. Newest first, after the given book.
struct unwritten_book {
  uuid book;
  std::string title, problem, detail;  // problem: a code; "kobo_holds" of one that waits for Kobos
  instant since{};
};
std::vector<unwritten_book> unwritten_books(db::tx&, const uuid& viewer, const uuid& library, const std::optional<uuid>& after,
                                            int most);

// What would be written, said before it is done.
struct write_preview {
  struct line {
    uuid book;
    std::string title, path;  // below the root
    std::string how;          // side, cover, file; held: into the file as soon as no Kobo has it
  };
  std::vector<line> lines;
  std::int64_t books = 0, files = 0, beside = 0, held = 0;
};
json::object to_json(const write_preview&);

}  // namespace carrel::library
