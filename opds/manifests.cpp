#include "opds/manifests.hpp"

#include "library/merge.hpp"
#include "opds/books.hpp"
#include "opds/manifest_parts.hpp"
#include "opds/outlines.hpp"
#include "opds/publication_links.hpp"
#include "opds/readable_book.hpp"
#include "server/http/conditional.hpp"

namespace carrel::opds {
namespace {

http::problem not_readable() { return http::problem{404, "This book cannot be read without downloading it."}; }

void dress(http::response& r) {
  r.set("Cache-Control", "private, no-cache");
  r.set("Vary", "Authorization, Accept-Encoding");
}

http::response same(const http::validators& tags) {
  http::response r = http::not_modified(tags);
  dress(r);
  return r;
}

http::response answered(std::string body, std::string_view type, const http::validators& tags) {
  http::response r = http::json(std::move(body));
  r.set("Content-Type", std::string(type)).set("ETag", tags.etag);
  dress(r);
  return r;
}

bool is_sound(const library::book_file& f) { return reading_of(f) == reading_as::audio; }

// Which of the ways of reading the book the address means: what stands first, unless it says so.
const library::book_file* file_for(const library::book& b, std::optional<bool> sound) {
  for (const library::book_file* f : readable_files(b)) {
    if (!sound || is_sound(*f) == *sound) return f;
  }
  return nullptr;
}

std::optional<bool> sound_asked(const http::request& in) {
  std::optional<std::string> as = asked(in, "as");
  if (as == "audio") return true;
  return as == "text" ? std::optional(false) : std::nullopt;
}

struct readable_book {
  library::book book;
  library::book_file file;
  std::shared_ptr<const publication::outline> inside{};  // null for sound
  library::recording sound{};
};

task<readable_book> find_readable(shared_state& s, http::context& c, std::optional<bool> sound) {
  if (!s.offers_manifests) throw not_readable();
  readable_book out;
  out.book = co_await find_readable_book(s, c);
  const library::book_file* file = file_for(out.book, sound);
  if (file == nullptr) throw not_readable();
  out.file = *file;
  co_await require_download(s, c);
  if (is_sound(out.file)) {
    out.sound = co_await s.with.pool.read(library::recording_of, out.book.id, out.file.id);
    if (out.sound.tracks.empty()) throw not_readable();
    co_return out;
  }
  stored_file at = stored(s, out.file);
  out.inside = co_await outline_of(s, at);
  if (!out.inside) throw not_readable();
  co_return out;
}

}  // namespace

std::vector<const library::book_file*> readable_files(const library::book& b) {
  std::vector<const library::book_file*> out;
  for (const library::book_file& f : b.files) {
    std::optional<reading_as> how = reading_of(f);
    bool known = how && f.drm.empty() && !f.missing && (how != reading_as::audio || f.duration > 0);
    if (known && (out.empty() || (out.size() == 1 && is_sound(*out.front()) != is_sound(f)))) out.push_back(&f);
  }
  return out;
}

const library::book_file* readable_file(const library::book& b) {
  std::vector<const library::book_file*> all = readable_files(b);
  return all.empty() ? nullptr : all.front();
}

std::optional<reading_as> reading_of(const library::book_file& f) {
  if (f.format == "epub" || f.format == "kepub") return reading_as::epub;
  const publication::kind* k = publication::find_kind(f.format);
  if (k == nullptr) return std::nullopt;
  if (k->family == "comic") return reading_as::comic;
  if (k->family == "pdf") return reading_as::pdf;
  bool sound = k->family == "audio" && f.format != "aax" && f.format != "aa" && f.format != "wma";
  return sound ? std::optional(reading_as::audio) : std::nullopt;
}

std::string_view manifest_type(reading_as how) {
  if (how == reading_as::comic) return "application/divina+json";
  return how == reading_as::audio ? "application/audiobook+json" : "application/webpub+json";
}

std::string manifest_address(const visit& v, const library::book& b, const library::book_file& f) {
  std::string out = v.at.manifest(b.id);
  const library::book_file* first = readable_file(b);
  if (first != nullptr && first->id != f.id) out += is_sound(f) ? "?as=audio" : "?as=text";
  return out;
}

void add_manifest(std::vector<link>& to, const visit& v, const library::book& b) {
  // KOReader takes every acquisition for a file (opds.md 15.1).
  if (!v.manifests || v.koreader) return;
  for (const library::book_file* file : readable_files(b)) {
    link out;
    out.rel = "http://opds-spec.org/acquisition";
    out.href = manifest_address(v, b, *file);
    out.type = manifest_type(reading_of(*file).value());
    out.title = is_sound(*file) ? v.say("Listen online") : v.say("Read online");
    to.push_back(std::move(out));
  }
}

task<http::response> show_manifest(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  std::optional<bool> sound = sound_asked(c.in);
  readable_book b = co_await find_readable(s, c, sound);
  http::validators tags = validators_of(v, {.covers = true});
  if (http::unchanged(c.in, tags)) co_return same(tags);
  manifest_source from{.book = b.book, .file = b.file, .inside = b.inside.get(), .sound = b.sound};
  co_return answered(json::dump(manifest_of(v, from)), manifest_type(reading_of(b.file).value()), tags);
}

task<http::response> show_positions(shared_state& s, http::context& c) {
  visit v = co_await enter(s, c);
  constexpr bool sound = false;  // which has no list of positions
  readable_book b = co_await find_readable(s, c, sound);
  http::validators tags = validators_of(v, {});
  if (http::unchanged(c.in, tags)) co_return same(tags);
  manifest_source from{.book = b.book, .file = b.file, .inside = b.inside.get()};
  co_return answered(json::dump(position_list(v, from)), positions_type, tags);
}

}  // namespace carrel::opds
