#pragma once
// A book of the library as the sources are asked about it and as their records are compared with it.

#include <optional>

#include "ingest/sources/conversation.hpp"
#include "ingest/sources/score.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::ingest::sources {

struct known_book {
  question asks;
  local_book about;
  int cover_width = 0;  // 0: none
};
std::optional<known_book> find_known_book(db::tx&, const uuid&);  // nothing when it is gone or in the trash

// Sources of audiobooks are not asked for others, nor the other way round (metadata-providers.md 2).
bool concerns(std::string_view source, const question&);

}  // namespace carrel::ingest::sources
