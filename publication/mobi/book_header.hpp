#pragma once
// The numbers in front of a book: its first record, with MOBI's own header and the list of EXTH values. For the files of this
// folder only. What is not sound here never reaches libmobi.

#include <cstdint>
#include <optional>
#include <string>

#include "publication/mobi/palm_database.hpp"

namespace carrel::publication::mobi {

enum class compression { none = 1, palmdoc = 2, huffman = 17480 };

struct book_header {
  std::size_t record = 0;  // the numbers of other records count from this one
  compression packed = compression::none;
  std::size_t text_records = 0, text_record_size = 0;
  bool encrypted = false;
  bool has_mobi = false;  // false: PalmDOC, which has nothing of what follows
  std::uint64_t version = 0;
  std::optional<std::size_t> huffman, skeletons, fragments, contents, sections;  // records of the database
  std::size_t huffman_count = 0;
  std::string exth;  // from its magic to its end; "" when there is none
};

// Null when the record is none, or its parts do not fit into it.
std::optional<book_header> read_header(const palm_database&, std::size_t record);

// The headers of a file: of a hybrid one that of the older book, too, which holds the pictures of both.
struct headers {
  book_header book;                  // the newer of two
  std::optional<book_header> older;  // only of a hybrid file
  bool is_kf8() const { return book.version >= 8; }
  bool locked() const { return book.encrypted || (older && older->encrypted); }
};
std::optional<headers> read_headers(const palm_database&);

// AZW4: the text is a PDF.
bool is_print_replica(const palm_database&, const book_header&);

}  // namespace carrel::publication::mobi
