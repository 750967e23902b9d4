#pragma once
// What people do with libraries, by command, page or program.

#include <chrono>
#include <optional>
#include <string>

#include "ingest/services.hpp"
#include "library/libraries.hpp"
#include "library/library_plan.hpp"

namespace carrel::ingest {

// Checks everything and counts what is in the folder; changes nothing. Error fields are codes: those of check_root, and
// library.pattern, library.not_writable, library.other_program, library.name_taken, library.no_name.
result<library::foreseen_library> foresee_library(const services&, const library::library_wish&, std::chrono::seconds most);

struct made_library {
  uuid id, job;  // the job reads the folder, or moves the books into it
  library::foreseen_library foreseen;
};
result<made_library> add_library(const services&, const library::library_wish&, std::chrono::seconds most, const library::actor&);

// kind: scan, verify; nothing for what the library has none of. What is done by a job.
std::optional<uuid> start_library_job(db::tx&, const uuid& library, const std::string& kind, const std::optional<uuid>& user);

result<library::pattern_preview> foresee_pattern(const services&, const uuid& library, const std::string& pattern,
                                                 std::size_t most);
// The job that moves the books. Setting the pattern back moves them back.
result<uuid> set_pattern(const services&, const uuid& library, const std::string& pattern, const library::actor&);

// Reads one file of a book again and says what it found in its row. True when the file is well.
bool look_again(const services&, const uuid& file);
// A place of a library that could not be read as a book: once more. False when there is none.
bool read_again(db::tx&, const uuid& place);

}  // namespace carrel::ingest
