#pragma once

#include "ingest/sources/fetcher.hpp"

namespace carrel::ingest::sources {

// With the talks and the weighing of the sources that there are.
fetch_services all_sources(const ingest::services&, http::client&, const config&, const std::string& version);

}  // namespace carrel::ingest::sources
