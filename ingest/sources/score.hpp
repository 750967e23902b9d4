#pragma once
// How sure it is that a record is of the book at hand (metadata-providers.md 9.1).

#include <optional>
#include <string>
#include <vector>

#include "ingest/sources/conversation.hpp"
#include "ingest/sources/record.hpp"
#include "server/core/json.hpp"

namespace carrel::ingest::sources {

// What is known of the book; empty is unknown.
struct local_book {
  std::string title, subtitle;
  std::vector<std::string> authors;
  std::string series;
  std::optional<double> series_position;
  std::optional<int> year;
  std::string language, publisher;
  std::optional<int> page_count;
  std::optional<double> duration_seconds;  // of sound; page_count does not count then
  std::string isbn_13, isbn_10, asin;
  bool identifier_trusted = true;  // false: found by an expression in the text of the book
};
local_book local_of(const question&);

enum class identity {
  unknown,    // on one side at least
  same,       // verified in the record
  recycled,   // the same number on another book
  different,  // another edition
};

struct score {
  double confidence = 0;  // 0 to 1, four places
  identity identifier = identity::unknown;
  // Every term {value, weight}, base, identifier, completeness, caps[] that lowered it, confidence: for people who ask why.
  json::object detail;
};

score rate(const local_book&, const record&);

// An ISBN in any of its forms or an ASIN that both name.
bool same_identifier(const record&, const record&);

}  // namespace carrel::ingest::sources
