#pragma once
// Records as they lie among the candidates of a book (metadata-providers.md 8), read again for the rules of 9.2.

#include "ingest/sources/choose.hpp"

namespace carrel::ingest::sources {

// What choose() looks at. Members of another form than record::normalized() writes are unknown.
record record_from(const json::object& normalized);
score score_from(double confidence, const json::object& detail);

}  // namespace carrel::ingest::sources
