#pragma once
// What an app can do with a book besides downloading it. Internal to opds.

#include <optional>
#include <string>
#include <vector>

#include "library/book.hpp"
#include "opds/feed_model.hpp"
#include "opds/visit.hpp"

namespace carrel::opds {

inline constexpr std::string_view progression_type = "application/opds-progression+json";
inline constexpr std::string_view locator_type = "application/vnd.readium.progression+json";
inline constexpr std::string_view positions_type = "application/vnd.readium.position-list+json";

enum class reading_as { epub, comic, pdf, audio };
// The files that can be read without downloading them: the best to look at, the best to listen to, the better of the two first.
std::vector<const library::book_file*> readable_files(const library::book&);
// The first of them; null when there is none.
const library::book_file* readable_file(const library::book&);
std::optional<reading_as> reading_of(const library::book_file&);
std::string_view manifest_type(reading_as);
// Of one of the readable files.
std::string manifest_address(const visit&, const library::book&, const library::book_file&);

// More acquisition links of a publication in OPDS 2.0, one for each way of reading it (opds.md 9.3), where the owner offers it
// and the app may know it.
void add_manifest(std::vector<link>&, const visit&, const library::book&);

// Links to the reader's place in the book (11): one in lists of OPDS 1.2, both in complete entries and publications.
void add_progression(std::vector<link>&, const visit&, const library::book&, bool complete);

}  // namespace carrel::opds
