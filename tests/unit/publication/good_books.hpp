#pragma once
// Real books for tests that hold for every one.

#include <filesystem>
#include <vector>

namespace carrel::publication::test {

// The samples and, where it can be made, the corpus; in the same order wherever the folders lie, so that a seed names the same
// document.
std::vector<std::filesystem::path> good_books(const std::filesystem::path& into);

}  // namespace carrel::publication::test
