#pragma once
// INDX records: the lists of a book's pieces and chapters. What libmobi makes of them is not used: a frame that is listed a
// thousand times has a thousand copies there (84 KiB became 291 MiB). For the files of this folder only.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "publication/mobi/palm_database.hpp"

namespace carrel::publication::mobi {

struct index_tag {
  std::uint8_t tag = 0;
  std::vector<std::uint32_t> values;
};

struct index_entry {
  std::string label;
  std::vector<index_tag> tags;
  std::optional<std::uint32_t> value(std::uint8_t tag, std::size_t place = 0) const;
};

struct index {
  std::vector<index_entry> entries;
  std::size_t texts = 0, text_records = 0;  // where the texts are to which entries point: first record, number of records
};

// Null when the record is no such list or is not sound. At most `most` entries.
std::optional<index> read_index(const palm_database&, std::size_t record, std::size_t most);

// A text by its place; "" when there is none. `cache` holds the record read last.
struct text_record {
  std::size_t number = 0;
  std::string bytes;
};
std::string index_text(const palm_database&, const index&, std::uint32_t place, text_record& cache);

}  // namespace carrel::publication::mobi
