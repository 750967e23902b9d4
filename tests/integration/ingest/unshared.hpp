#pragma once
// Shell commands in a mount namespace of their own: file systems of a given size, read-only ones, the same folder twice.

#include <string>

namespace carrel::ingest::test {

// The exit status; -1 when it could not be run.
int unshared(const std::string& script);

}  // namespace carrel::ingest::test
