#pragma once
// Uploads (ingest.md 5). The caller has streamed the body to a file below staging/ and counted it against the limit.

#include <filesystem>
#include <optional>
#include <string>
#include <variant>

#include "ingest/services.hpp"
#include "server/core/uuid.hpp"

namespace carrel::ingest {

struct upload_taken {
  uuid item, job;
};
struct upload_known {
  uuid book, file;
  bool trashed = false;  // the book is in the trash: offer to put it back (7.3)
};                       // 409; the uploaded bytes are deleted
struct upload_refused {
  int status;
  std::string code, message;
};  // the uploaded bytes are deleted
using upload_answer = std::variant<upload_taken, upload_known, upload_refused>;

// `original_name` as the client gave it. Blocks for as long as reading the file takes.
upload_answer accept_upload(const services&, const std::filesystem::path& staged, const std::string& original_name,
                            const std::optional<uuid>& user);

}  // namespace carrel::ingest
