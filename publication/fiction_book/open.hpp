#pragma once
// FictionBook 2, as it is or in a ZIP (ingest.md 13). For the files of this folder's parent only.

#include <string>
#include <vector>

#include "publication/open.hpp"
#include "publication/recognise.hpp"

namespace carrel::publication::fiction_book {

result<opened, refusal> open(int descriptor, const recognised&, const std::string& file_name, const limits&,
                             std::vector<warning>);

}  // namespace carrel::publication::fiction_book
