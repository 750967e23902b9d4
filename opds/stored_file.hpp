#pragma once
// The file that an address names, when the account may have its bytes. Internal to opds.

#include <chrono>
#include <filesystem>

#include "library/book.hpp"
#include "opds/state.hpp"

namespace carrel::opds {

struct stored_file {
  library::book_file file;
  std::filesystem::path path;
  std::chrono::sys_seconds modified{};
};

// {file} of the path, or that which has taken its place. Throws 404 for what is not there or not for this account, 403 for an
// account that may not download. Whether the file is on the disk is remembered when that has changed.
task<stored_file> find_stored(shared_state&, http::context&);
// The same when the file is known.
stored_file stored(shared_state&, const library::book_file&);

// Throws 403 for an account that may not have the bytes of books.
task<> require_download(shared_state&, http::context&);

}  // namespace carrel::opds
