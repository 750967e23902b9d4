#pragma once
// May the folder be watched, and is it there (ingest.md 2.1, 3.1)?

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "library/libraries.hpp"
#include "library/store.hpp"
#include "server/core/error.hpp"

namespace carrel::ingest {

// What shows a Calibre library.
constexpr std::string_view calibre_database = "metadata.db";

// What keeps this folder from being watched: it cannot be there or be read; it and the store, a library or a library of Calibre
// contain one another. Makes nothing.
std::optional<error> unusable_drop_folder(const std::filesystem::path&, const library::store&,
                                          const std::vector<library::book_library>&);
error holds_calibre(const std::filesystem::path& library);

// It cannot be read or has nothing in it. When files were known there, that is what a disk that is not mounted looks like.
bool bare(const std::filesystem::path& folder);

}  // namespace carrel::ingest
