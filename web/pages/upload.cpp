// `/upload`: files from the browser, and what became of them.

#include "server/core/digest.hpp"
#include "web/format.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"
#include "web/uploads.hpp"

namespace carrel::web {
namespace {

view sent_view(const visit& v, const sent_item& i) {
  view one;
  std::string shown = i.state == "inbox" || i.state == "organised" || i.state == "duplicate" || i.state == "failed" ||
                              i.state == "rejected" || i.state == "vanished"
                          ? i.state
                          : "reading";
  one.set("name", i.name).set("state", v.say.text("upload.state." + shown)).set("when", moment(v.say, i.at));
  one.set("book_href", i.book ? v.href("/books/" + i.book->text()) : "").set("fine", shown == "inbox" || shown == "organised");
  one.set("broken", shown == "failed" || shown == "rejected").set("detail", refusal_text(v.say, i.code));
  return one;
}

bool moving(const std::vector<sent_item>& items) {
  for (const sent_item& i : items) {
    bool ended = i.state == "inbox" || i.state == "organised" || i.state == "duplicate" || i.state == "failed" ||
                 i.state == "rejected" || i.state == "vanished";
    if (!ended) return true;
  }
  return false;
}

view received_view(const visit& v, const received& r) {
  view one;
  one.set("name", r.name).set("book_href", r.outcome.known_book ? v.href("/books/" + r.outcome.known_book->text()) : "");
  bool known = r.outcome.known_book.has_value(), back = known && r.outcome.known_in_trash && v.may(library::capability::curate);
  one.set("known", known && !back).set("trashed", back);
  one.set("book", r.outcome.known_book ? r.outcome.known_book->text() : "")
      .set("refused", r.outcome.refused ? r.outcome.refused->reason : "");
  return one;
}

task<http::response> upload_answer(const site& at, visit v, std::vector<received> received_now) {
  std::vector<sent_item> items = co_await at.with.pool.read(sent_items, v.id(), 20);
  std::vector<view> sent, problems;
  for (const sent_item& i : items) sent.push_back(sent_view(v, i));
  bool refused = false;
  for (const received& r : received_now) {
    if (!r.outcome.job) problems.push_back(received_view(v, r));
    refused = refused || r.outcome.refused;
  }
  view out;
  out.set("sent", sent).set("moving", moving(items)).set("problems", problems);
  out.set("limit", size_text(v.say, static_cast<std::int64_t>(at.with.settings.bytes("http.max_upload"))));
  co_return show(v, {v.say.text("upload.title"), "upload"}, "upload", std::move(out), refused ? 422 : 200);
}

// The body is multipart, so the middleware cannot look for the token: it is a part, or a header from the script.
void check_token(const http::context& c, const parts_of_upload& parts) {
  std::string sent(c.in.header("X-CSRF-Token").value_or(std::string_view(parts.csrf)));
  if (!c.csrf.empty() && equal_constant_time(sent, c.csrf)) return;
  drop_parts(parts);
  throw http::problem{403, "The form was too old. Load the page again.", "csrf"};
}

}  // namespace

answer upload_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::upload);
  co_return co_await upload_answer(at, v, std::vector<received>{});
}

answer upload(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::upload);
  parts_of_upload parts = co_await split_upload(at, c);
  check_token(c, parts);
  if (parts.files.empty()) co_return http::redirect(v.href("/upload"));
  std::vector<received> all = co_await accept_all(at, parts, v.id());
  bool queued = true;
  for (const received& r : all) queued = queued && r.outcome.job.has_value();
  if (queued) co_return done(v, "/upload", "upload.sent");
  co_return co_await upload_answer(at, v, all);
}

}  // namespace carrel::web
