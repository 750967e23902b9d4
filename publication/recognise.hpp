#pragma once
// What recognise() finds on its way and open() goes on with.

#include <memory>

#include "publication/container.hpp"

namespace carrel::publication {

struct recognised {
  kind what;
  std::unique_ptr<archive> zip;  // for the types that are ZIP archives
};

result<recognised, refusal> examine(int descriptor, const std::string& file_name, const limits&, std::vector<warning>&);

const archive_entry* fiction_book_in(const archive&);  // the only *.fb2 (8.2); null when there are more, or none

bool is_image_name(std::string_view path);  // by extension, the types that comics hold

}  // namespace carrel::publication
