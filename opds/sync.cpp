#include <algorithm>

#include "library/device.hpp"
#include "library/device_feed.hpp"
#include "opds/background.hpp"
#include "opds/books.hpp"
#include "opds/own_lists.hpp"
#include "opds/writing.hpp"

namespace carrel::opds {
namespace {

struct waiting {
  std::string device;
  library::waiting_page page;
  std::vector<library::book> books;  // in the order of the page, without any that vanished meanwhile
};

std::optional<waiting> load(db::tx& tx, const uuid& viewer, const uuid& device, const library::cursor& c, int limit,
                            library::taker whom) {
  std::optional<library::device> caller = library::find_device(tx, device);
  if (!caller) return std::nullopt;
  waiting out{.device = caller->name, .page = library::waiting_books(tx, viewer, device, c, whom, limit), .books = {}};
  std::vector<uuid> ids;
  for (const library::waiting_book& w : out.page.books) ids.push_back(w.book.id);
  out.books = library::load_books(tx, viewer, ids);
  return out;
}

bool is_download(const link& l) { return l.rel == "http://opds-spec.org/acquisition"; }

// One file, the best. KOReader never asks again for what it did not get, unless its address is another (opds.md 13.1): the
// number says that it was listed before, and means nothing to the server.
entry_ref entry_of(const visit& v, const library::book& b, int tries) {
  book_entry e = partial_entry(v, b);
  auto best = std::find_if(e.links.begin(), e.links.end(), is_download);
  if (best == e.links.end()) return nullptr;
  if (tries > 0) {
    std::size_t name = best->href.rfind('/');
    best->href.insert(name, "/~" + std::to_string(tries + 1));
  }
  link only = *best;
  std::erase_if(e.links, [](const link& l) { return is_download(l) || l.rel == "http://vaemendis.net/opds-pse/stream"; });
  e.links.push_back(std::move(only));
  return std::make_shared<const entry_text>(written(v, e));
}

feed sync_feed(const visit& v, const turn& t, const waiting& found, std::string_view token_name) {
  // No word here that an app takes for another list of new books (opds.md 12.7).
  spot here{
      .kind = kind::acquisition, .title = v.say("For {}", found.device), .at = {"/sync", {}}, .up = place{}, .personal = true};
  neighbours around = neighbours_of(found.page.previous, found.page.next, token_name);
  feed f = begin_feed(v, here, t.shown, &around);
  std::size_t place = 0;
  for (const library::book& b : found.books) {
    while (found.page.books[place].book.id != b.id) ++place;
    if (entry_ref e = entry_of(v, b, found.page.books[place].tries)) f.books.push_back(std::move(e));
  }
  if (found.page.first_ordinal > 0 && !f.books.empty()) f.start_index = static_cast<std::int64_t>(found.page.first_ordinal);
  return f;
}

}  // namespace

task<http::response> show_sync(shared_state& s, http::context& c) {
  std::string token_name = "sync";
  turn t = turn_from(c.in, token_name);
  visit v = co_await enter(s, c);
  if (!v.device) throw http::problem{404, "This list is for devices."};

  answer a(s, v, std::string(v.at.type(kind::acquisition)), {.personal = true, .device = true, .covers = true, .kept = false});
  if (a.head_only()) co_return a.head();
  uuid device = *v.device;
  std::optional<waiting> found = co_await s.with.pool.read(load, v.viewer, device, t.cursor, v.page_size, v.taker());
  if (!found) throw http::problem{404, "This list is for devices."};
  std::vector<uuid> listed;
  for (const library::book& b : found->books) listed.push_back(b.id);
  if (!listed.empty()) {
    in_background(s, "opds.listed", [device, listed](db::tx& tx) { library::note_listed(tx, device, listed); });
  }
  co_return a.full(written(v, sync_feed(v, t, *found, token_name)));
}

}  // namespace carrel::opds
