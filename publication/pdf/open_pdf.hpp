#pragma once
// PDF (ingest.md 11). qpdf stays in this folder.

#include <string>
#include <vector>

#include "publication/open.hpp"

namespace carrel::publication {

// Besides what the format tells, facts of the file: pdf_version, producer, creator, page_width and page_height (of page 1, in
// points), encrypted. One that needs a password comes with its name only, and the warning pdf_password. Refusals: pdf_damaged,
// inspection_limit.
result<opened, refusal> open_pdf(int descriptor, const std::string& file_name, const limits&, std::vector<warning>);

// What opened PDFs can be drawn: all that need no password and whose first page measures at most 200 inches.
bool is_drawable_pdf(const opened&);

}  // namespace carrel::publication
