#include "ingest/sources/talk.hpp"

namespace carrel::ingest::sources {

std::unique_ptr<conversation> converse(std::string_view source, const question& asked, const preferences& settings) {
  constexpr std::string_view own = "custom:";
  if (source == "google_books") return google_books(asked, settings);
  if (source == "open_library") return open_library(asked, settings);
  if (source == "hardcover") return hardcover(asked, settings);
  if (source == "audnexus") return audnexus(asked, settings);
  if (source.starts_with(own) && source.size() > own.size()) return custom(asked, settings);
  return nullptr;
}

std::unique_ptr<conversation> converse(std::string_view source, const question& asked) {
  return converse(source, asked, preferences());
}

}  // namespace carrel::ingest::sources
