#pragma once
// Files that come in through the browser or the API.

#include <string>
#include <vector>

#include "server/jobs/queue.hpp"
#include "web/visit.hpp"

namespace carrel::web {

struct received {
  std::string name;
  upload_result outcome;
};

// Splits the multipart body; the parts are files in the upload folder. Problem 400 when it is no multipart form.
struct parts_of_upload {
  std::string csrf;  // the field of that name, "" when absent
  std::vector<std::pair<std::filesystem::path, std::string>> files;
};
task<parts_of_upload> split_upload(const site&, http::context&);
// The body is multipart, so the middleware cannot look for the token: it is a part, or a header from the script. Problem 403, and
// the files are gone, when it is not that of this session.
void check_token(const http::context&, const parts_of_upload&);
// Hands every file over; what it cannot hand over is removed.
task<std::vector<received>> accept_all(const site&, parts_of_upload, uuid user);
void drop_parts(const parts_of_upload&);

// Jobs as the API shows them (contract.md 4). Those that take a file in also say what became of it: `item`, `name`, `outcome`
// (added, duplicate, refused, failed, gone, null while it is on its way), `book`, `file`, `error_code`.
std::vector<json::object> describe_jobs(db::tx&, const uuid& viewer, const std::vector<jobs::job>&);

// What became of the files an account sent, newest first.
struct sent_item {
  uuid id;
  std::string name, state, code, detail;
  std::optional<uuid> book;
  instant at{};
};
std::vector<sent_item> sent_items(db::tx&, const uuid& user, int most);

}  // namespace carrel::web
