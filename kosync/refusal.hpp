#pragma once
// The error catalogue of kosync.md 4.9. Readers show the text of 401 and 402 to people, everything else is for logs.

#include <string>

#include "server/http/message.hpp"

namespace carrel::kosync {

struct refusal {
  unsigned status = 403;
  int code = 2003;
  std::string message = "Invalid request";

  bool operator==(const refusal&) const = default;
  http::problem as_problem() const { return {status, message, std::to_string(code)}; }
};

inline refusal not_json() { return {400, 103, "Could not parse JSON in body."}; }
inline refusal not_an_object() { return {400, 104, "Body should be a JSON hash."}; }
inline refusal invalid_request() { return {403, 2003, "Invalid request"}; }
inline refusal no_document() { return {403, 2004, "Field 'document' not provided."}; }
inline refusal too_large() { return {413, 2003, "The body is larger than 64 KiB."}; }
inline refusal storage_away() { return {502, 1000, "The database is away. Nothing was lost; please try again in a moment."}; }
inline refusal unexpected() { return {502, 2000, "Unknown server error."}; }

}  // namespace carrel::kosync
