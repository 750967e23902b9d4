#include "library/book.hpp"
#include "server/jobs/queue.hpp"
#include "web/api/call.hpp"
#include "web/trash.hpp"
#include "web/uploads.hpp"

namespace carrel::web {
namespace {

// The HTTP status of a code of ingest.md 22.
unsigned status_of(const std::string& code) {
  if (code == "unsupported_type" || code == "ignored_name") return 415;
  if (code == "file_too_large" || code == "cover_too_large") return 413;
  if (code == "disk_full") return 507;
  if (code == "duplicate_file" || code == "library.read_only") return 409;
  return 422;
}

// The general words promise another try, which nobody makes for a sender.
http::problem problem_of(const error& refused) {
  std::string words = refused.reason;
  if (refused.field == "disk_full")
    words = "There is not enough space. Nothing was kept; send the file again when there is room.";
  return {status_of(refused.field), words, refused.field};
}

// What the sender may know about the book that has the same bytes.
struct known_one {
  std::optional<uuid> book;
  std::string title;
  bool trashed = false;
};

known_one look_up(db::tx& tx, uuid viewer, uuid book, bool trashed) {
  if (trashed) {
    std::optional<trashed_book> found = find_trashed(tx, viewer, book);
    return found ? known_one{found->id, found->title, true} : known_one{};
  }
  std::optional<library::book> found = library::find_book(tx, viewer, book);
  return found ? known_one{found->id, found->title, false} : known_one{};
}

json::object reply_of(const site& at, const http::context& c, const known_one& known) {
  std::string message = "This exact file is already in the library";
  if (!known.title.empty()) message += ": " + known.title;
  message += known.trashed ? ", in the trash. Put the book back instead." : ".";
  json::object inner{{"code", "duplicate_file"}, {"message", message}, {"id", c.request_id}};
  json::object reply{{"error", inner}};
  reply.set("book", known.book).set("trashed", known.trashed);
  if (known.trashed) reply.set("restore", books_base(at, c.in) + "/" + known.book->text() + "/restore");
  return reply;
}

int put_back(db::tx& tx, uuid viewer, uuid book, const library::actor& by) {
  return find_trashed(tx, viewer, book) ? library::untrash_books(tx, {book}, by) : 0;
}

bool sees(db::tx& tx, uuid viewer, uuid book) { return library::find_book(tx, viewer, book).has_value(); }

}  // namespace

answer put_cover(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::curate);
  uuid book = id_param(c, "id");
  bool there = co_await at.with.pool.read(sees, who.id(), book);
  if (!there || !at.with.set_cover) not_there();
  std::filesystem::path picture = c.in.body_file();
  std::optional<error> refused = co_await at.with.cpu.run(at.with.set_cover, book, picture, who.actor());
  if (refused && refused->field == "book") not_there();
  if (refused) throw problem_of(*refused);
  co_return co_await book_object(who, book);
}

answer restore_book(const site& at, http::context& c) {
  caller who = co_await caller_of(at, c);
  who.need(library::capability::curate);
  uuid id = id_param(c, "id");
  int changed = co_await at.with.pool.write(put_back, who.id(), id, who.actor());
  if (changed == 0) not_there();
  co_return co_await book_object(who, id);
}

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
  if (outcome.refused) throw problem_of(*outcome.refused);
  if (outcome.known_book) {
    known_one known = co_await at.with.pool.read(look_up, who.id(), *outcome.known_book, outcome.known_in_trash);
    co_return json_object(reply_of(at, c, known), 409);
  }
  if (!outcome.job) throw http::problem{500, "The file could not be taken.", "upload"};
  std::optional<jobs::job> job = co_await at.with.pool.read(jobs::find_job, *outcome.job);
  std::vector<jobs::job> one;
  if (job) one.push_back(std::move(*job));
  std::vector<json::object> shown = co_await at.with.pool.read(describe_jobs, who.id(), one);
  json::object reply;
  if (!shown.empty()) reply = std::move(shown.front());
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
  if (refused) throw problem_of(*refused);

  std::optional<library::book> now = co_await at.with.pool.read(library::find_book, who.id(), book);
  if (!now) not_there();
  json::object shown = library::to_json(*now, books_base(at, c.in));
  const json::value* files = shown.find("files");
  for (const json::value& f : *files->as_array()) {
    const json::value* id = f.as_object()->find("id");
    if (id && id->as_text() && *id->as_text() == file.text()) co_return json_object(*f.as_object());
  }
  not_there();
}

}  // namespace carrel::web
