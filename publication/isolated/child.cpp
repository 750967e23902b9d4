#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include "publication/corrected_copy.hpp"
#include "publication/cover.hpp"
#include "publication/file_bytes.hpp"
#include "publication/isolated/pool.hpp"
#include "publication/isolated/protocol.hpp"
#include "publication/isolated/sandbox.hpp"
#include "publication/isolated/wishes.hpp"
#include "publication/kepub/convert.hpp"
#include "publication/kepub/span_map.hpp"
#include "publication/limit_settings.hpp"
#include "publication/open.hpp"
#include "publication/sidecar.hpp"
#include "publication/transport.hpp"

namespace carrel::publication::isolated {
namespace {

struct answer {
  std::string json, attached;
  std::array<std::string, thumbnail_edges.size()> thumbnails;
};

// Above 4,000 pixels on a side or 8 MiB the master is reduced (19.1).
void reduce_master(cover_image& cover) {
  if (cover.width <= 4000 && cover.height <= 4000 && cover.bytes.size() <= (8U << 20)) return;
  box fit{.width = 3000, .height = 3000, .quality = 92};
  result<std::string, refusal> smaller = scale_picture(cover.bytes, fit);
  if (!smaller) return;
  result<picture_facts, refusal> facts = inspect_picture(*smaller);
  if (!facts) return;
  cover = {std::move(*smaller), facts->mime, facts->width, facts->height};
}

// With what is wrong about the picture when it cannot be used, and whether it is damaged.
std::optional<refusal> cut_thumbnails(const cover_image& cover, answer& out, bool& damaged) {
  for (std::size_t i = 0; i < thumbnail_edges.size(); ++i) {
    box fit{.width = thumbnail_edges[i], .height = thumbnail_edges[i], .quality = 75};
    result<std::string, refusal> small = scale_picture(cover.bytes, fit, &damaged);
    if (!small) return small.error();
    out.thumbnails[i] = std::move(*small);
  }
  return std::nullopt;
}

// The memory of one picture or document serves the next: given back and asked for again page by page it costs a sixth of a
// cover's time, and a tenth of a conversion's.
void keep_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 16 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 32 << 20);
}

answer look_at(int descriptor, const std::string& name, const std::string& wish) {
  answer out;
  result<limits, refusal> allowed = limits_from_json(wish);
  result<opened, refusal> opened = allowed ? open(descriptor, name, *allowed) : allowed.error();
  if (!opened) {
    out.json = to_json(opened.error());
    return out;
  }
  if (opened->cover) {
    reduce_master(*opened->cover);
    bool damaged = false;
    if (std::optional<refusal> unusable = cut_thumbnails(*opened->cover, out, damaged)) {
      opened->cover.reset();
      opened->warnings.push_back({unusable->code, unusable->detail});
      out.thumbnails = {};
    } else {
      out.attached = opened->cover->bytes;
      if (damaged) opened->warnings.push_back({"cover_damaged", ""});
    }
  }
  out.json = to_json(*opened);
  return out;
}

// A picture that lies beside books, or was made from one by a program that nobody trusts either, by the rules of covers.
answer look_at_picture(int descriptor) {
  std::string bytes = read_at(descriptor, 0, std::min<std::uint64_t>(size_of(descriptor), longest_attached + 1));
  result<picture_facts, refusal> facts = inspect_picture(bytes);
  if (!facts) return {.json = to_json(facts.error()), .attached = {}, .thumbnails = {}};
  cover_image picture{std::move(bytes), facts->mime, facts->width, facts->height};
  reduce_master(picture);
  answer out;
  bool damaged = false;
  std::optional<refusal> unusable = cut_thumbnails(picture, out, damaged);
  if (unusable) return {.json = to_json(*unusable), .attached = {}, .thumbnails = {}};
  out.json = to_json(picture);
  out.attached = std::move(picture.bytes);
  return out;
}

