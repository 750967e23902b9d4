#pragma once
// One page or resource of a publication, without the rest of it (opds.md 8.2, 10).

#include <string>

#include "publication/outline.hpp"

namespace carrel::publication {

struct piece_wish {
  outline_item what;
  int width = 0;             // a page is scaled down to it; 0: as it is
  bool for_readers = false;  // a page that is no JPEG, PNG or GIF becomes a JPEG
};

struct piece {
  std::string bytes;
  std::string type;  // what a page turned out to be; "" of a resource
};

// Larger ones are refused: archive_entry_too_large.
constexpr std::uint64_t largest_piece = 32U << 20;

// Of an EPUB by its path, of a comic by place and name. A page that cannot be decoded comes as it is when readers know its type;
// an animated GIF always does. Refusals: unsupported_type, archive_entry_damaged, cover_unreadable, those of open(). Like
// open(), to be used in the isolated process only, except in tests.
result<piece, refusal> read_piece(int descriptor, const std::string& file_name, const piece_wish&, const limits& = {});

// The same for a picture that was drawn.
result<piece, refusal> fit_page(std::string picture, const piece_wish&);

}  // namespace carrel::publication
