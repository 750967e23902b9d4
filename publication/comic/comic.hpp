#pragma once
// Comics: pictures in an archive (ingest.md 10). For the files of publication/ only.

#include "publication/recognise.hpp"

namespace carrel::publication::comic {

// `found` tells the container.
result<opened, refusal> open_comic(int descriptor, const recognised& found, const std::string& file_name, const limits&,
                                   std::vector<warning>);

}  // namespace carrel::publication::comic
