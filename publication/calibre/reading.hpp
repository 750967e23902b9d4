#pragma once
// What the owner of a Calibre library thinks of its books: its stars, and the columns that people make for having read them.

#include <string>

#include "publication/calibre/library.hpp"
#include "publication/reading.hpp"

namespace carrel::publication::calibre {

// Columns are known by their labels, in English, German and French: for the state `read`, `gelesen`, `lu`, `status` (yes or no, a
// word such as "to read", or the day), for days `date_read`, `gelesen_am`, `lu_le` and `date_started`, and `review`. A column
// that is named here with its label takes the place of those for the state; "" none.
heard_opinion opinion_of(const book&, const std::string& read_column);

}  // namespace carrel::publication::calibre
