#include "opds/page_turns.hpp"

#include <algorithm>

#include "library/app_place.hpp"
#include "library/page_turn.hpp"
#include "opds/background.hpp"
#include "publication/locator/position.hpp"

namespace carrel::opds {
namespace {

constexpr double short_of_finished = 0.98;  // streaming never ends a book

struct page_turn {
  uuid user, device, file;
  std::string device_name;
  int page = 0, pages = 0;
};

std::optional<library::app_word> word_of(db::tx& tx, const page_turn& t) {
  std::optional<library::visible_file> file = library::find_file(tx, t.user, t.file);
  if (!file) return std::nullopt;
  library::app_word out;
  out.user = t.user;
  out.book = file->file.book_id;
  out.file = t.file;
  out.title = file->book_title;
  out.modified = std::chrono::floor<std::chrono::milliseconds>(now());
  out.device_id = "urn:uuid:" + t.device.text();
  out.device_name = t.device_name;
  out.progression = std::min(publication::locator::fraction_at(t.page + 1, t.pages), short_of_finished);
  out.progress = std::to_string(t.page + 1);
  return out;
}

// The document whose place has changed.
std::optional<std::string> turn_page(db::tx& tx, const page_turn& t, const library::put_policy& policy) {
  if (!library::turned_page(tx, t.device, t.file, t.page, now())) return std::nullopt;
  std::optional<library::app_word> word = word_of(tx, t);
  if (!word) return std::nullopt;
  std::optional<library::told_place> known = library::place_in_book(tx, t.user, word->book);
  if (known && known->fraction >= word->progression) return std::nullopt;
  library::heard_app heard = library::hear_app(tx, *word, policy);
  bool stored = heard.how == library::app_end::first || heard.how == library::app_end::stored;
  return stored ? std::optional(heard.document) : std::nullopt;
}

}  // namespace

void note_page_turn(shared_state& s, const http::context& c, const uuid& file, int page, int pages) {
  if (!c.who || !c.who->device) return;
  page_turn t{.user = c.who->user,
              .device = *c.who->device,
              .file = file,
              .device_name = c.who->device_name,
              .page = page,
              .pages = pages};
  in_background(s, "opds.page_turn", [&s, t](db::tx& tx) {
    std::optional<std::string> moved = turn_page(tx, t, s.policy);
    if (moved && s.with.moved) s.with.moved(t.user, *moved);
  });
}

}  // namespace carrel::opds
