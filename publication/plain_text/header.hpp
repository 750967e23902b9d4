#pragma once
// What a text of Project Gutenberg tells in front of its book (ingest.md 13). For the files of this folder only.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "publication/metadata.hpp"

namespace carrel::publication::plain_text {

// Lines "Title:", "Author:", "Language:" and "Release Date:" with a line "*** START OF" behind them. Nothing when that is
// missing.
std::optional<metadata> read_header(std::string_view text, std::vector<warning>&);

}  // namespace carrel::publication::plain_text
