#pragma once
// Books that sources are to be asked about (metadata-providers.md 11): rows of metadata_jobs, a book and a source each.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/source.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

enum class urgency { somebody_waits = 0, came_in = 1, whole_library = 2 };

// The kinds of jobs that stand for rows of this queue. No worker takes them: who asks the sources counts in them.
constexpr const char* fetch_kind = "metadata.fetch";      // a few books, for somebody
constexpr const char* refresh_kind = "metadata.refresh";  // many

// Rung on carrel_metadata for rows of no job, of which there may be as many as books in a library.
constexpr const char* came_in_word = "came_in";

// What waits already under the same job is not added again. The job's total grows by what was.
void add_fetches(db::tx&, const std::optional<uuid>& job, const std::vector<uuid>& books, const std::vector<std::string>& sources,
                 urgency);

// Sources of audiobooks are not asked for others, nor the other way round (metadata-providers.md 2).
bool concerns(std::string_view source, bool audio, bool has_asin);

// A book that came in; nothing when nobody is to be asked, or no answer could be of use: there is nothing to ask by, or the book
// is in the library by a person's word and lacks nothing. Import never waits for what comes of it.
void fetch_after_import(db::tx&, const config&, const uuid& book);

// Books without a description, a cover, a date, an author or a language that no source was asked about in the last week.
std::vector<uuid> books_missing_metadata(db::tx&, int most);

}  // namespace carrel::library
