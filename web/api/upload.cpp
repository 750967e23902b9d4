#include "library/book.hpp"
#include "server/jobs/queue.hpp"
#include "web/api/call.hpp"
#include "web/uploads.hpp"

namespace carrel::web {
namespace {

// The HTTP status of a code of ingest.md 22.
unsigned status_of(const std::string& code) {
  if (code == "unsupported_type" || code == "ignored_name") return 415;
  if (code == "file_too_large") return 413;
  if (code == "disk_full") return 507;
  return 422;
}

}  // namespace

answer post_book(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::upload);
  parts_of_upload parts = co_await split_upload(at, c);
  if (parts.files.size() != 1) {
    drop_parts(parts);
    invalid("Send one part called file.", "file");
  }
  std::vector<received> all = co_await accept_all(at, parts, who.id());
  const upload_result& outcome = all.front().outcome;
  if (outcome.refused) throw http::problem{status_of(outcome.refused->field), outcome.refused->reason, outcome.refused->field};
  if (outcome.known_book) {
    std::optional<library::book> book = co_await at.with.pool.read(library::find_book, who.id(), *outcome.known_book);
    json::object inner{
        {"code", "duplicate_file"}, {"message", "This exact file is already in the library."}, {"id", c.request_id}};
    json::object reply{{"error", inner}};
    reply.set("book", book ? json::value(book->id) : json::value());
    co_return json_object(reply, 409);
  }
  if (!outcome.job) throw http::problem{500, "The file could not be taken.", "upload"};
  std::optional<jobs::job> job = co_await at.with.pool.read(jobs::find_job, *outcome.job);
  json::object reply;
  if (job) reply = jobs::to_json(*job);
  reply.set("id", *outcome.job).set("job", *outcome.job);
  co_return json_object(reply, 202);
}

answer put_file(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::curate);
  uuid book = id_param(c, "id"), file = id_param(c, "file");
  std::optional<library::visible_file> known = co_await at.with.pool.read(library::find_file, who.id(), file);
  if (!known || known->file.book_id != book || !at.with.replace_file) not_there();
  std::filesystem::path bytes = c.in.body_file();
  std::optional<error> refused = co_await at.with.cpu.run(at.with.replace_file, file, bytes, who.actor());
  if (refused)
    throw http::problem{refused->field == "duplicate_file" ? 409 : status_of(refused->field), refused->reason, refused->field};

  std::optional<library::book> now = co_await at.with.pool.read(library::find_book, who.id(), book);
  if (!now) not_there();
  json::object shown = library::to_json(*now, books_base(at));
  const json::value* files = shown.find("files");
  for (const json::value& f : *files->as_array()) {
    const json::value* id = f.as_object()->find("id");
    if (id && id->as_text() && *id->as_text() == file.text()) co_return json_object(*f.as_object());
  }
  not_there();
}

}  // namespace carrel::web
