#pragma once
// Genres as sources name them, cleaned (metadata-providers.md 8).

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace carrel::ingest::sources {

// Other names of genres, the `genre_aliases` of the household: folded name -> the name shown, "" for what is no genre. They come
// before the names known here.
using genre_aliases = std::map<std::string, std::string>;

constexpr std::size_t most_genres = 10;

// "Fiction / Fantasy / Epic": the parts, without "General", and "Fiction" only when nothing else is there.
std::vector<std::string> genres_of_paths(const std::vector<std::string>& paths, const genre_aliases&);
// Subjects of libraries: what is a mark of the lender or has digits is dropped; the five most frequent in title case.
std::vector<std::string> genres_of_subjects(const std::vector<std::string>& subjects, const genre_aliases&);
// Names in order of preference.
std::vector<std::string> genres_of_names(const std::vector<std::string>& names, const genre_aliases&,
                                         std::size_t most = most_genres);

}  // namespace carrel::ingest::sources
