#pragma once
// How a question of a conversation becomes a request, and what is done about covers (metadata-providers.md 1, 10, 11).

#include <chrono>
#include <string>
#include <variant>

#include "ingest/sources/conversation.hpp"
#include "ingest/sources/rules.hpp"
#include "library/source.hpp"
#include "server/http/client.hpp"

namespace carrel::ingest::sources {

struct manners {
  std::string agent;  // who asks
  std::chrono::milliseconds timeout{10'000};
  std::uint64_t largest = 4 << 20;
};
manners manners_from(const config&, const std::string& version, const std::string& contact);

struct asked {
  verdict means;
  heard said;
  bool ended = false;  // by us: the program stops
};

// Sends it and waits. `key` is put where the source wants it and is in nothing that comes back.
asked ask_source(http::client&, const library::source&, const manners&, const ask&, const std::string& key,
                 const std::string& country);

// The address as it may be logged.
std::string shown_url(const library::source&, const ask&, bool with_key);

}  // namespace carrel::ingest::sources
