// What a Kobo reports of itself. Two events tell something of its library (kobo.md 14, 17.8); nothing else of them is kept.
#include "kobo/state.hpp"
#include "kobo/stubs.hpp"
#include "server/core/text.hpp"

namespace carrel::kobo {
namespace {

struct report {
  std::vector<std::string> failures;  // reasons of syncs that it gave up
  std::vector<uuid> read;             // books that were open
};

// A word such as WebRequestErr. What is long could be an address with a token.
std::string word_of(std::string_view sent) {
  std::string out;
  for (char c : sent.substr(0, 40)) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && c != ' ') break;
    out += c;
  }
  return out;
}

// No two firmwares are known to spell the attribute alike.
std::string reason_in(const json::object& attributes) {
  for (const auto& [name, value] : attributes.members()) {
    if (lower_ascii(name).find("reason") != std::string::npos && value.as_text() != nullptr) return word_of(*value.as_text());
  }
  return "";
}

std::optional<uuid> book_in(const json::object& attributes) {
  for (const auto& [name, value] : attributes.members()) {
    if (lower_ascii(name) == "volumeid" && value.as_text() != nullptr) return id_of(*value.as_text());
  }
  return std::nullopt;
}

report read_report(std::string_view body) {
  report out;
  result<json::object> whole = json::read_object(body);
  const json::value* events = whole ? whole->find("Events") : nullptr;
  if (events == nullptr || events->as_array() == nullptr) return out;
  for (const json::value& v : *events->as_array()) {
    const json::object* e = v.as_object();
    std::string type;
    if (e == nullptr || !e->take("EventType", type)) continue;
    const json::value* attributes = e->find("Attributes");
    json::object none;
    const json::object& about = attributes && attributes->as_object() ? *attributes->as_object() : none;
    if (type == "FailedSync") out.failures.push_back(reason_in(about));
    std::optional<uuid> book = type == "LeaveContent" ? book_in(about) : std::nullopt;
    if (book) out.read.push_back(*book);
  }
  return out;
}

void note_report(db::tx& tx, const visit& v, const report& r, int usual_page) {
  std::optional<kobo_row> k = find_row(tx, v.device, v.user, v.reader);
  if (!k) return;
  for (const std::string& reason : r.failures) note_failed_sync(tx, *k, reason, usual_page);
  note_signals(tx, *k, signal::state, r.read);
}

}  // namespace

task<http::response> take_analytics(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  report told = read_report(c.in.body());
  if (!told.failures.empty() || !told.read.empty()) {
    task<> noting = s.with.pool.write(note_report, std::move(v), std::move(told), s.how.page_size);
    co_await std::move(noting);
  }
  if (asks_store(s, c)) {
    task<> telling = hand_on_events(s, c);
    co_await std::move(telling);
  }
  // All are accepted: those that are not handed on would be sent again for ever.
  http::response r = stub_answer(c.in, "/v1/analytics/event");
  r.set("Content-Type", "application/json; charset=utf-8");
  co_return r;
}

}  // namespace carrel::kobo