// What a file says of itself, without what takes time or room.
answer glance_at(int descriptor, const std::string& name, const std::string& wish) {
  result<limits, refusal> quick = limits_from_json(wish);
  if (quick) quick->hashed_audio = 0;
  result<opened, refusal> seen = quick ? open(descriptor, name, *quick) : quick.error();
  if (!seen) return {.json = to_json(seen.error()), .attached = {}, .thumbnails = {}};
  seen->cover.reset();
  seen->about.toc.clear();
  seen->about.chapters.clear();
  return {.json = to_json(*seen), .attached = {}, .thumbnails = {}};
}

answer read_beside(int descriptor, const std::string& name) {
  result<told, refusal> found = read_sidecar(descriptor, name);
  return {.json = found ? to_json(*found) : to_json(found.error()), .attached = {}, .thumbnails = {}};
}

answer convert(int descriptor, const std::string& name, const std::string& wish) {
  result<conversion_wish, refusal> wanted = conversion_from_json(wish);
  if (!wanted) return {.json = to_json(wanted.error()), .attached = {}, .thumbnails = {}};
  result<kepub::made, refusal> made = kepub::convert(descriptor, name, wanted->to, wanted->how);
  if (!made) return {.json = to_json(made.error()), .attached = {}, .thumbnails = {}};
  return {.json = to_json(*made), .attached = std::move(made->span_map), .thumbnails = {}};
}

answer copy_corrected(int descriptor, const std::string& name, const std::string& wish) {
  result<copy_wish, refusal> wanted = copy_from_json(wish);
  if (!wanted) return {.json = to_json(wanted.error()), .attached = {}, .thumbnails = {}};
  result<corrected> told = corrected_from_json(wanted->metadata);
  if (!told) return {.json = to_json(refusal{"inspection_crash", told.error().message()}), .attached = {}, .thumbnails = {}};
  result<bool, refusal> made = write_corrected_copy(descriptor, name, wanted->to, *told);
  return {.json = made ? copied_json(*made) : to_json(made.error()), .attached = {}, .thumbnails = {}};
}

answer locate(int descriptor, const std::string& name, const std::string& wish) {
  result<place_wish, refusal> wanted = wish_from_json(wish);
  if (!wanted) return {.json = to_json(wanted.error()), .attached = {}, .thumbnails = {}};
  result<std::unique_ptr<locator::book>, refusal> book = locator::book::open(descriptor, name);
  if (!book) return {.json = to_json(book.error()), .attached = {}, .thumbnails = {}};
  if (std::optional<locator::measure> known = locator::measure::unpack(wanted->measure)) (*book)->use(std::move(*known));
  found_place out;
  if (wanted->readium) {
    out.at = (*book)->from_readium(*wanted->readium);
  } else if (wanted->position) {
    locator::measure there({{wanted->position->href, wanted->counted}});
    out.at = (*book)->from_variant(*wanted->position, there);
  } else {
    out.at = (*book)->from_xpointer(wanted->xpointer);
  }
  if (out.at) out.pointer = (*book)->to_xpointer(*out.at);
  return {.json = found_json(out), .attached = (*book)->lengths().pack(), .thumbnails = {}};
}

answer find_quotes(int descriptor, const std::string& name, const std::string& wish) {
  result<std::vector<std::string>, refusal> wanted = quotes_from_json(wish);
  if (!wanted) return {.json = to_json(wanted.error()), .attached = {}, .thumbnails = {}};
  result<std::unique_ptr<locator::book>, refusal> book = locator::book::open(descriptor, name);
  if (!book) return {.json = to_json(book.error()), .attached = {}, .thumbnails = {}};
  return {.json = found_quotes_json(locator::find_quotes(**book, *wanted)), .attached = {}, .thumbnails = {}};
}

