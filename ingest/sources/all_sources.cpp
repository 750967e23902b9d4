#include "ingest/sources/all_sources.hpp"

namespace carrel::ingest::sources {
namespace {

std::unique_ptr<conversation> talk(std::string_view source, const question& q, const preferences& likes) {
  return converse(source, q, likes);
}

}  // namespace

fetch_services all_sources(const ingest::services& s, http::client& client, const config& c, const std::string& version) {
  return {.with = s, .client = client, .settings = c, .version = version, .talk = talk, .weigh = rate};
}

}  // namespace carrel::ingest::sources
