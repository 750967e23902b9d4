#pragma once

#include <chrono>
#include <cstdint>

namespace carrel::publication::isolated {

// For a process that reads foreign files: no new rights, no core, no debugger, ends with its parent, limits of ingest.md 20, and
// a filter that refuses the network and new programs. Once, before the first file.
void enter_sandbox(std::uint64_t memory);

// From now on no file is made, changed, renamed or removed, nor opened for writing; what is open stays so. A process that reads
// files needs none of it, one that converts them writes one file.
void forbid_writing();

// For a program that reads one foreign file and is started for it: the same, but it may become that program. Called between fork
// and exec, so it allocates nothing.
struct program_limits {
  std::chrono::seconds cpu{};
  std::uint64_t memory = 0, output = 0;  // of its address space; of a file that it writes
};
void enter_program_sandbox(const program_limits&);

// From now on this much processor time more.
void allow_cpu(std::chrono::milliseconds);

std::uint64_t resident_bytes();

// child_main of pool.hpp; in the sandbox something else is done before each file is read. For tests.
int child_main(void (*first)());

}  // namespace carrel::publication::isolated
