#include "opds/progression.hpp"

#include <algorithm>

#include "library/book_measure.hpp"
#include "library/recording.hpp"
#include "opds/auth_document.hpp"
#include "opds/book_place.hpp"
#include "opds/outlines.hpp"
#include "opds/problem_words.hpp"
#include "opds/readable_book.hpp"
#include "server/core/text.hpp"

namespace carrel::opds {
namespace {

constexpr std::string_view registry = "https://registry.opds.io/error#";
constexpr const char *invalid = "progression-invalid-payload", *stale = "progression-date",
                     *forbidden = "progression-incorrect-user";

http::problem refused(const error& why) { return {400, "The document cannot be used: " + why.message() + ".", invalid}; }

void require_type(const http::request& in, std::string_view wanted) {
  std::string_view given = in.header("Content-Type").value_or("");
  std::string type = lower_ascii(trim(given.substr(0, given.find(';'))));
  if (type != wanted && type != "application/json")
    throw http::problem{415, "The type of the document has to be " + std::string(wanted) + "."};
}

bool on_disk(shared_state& s, const library::book_file& f) { return s.with.store.holds(f.storage_path, f.size); }

task<placed_book> find_placed(shared_state& s, http::context& c) {
  placed_book out;
  out.book = co_await find_readable_book(s, c);
  const library::book_file* file = readable_file(out.book);
  if (file == nullptr) co_return out;
  out.file = *file;
  if (out.how() == reading_as::audio) out.sound = co_await s.with.pool.read(library::recording_of, out.book.id, file->id);
  if (out.how() == reading_as::audio || !on_disk(s, *file)) co_return out;
  stored_file at = stored(s, *file);
  out.inside = co_await outline_of(s, at);
  if (out.how() != reading_as::epub) co_return out;
  std::string packed = co_await s.with.pool.read(library::measure_of, file->checksum);
  out.lengths = publication::locator::measure::unpack(packed);
  co_return out;
}

http::response answered(std::string body, std::string_view type, unsigned status = 200) {
  http::response r = http::json(std::move(body), status);
  r.set("Content-Type", std::string(type)).set("Cache-Control", "no-store").set("Vary", "Authorization");
  return r;
}

library::app_word word_of(const http::context& c, const placed_book& b, const app_device& device, instant modified,
                          understood_place where) {
  library::app_word out;
  out.user = c.who->user;
  out.book = b.book.id;
  out.modified = modified;
  out.device_id = device.id;
  out.device_name = device.name;
  if (b.file) out.file = b.file->id;
  out.progression = where.progression;
  out.progress = std::move(where.progress);
  out.at = std::move(where.at);
  out.received = c.in.body();
  out.title = b.book.title;
  return out;
}

// How it ended; throws 409 when somebody said something later.
task<library::app_end> store(shared_state& s, library::app_word word) {
  uuid user = word.user;
  library::heard_app heard = co_await s.with.pool.write(library::hear_app, std::move(word), s.policy);
  if (heard.how == library::app_end::older)
    throw http::problem{409, "A more recent progression point is already available.", stale};
  if (heard.how != library::app_end::repeated && s.with.moved) s.with.moved(user, heard.document);
  co_return heard.how;
}

}  // namespace

http::response problem_details(const http::links& links, const http::context& c, const http::problem& p) {
  if (p.status == 401) return render(links, c, p);
  std::string code = p.status == 403 ? forbidden : p.code;
  bool own = code.starts_with("progression-");
  json::object body{{"type", own ? std::string(registry) + code : "about:blank"},
                    {"title", told(tongue_for(c), p.message)},
                    {"status", p.status}};
  http::response r = http::json(json::dump(body), p.status);
  r.set("Content-Type", "application/problem+json").set("Cache-Control", "no-store");
  for (const auto& [name, value] : p.headers) r.set(name, value);
  return r;
}

task<http::response> show_progression(shared_state& s, http::context& c) {
  placed_book b = co_await find_placed(s, c);
  std::optional<library::told_place> place = co_await s.with.pool.read(library::place_in_book, c.who->user, b.book.id);
  std::string body;
  if (place) body = json::dump(to_json(as_progression(b, *place)));
  co_return answered(std::move(body), progression_type);
}

task<http::response> put_progression(shared_state& s, http::context& c) {
  require_type(c.in, progression_type);
  result<progression_document> d = read_progression(c.in.body(), now());
  if (!d) throw refused(d.error());
  placed_book b = co_await find_placed(s, c);
  library::app_word word = word_of(c, b, d->device, d->modified, understand(b, *d));
  library::app_end how = co_await store(s, std::move(word));
  co_return answered(json::dump(to_json(*d)), progression_type, how == library::app_end::first ? 201 : 200);
}

task<http::response> show_locator(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  placed_book b = co_await find_placed(s, c);
  std::optional<library::told_place> place = co_await s.with.pool.read(library::place_in_book, c.who->user, b.book.id);
  if (!place) {
    http::response none = http::empty(204);
    none.set("Cache-Control", "no-store");
    co_return none;
  }
  co_return answered(json::dump(to_json(as_locator(v, b, *place))), locator_type);
}

task<http::response> put_locator(shared_state& s, http::context& c) {
  require_type(c.in, locator_type);
  result<locator_document> d = read_locator(c.in.body(), now());
  if (!d) throw refused(d.error());
  placed_book b = co_await find_placed(s, c);
  result<understood_place> where = understand(b, *d);
  if (!where) throw refused(where.error());
  library::app_word word = word_of(c, b, d->device, d->modified, std::move(*where));
  co_await store(s, std::move(word));
  http::response r = http::empty(204);
  r.set("Cache-Control", "no-store");
  co_return r;
}

void add_progression(std::vector<link>& to, const visit& v, const library::book& b, bool complete) {
  bool there = std::any_of(b.files.begin(), b.files.end(), [](const library::book_file& f) { return !f.missing; });
  if (!there) return;
  link place;
  place.rel = "http://opds-spec.org/progression";
  place.href = v.at.progression(b.id);
  place.type = progression_type;
  to.push_back(std::move(place));
  if (!complete) return;
  link locator;
  locator.rel = "http://www.cantook.com/api/progression";
  locator.href = v.at.locator(b.id);
  locator.type = locator_type;
  to.push_back(std::move(locator));
}

}  // namespace carrel::opds
