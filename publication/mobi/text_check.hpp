#pragma once
// Looks at packed text before libmobi unpacks it. 0.11 copies bytes that nobody has written, so that a hash would differ from
// time to time, and a file of a kilobyte whose phrases consist of empty phrases keeps it busy for hours. That nothing is read or
// written outside of its place is made sure of here, too. For the files of this folder only.

#include <cstddef>
#include <string_view>
#include <vector>

namespace carrel::publication::mobi {

// A record of PalmDOC's LZ77 fits into `most` bytes and copies only what is there.
bool palmdoc_fits(std::string_view packed, std::size_t most);

// The HUFF record and its CDIC records: every code leads to a phrase inside of its record, and every phrase to some text.
bool huffman_is_sound(std::string_view huff, const std::vector<std::string_view>& cdics);

}  // namespace carrel::publication::mobi