answer outline_of(int descriptor, const std::string& name) {
  result<outline, refusal> found = read_outline(descriptor, name);
  if (!found) return {.json = to_json(found.error()), .attached = {}, .thumbnails = {}};
  answer out{.json = json_of(piece{}), .attached = to_json(*found), .thumbnails = {}};
  if (out.attached.size() > longest_outline)
    return {.json = to_json(refusal{"inspection_limit", "outline"}), .attached = {}, .thumbnails = {}};
  return out;
}

answer answer_with(result<piece, refusal> found) {
  if (!found) return {.json = to_json(found.error()), .attached = {}, .thumbnails = {}};
  return {.json = json_of(*found), .attached = std::move(found->bytes), .thumbnails = {}};
}

answer cut_piece(int descriptor, const std::string& name, const std::string& wish, bool drawn) {
  result<piece_wish, refusal> wanted = piece_from_json(wish);
  if (!wanted) return {.json = to_json(wanted.error()), .attached = {}, .thumbnails = {}};
  if (!drawn) return answer_with(read_piece(descriptor, name, *wanted));
  return answer_with(fit_page(read_at(descriptor, 0, std::min<std::uint64_t>(size_of(descriptor), largest_piece + 1)), *wanted));
}

bool send_answer(const answer& a) {
  answer_head head;
  head.resident = resident_bytes();
  head.json_size = static_cast<std::uint32_t>(a.json.size());
  head.attached_size = static_cast<std::uint32_t>(a.attached.size());
  for (std::size_t i = 0; i < a.thumbnails.size(); ++i)
    head.thumbnail_size[i] = static_cast<std::uint32_t>(a.thumbnails[i].size());
  bool sent = send_all(child_socket, &head, sizeof head, {}) == io::ok;
  auto send = [&](const std::string& part) { sent = sent && send_all(child_socket, part.data(), part.size(), {}) == io::ok; };
  send(a.json);
  send(a.attached);
  std::for_each(a.thumbnails.begin(), a.thumbnails.end(), send);
  return sent;
}

}  // namespace

int child_main() { return child_main(nullptr); }

int child_main(void (*before)()) {
  bool first = true, reads_only = false;
  for (;;) {
    request_head head;
    int descriptor = -1;
    if (receive_request(child_socket, head, descriptor) != io::ok) return 0;
    if (descriptor < 0 || head.name_size > longest_name || head.wish_size > longest_wish) return 2;
    std::string name(head.name_size, '\0'), wish(head.wish_size, '\0');
    if (receive_all(child_socket, name.data(), name.size(), {}) != io::ok) return 0;
    if (receive_all(child_socket, wish.data(), wish.size(), {}) != io::ok) return 0;
    if (first) {
      keep_memory();
      enter_sandbox(head.memory);
      first = false;
    }
    if (!writes(head.what) && !std::exchange(reads_only, true)) forbid_writing();
    allow_cpu(std::chrono::milliseconds(head.cpu_ms));
    answer a;
    bool exhausted = false;
    try {
      if (before != nullptr) before();
      switch (head.what) {
        case task::inspect: a = look_at(descriptor, name, wish); break;
        case task::convert: a = convert(descriptor, name, wish); break;
        case task::copy: a = copy_corrected(descriptor, name, wish); break;
        case task::locate: a = locate(descriptor, name, wish); break;
        case task::quotes: a = find_quotes(descriptor, name, wish); break;
        case task::picture: a = look_at_picture(descriptor); break;
        case task::glance: a = glance_at(descriptor, name, wish); break;
        case task::sidecar: a = read_beside(descriptor, name); break;
        case task::outline: a = outline_of(descriptor, name); break;
        case task::piece: a = cut_piece(descriptor, name, wish, false); break;
        case task::fit: a = cut_piece(descriptor, name, wish, true); break;
      }
    } catch (const std::bad_alloc&) {
      a = {};
      a.json = to_json(no_memory);
      exhausted = true;
    }
    ::close(descriptor);
    if (!send_answer(a)) return 0;
    if (exhausted) return 0;
  }
}

}  // namespace carrel::publication::isolated
