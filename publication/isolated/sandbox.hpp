#pragma once

#include <chrono>
#include <cstdint>

namespace carrel::publication::isolated {

// For a process that reads foreign files: no new rights, no core, no debugger, ends with its parent, limits of ingest.md 20, and
// a filter that refuses the network and new programs. Once, before the first file.
void enter_sandbox(std::uint64_t memory);

// From now on this much processor time more.
void allow_cpu(std::chrono::milliseconds);

std::uint64_t resident_bytes();

}  // namespace carrel::publication::isolated
