// Parts of books (opds.md 10.1, 10.3).

#include <fcntl.h>

#include <algorithm>

#include "library/merge.hpp"
#include "opds/books.hpp"
#include "opds/formats.hpp"
#include "opds/manifests.hpp"
#include "opds/outlines.hpp"
#include "opds/publication_links.hpp"
#include "opds/readable_book.hpp"
#include "opds/stored_file.hpp"
#include "server/core/digest.hpp"
#include "server/core/file.hpp"
#include "server/http/conditional.hpp"

namespace carrel::opds {
namespace {

// What is in a book is anybody's work, and a browser is not to run it.
constexpr const char* only_to_look_at =
    "sandbox; default-src 'none'; img-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'";

http::problem no_part() { return http::problem{404, "There is no such part of this book."}; }

const publication::outline_item* part_named(const publication::outline& o, std::string_view path) {
  for (const std::vector<publication::outline_item>* items : {&o.order, &o.resources}) {
    auto found = std::find_if(items->begin(), items->end(), [&](const publication::outline_item& i) { return i.path == path; });
    if (found != items->end()) return &*found;
  }
  return nullptr;
}

struct read_part {
  std::string bytes;
  bool there = false, busy = false;
};

read_part read_now(publication::isolated::pool& readers, const stored_file& in, const publication::piece_wish& wish) {
  file source(::open(in.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!source) return {};
  result<publication::piece, publication::refusal> made = readers.read_piece(source.get(), in.file.original_name, wish);
  if (!made) return {.bytes = {}, .busy = made.error().detail == publication::isolated::no_process};
  return {.bytes = std::move(made->bytes), .there = true};
}

void dress(http::response& r) {
  r.set("Cache-Control", "private, max-age=86400");
  r.set("Vary", "Authorization");
}

}  // namespace

task<library::book> find_readable_book(shared_state& s, http::context& c) {
  uuid id = id_param(c.in, "book");
  uuid viewer = c.who->user;
  std::optional<library::book> book = co_await s.with.pool.read(library::find_book, viewer, id);
  if (!book) {
    std::optional<uuid> survivor = co_await s.with.pool.read(library::survivor_of, viewer, id);
    if (survivor) book = co_await s.with.pool.read(library::find_book, viewer, *survivor);
  }
  bool there = book && book->status == "organized" && offered(*book, library::taker::app);
  if (!there) throw http::problem{404, "There is no such book."};
  co_return std::move(*book);
}

task<http::response> show_resource(shared_state& s, http::context& c) {
  if (!s.offers_manifests) throw no_part();
  stored_file in = co_await find_stored(s, c);
  if (reading_of(in.file) != reading_as::epub) throw no_part();
  std::shared_ptr<const publication::outline> inside = co_await outline_of(s, in);
  const publication::outline_item* part = inside ? part_named(*inside, c.in.param("path")) : nullptr;
  if (part == nullptr) throw no_part();

  http::validators tags{.etag = "\"" + sha256_hex(in.file.checksum + " " + part->path).substr(0, 32) + "\"",
                        .modified = std::nullopt};
  if (http::unchanged(c.in, tags)) {
    http::response same = http::not_modified(tags);
    dress(same);
    co_return same;
  }
  if (s.pages_waiting > shared_state::most_pages_waiting) throw too_busy();
  ++s.pages_waiting;
  auto done = std::shared_ptr<void>(nullptr, [&s](void*) { --s.pages_waiting; });
  publication::piece_wish wish{.what = *part};
  publication::isolated::pool* readers = &s.with.readers;
  auto read = [readers](const stored_file& from, const publication::piece_wish& what) { return read_now(*readers, from, what); };
  read_part made = co_await s.readers.run(read, in, wish);
  if (made.busy) throw too_busy();
  if (!made.there) throw http::problem{404, "This part of the book cannot be read."};
  http::response r = http::text(std::move(made.bytes));
  r.set("Content-Type", part->type).set("ETag", tags.etag);
  r.set("X-Content-Type-Options", "nosniff").set("Content-Security-Policy", only_to_look_at);
  dress(r);
  co_return r;
}

task<http::response> show_track(shared_state& s, http::context& c) {
  if (!s.offers_manifests) throw no_part();
  stored_file in = co_await find_stored(s, c);
  if (reading_of(in.file) != reading_as::audio || c.in.param("track") != "1") throw no_part();
  http::validators tags{.etag = "\"" + in.file.checksum.substr(0, 32) + "\"", .modified = in.modified};
  http::response r = http::file(c.in, in.path, media_type(in.file), tags);
  r.set("Cache-Control", "private, no-cache");
  co_return r;
}

}  // namespace carrel::opds
