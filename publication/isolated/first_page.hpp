#pragma once
// Pages of a PDF as pictures, drawn by pdftoppm: a program of its own, so that poppler's licence and poppler's faults stay
// outside (ingest.md 11). The server starts it; a child that reads files may start nothing.

#include <chrono>
#include <cstdint>
#include <filesystem>

#include "publication/metadata.hpp"
#include "server/core/error.hpp"
#include "server/core/file.hpp"

namespace carrel::publication::isolated {

// Where it is, looked for once along PATH; "" when it is not installed.
const std::filesystem::path& pdftoppm();

struct drawing {
  std::filesystem::path program = pdftoppm();
  std::chrono::milliseconds cpu{15'000};
  std::chrono::milliseconds clock{60'000};  // of a program that waits, or a machine that is busy
  std::uint64_t memory = 1ULL << 30;        // RLIMIT_AS
  std::uint64_t output = 64ULL << 20;
};

// A JPEG as a file in memory, without a name. cover_missing when there is none; its detail is for the log.
result<file, refusal> draw_first_page(int descriptor, const drawing&);
// The same for any page, from 1, in that width; one that would be too tall for it comes smaller.
result<file, refusal> draw_page(int descriptor, const drawing&, int page, int width);

}  // namespace carrel::publication::isolated
