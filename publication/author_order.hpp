#pragma once
// How names are sorted where nobody says it (ingest.md 17.5).

#include <string>
#include <string_view>

namespace carrel::publication {

// Whether particles go with the surname: "van Beethoven, Ludwig" for "Beethoven, Ludwig van". Said once, when a program starts
// (author_particles_with_surname).
void keep_particles_with_surname(bool);

// A process that reads files does not hear of it: what it made of a name becomes what this program makes of it. A sort name that
// a file gave stays.
std::string settled_author_sort(std::string_view name, const std::string& sort);

}  // namespace carrel::publication
