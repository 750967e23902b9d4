#pragma once
// What a source says of one book, in Carrel's own terms (metadata-providers.md 8): empty or absent is unknown.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/core/json.hpp"

namespace carrel::ingest::sources {

struct record_person {
  std::string name, role;
};
struct record_series {
  std::string name;
  std::optional<double> position;
  std::string position_text;
  std::optional<int> total;
  bool primary = false;
};
struct record_cover {
  std::string url;  // the first to try; `others` when that one is refused
  std::vector<std::string> others;
  int width = 0, height = 0;
};

struct record {
  std::string provider_key;  // volume id, OL id, "hc:<book>:<edition>", ASIN
  std::string query_kind;    // of the question that found it
  std::string title, subtitle;
  std::vector<std::string> authors;
  std::string author_sort;
  std::vector<std::string> narrators;
  std::vector<record_person> contributors;
  std::vector<record_series> series;
  std::string publisher;
  std::string published_date;  // YYYY, YYYY-MM, YYYY-MM-DD
  std::optional<int> published_year, original_year;
  std::string language;
  std::string isbn_10, isbn_13, asin;
  std::vector<std::pair<std::string, std::string>> identifiers;
  std::string description;  // sanitised
  std::optional<int> page_count;
  std::optional<double> duration_seconds;
  std::optional<bool> abridged, explicit_content;
  std::vector<std::string> genres, tags, moods;
  std::optional<double> rating;
  std::optional<std::int64_t> ratings_count;
  record_cover cover;
  std::string url;
  json::value raw;  // as received, at most 256 KiB, without keys

  // The keys of `normalized` in book_metadata_candidates; absent when unknown.
  json::object normalized() const;
};

}  // namespace carrel::ingest::sources
