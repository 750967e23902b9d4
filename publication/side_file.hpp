#pragma once
// A metadata.opf that Carrel writes beside a book, for others and for itself (product.md 3.2, ingest.md 15.1).

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "publication/corrected.hpp"
#include "server/core/error.hpp"

namespace carrel::publication {

// What may be written of a book into its files or beside them; each stands for what belongs together: a title with its subtitle,
// authors with everybody else who made the book, a series with the place in it, tags with genres.
inline constexpr std::array<std::string_view, 10> writable_fields{
    "title", "authors", "series", "description", "language", "identifiers", "tags", "publisher", "date", "cover"};

// Of what the library says, only those fields; of the others nothing is said.
corrected only_fields(corrected, const std::vector<std::string>& fields);

// OPF 2, as Calibre writes it; read_metadata_opf reads the same values from it. `id` names the book and is read by nobody else;
// `cover` is the name of a picture in the same folder, "" for none. The same values make the same bytes. Refused when there is
// too much of it to be read again.
result<std::string, refusal> metadata_opf(const corrected&, const std::string& id, const std::string& cover);

}  // namespace carrel::publication
