#include "opds/streaming.hpp"

#include <fcntl.h>

#include <algorithm>

#include "opds/outlines.hpp"
#include "opds/page_turns.hpp"
#include "opds/stored_file.hpp"
#include "server/core/file.hpp"
#include "server/core/log.hpp"
#include "server/core/text.hpp"
#include "server/core/turn.hpp"
#include "server/http/conditional.hpp"

namespace carrel::opds {
namespace {

constexpr int narrowest = 200, widest = 4000, step = 100;  // opds.md 8.2
constexpr int usual_width = 1600;                          // of a page that has none of its own

struct page_request {
  stored_file in;
  std::shared_ptr<const publication::outline> outline{};
  page_key key{};
};

struct made_page {
  std::string bytes;
  bool busy = false;  // nobody could make it just now
};

http::problem no_page() { return http::problem{404, "There is no such page."}; }

int number_of_page(std::string_view text, int first) {
  std::optional<std::int64_t> n = to_integer(text);
  bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  if (!n && !digits) throw http::problem{400, "A page is named by its number."};
  if (!n || *n < first || *n > 1'000'000) throw no_page();
  return static_cast<int>(*n) - first;
}

// Blocking. One at a time makes a page; others wait for it.
made_page make_page(shared_state& s, const page_request& r) {
  if (std::optional<std::string> kept = s.pages.find(r.key)) return {.bytes = std::move(*kept)};
  turn mine("page " + r.key.text());
  if (std::optional<std::string> kept = s.pages.find(r.key)) return {.bytes = std::move(*kept)};
  file source(::open(r.in.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!source) return {};
  result<publication::piece, publication::refusal> made = publication::refusal{};
  if (r.outline->format == "pdf") {
    made = s.with.readers.draw_page(source.get(), r.key.page + 1, r.key.width);
  } else {
    publication::piece_wish wish{
        .what = r.outline->order[static_cast<std::size_t>(r.key.page)], .width = r.key.width, .for_readers = r.key.for_readers};
    made = s.with.readers.read_piece(source.get(), r.in.file.original_name, wish);
  }
  if (!made) {
    log::info("opds.page", {{"file", r.in.file.id.text()}, {"page", r.key.page}, {"code", made.error().code}});
    return {.bytes = {}, .busy = made.error().detail == publication::isolated::no_process};
  }
  s.pages.keep(r.key, made->bytes);
  return {.bytes = std::move(made->bytes)};
}

// A width that the page does not have is as good as none, so that the page is kept once.
int useful_width(const publication::outline& o, int page, int wanted) {
  if (o.format == "pdf") return wanted > 0 ? wanted : usual_width;
  int own = o.order[static_cast<std::size_t>(page)].width;
  return own > 0 && wanted >= own ? 0 : wanted;
}

task<page_request> read_request(shared_state& s, http::context& c, int page) {
  page_request r;
  r.in = co_await find_stored(s, c);
  bool drawn = r.in.file.format != "pdf" || s.draws_pdf;
  if (!has_pictures(r.in.file.format) || !drawn) throw no_page();
  r.outline = co_await outline_of(s, r.in);
  if (!r.outline || page >= r.outline->pages) throw no_page();
  r.key.checksum = r.in.file.checksum;
  r.key.page = page;
  co_return r;
}

void dress(http::response& r) {
  // Its address stays the same when the file changes, so it must be asked about again some day.
  r.set("Cache-Control", "private, max-age=86400");
  r.set("Vary", "Authorization");
}

task<http::response> send_page(shared_state& s, http::context& c, page_request r) {
  http::validators tags{.etag = "\"" + r.key.text() + "\"", .modified = std::nullopt};
  if (http::unchanged(c.in, tags)) {
    http::response same = http::not_modified(tags);
    dress(same);
    co_return same;
  }
  if (s.pages_waiting > shared_state::most_pages_waiting) throw too_busy();
  ++s.pages_waiting;
  auto done = std::shared_ptr<void>(nullptr, [&s](void*) { --s.pages_waiting; });
  shared_state* state = &s;
  auto make = [state](const page_request& wanted) { return make_page(*state, wanted); };
  made_page made = co_await s.readers.run(make, r);
  if (made.busy) throw too_busy();
  std::string type = publication::picture_type(made.bytes);
  if (type.empty()) throw http::problem{404, "This page cannot be shown."};
  http::response out = http::text(std::move(made.bytes));
  out.set("Content-Type", std::move(type)).set("ETag", tags.etag);
  dress(out);
  co_return out;
}

}  // namespace

link stream_link(const visit& v, const library::page_stream& s) {
  link out;
  out.rel = "http://vaemendis.net/opds-pse/stream";
  out.href = v.at.stream(s.file);
  out.type = "image/jpeg";
  out.pages = s.pages;
  out.last_read = s.last_read;
  if (s.last_read > 0) out.last_read_at = s.last_read_at;
  return out;
}

int asked_width(const std::optional<std::string>& text) {
  std::optional<std::int64_t> w = text ? to_integer(*text) : std::nullopt;
  if (!w || *w <= 0) return 0;
  auto clamped = static_cast<int>(std::clamp<std::int64_t>(*w, narrowest, widest));
  return (clamped + step - 1) / step * step;
}

task<http::response> show_streamed_page(shared_state& s, http::context& c) {
  int page = number_of_page(c.in.param("page"), 0);
  int wanted = asked_width(asked(c.in, "w"));
  page_request r = co_await read_request(s, c, page);
  r.key.width = useful_width(*r.outline, page, wanted);
  r.key.for_readers = true;
  uuid file = r.in.file.id;
  int pages = r.outline->pages;
  http::response out = co_await send_page(s, c, std::move(r));
  if (s.counts_pages && c.in.method() == http::verb::get) note_page_turn(s, c, file, page, pages);
  co_return out;
}

task<http::response> show_original_page(shared_state& s, http::context& c) {
  int page = number_of_page(c.in.param("page"), 1);
  page_request r = co_await read_request(s, c, page);
  r.key.for_readers = asked(c.in, "as") == "jpeg";
  r.key.width = useful_width(*r.outline, page, 0);
  http::response out = co_await send_page(s, c, std::move(r));
  co_return out;
}

}  // namespace carrel::opds
