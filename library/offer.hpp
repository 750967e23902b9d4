#pragma once
// Which files an app can be offered. Stored with books and files, so that lists for apps hold full pages of books that those
// apps can take, found by an index.

#include <string>

namespace carrel::library {

// Who a list is for: pages show every book, reading apps those with a file of a known type (opds.md 5.8), KOReader those it has
// a reader for (opds.md 15.1). Each takes what the next one takes.
enum class taker { page = 0, app = 1, koreader = 2 };

// The last of them that can be offered a file of this format.
taker last_taker(const std::string& format, bool is_kepub);

}  // namespace carrel::library
