#pragma once
// Texts without any markup (ingest.md 13). For the files of this folder's parent only.

#include <string>
#include <vector>

#include "publication/open.hpp"

namespace carrel::publication::plain_text {

result<opened, refusal> open(int descriptor, const std::string& file_name, const limits&, std::vector<warning>);

}  // namespace carrel::publication::plain_text
