// `/upload`: files from the browser, and what became of them.

#include <algorithm>

#include "publication/unicode.hpp"
#include "server/core/text.hpp"
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

// What was not taken travels in the address of the page that says so, for that page can be loaded again without sending
// anything again: `not` is the code or where the book with these bytes is, `book` or "-", and the name.
constexpr std::size_t most_told = 10, longest_name = 80;

std::string told(const received& r) {
  std::string what = "failed", book = "-";
  if (r.outcome.known_book) {
    what = r.outcome.known_in_trash ? "trashed" : "known";
    book = r.outcome.known_book->text();
  } else if (r.outcome.refused) {
    what = r.outcome.refused->field;
  }
  return what + ":" + book + ":" + publication::clean_text(r.name, longest_name);
}

std::string result_path(const std::vector<received>& all) {
  std::string path = "/upload";
  std::size_t missing = 0;
  for (const received& r : all) {
    if (r.outcome.job || ++missing > most_told) continue;
    path += (missing == 1 ? "?not=" : "&not=") + percent_encode(told(r));
  }
  if (missing > most_told) path += "&more=" + std::to_string(missing - most_told);
  return path;
}

// Nothing when the address was not made by result_path().
std::optional<view> problem_view(const visit& v, const std::string& text) {
  std::size_t first = text.find(':'), second = first == text.npos ? first : text.find(':', first + 1);
  if (second == text.npos || text.size() > 600) return std::nullopt;
  std::string what = text.substr(0, first);
  std::optional<uuid> book = uuid::parse(std::string_view(text).substr(first + 1, second - first - 1));
  bool there = book && (what == "known" || what == "trashed");
  bool back = there && what == "trashed" && v.may(library::capability::curate);
  std::string reason = what == "disk_full" ? v.say.text("upload.no_space") : refusal_text(v.say, what);
  view one;
  one.set("name", text.substr(second + 1)).set("book_href", there ? v.href("/books/" + book->text()) : "");
  one.set("known", there && !back)
      .set("trashed", back)
      .set("book", there ? book->text() : "")
      .set("refused", there ? "" : reason);
  return one;
}

std::vector<view> problem_views(const visit& v) {
  std::vector<view> out;
  for (const auto& [name, value] : v.c.in.queries()) {
    std::optional<view> one;
    if (name == "not" && out.size() < most_told) one = problem_view(v, value);
    if (one) out.push_back(std::move(*one));
  }
  return out;
}

}  // namespace

answer upload_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::upload);
  std::vector<sent_item> items = co_await at.with.pool.read(sent_items, v.id(), 20);
  std::vector<view> sent;
  sent.reserve(items.size());
  for (const sent_item& i : items) sent.push_back(sent_view(v, i));
  std::int64_t more = to_integer(c.in.query("more").value_or("")).value_or(0);
  view out;
  out.set("sent", sent).set("moving", moving(items)).set("problems", problem_views(v));
  out.set("more_problems", more > 0 ? v.say.count("upload.more", more) : "");
  out.set("limit", size_text(v.say, static_cast<std::int64_t>(at.with.settings.bytes("http.max_upload"))));
  co_return show(v, {v.say.text("upload.title"), "upload"}, "upload", std::move(out));
}

answer upload(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::upload);
  parts_of_upload parts = co_await split_upload(at, c);
  check_token(c, parts);
  if (parts.files.empty()) co_return http::redirect(v.href("/upload"));
  std::vector<received> all = co_await accept_all(at, parts, v.id());
  std::string path = result_path(all);
  bool queued = std::any_of(all.begin(), all.end(), [](const received& r) { return r.outcome.job.has_value(); });
  if (queued) co_return done(v, path, "upload.sent");
  co_return http::redirect(v.href(path));
}

}  // namespace carrel::web
