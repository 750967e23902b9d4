#pragma once
// How long the values of a book may be, in bytes, and how many (ingest.md 17.1, 20). For the files of this folder only.

#include <cstddef>

namespace carrel::publication {

constexpr std::size_t title_limit = 1000, series_limit = 500, publisher_limit = 300, subject_limit = 200, most_subjects = 500;
constexpr std::size_t most_people = 200, description_limit = 64 << 10;
constexpr std::size_t most_toc_entries = 10'000, longest_toc_label = 500;
constexpr int deepest_toc = 32;

}  // namespace carrel::publication
