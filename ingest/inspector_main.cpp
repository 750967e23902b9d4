#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <new>

#include "ingest/inspector.hpp"
#include "ingest/inspector_protocol.hpp"
#include "ingest/sandbox.hpp"
#include "publication/cover.hpp"
#include "publication/open.hpp"
#include "publication/transport.hpp"

namespace carrel::ingest {
namespace {

struct answer {
  std::string json, cover;
  std::array<std::string, thumbnail_edges.size()> thumbnails;
};

// Above 4,000 pixels on a side or 8 MiB the master is reduced (19.1).
void reduce_master(publication::cover_image& cover) {
  if (cover.width <= 4000 && cover.height <= 4000 && cover.bytes.size() <= (8U << 20)) return;
  publication::box fit{.width = 3000, .height = 3000, .quality = 92};
  result<std::string, publication::refusal> smaller = publication::scale_picture(cover.bytes, fit);
  if (!smaller) return;
  result<publication::picture_facts, publication::refusal> facts = publication::inspect_picture(*smaller);
  if (!facts) return;
  cover = {std::move(*smaller), facts->mime, facts->width, facts->height};
}

void drop_cover(publication::opened& book, const publication::refusal& why) {
  book.cover.reset();
  book.warnings.push_back({why.code, why.detail});
}

void cut_thumbnails(publication::opened& book, answer& out) {
  bool damaged = false;
  for (std::size_t i = 0; i < thumbnail_edges.size(); ++i) {
    publication::box fit{.width = thumbnail_edges[i], .height = thumbnail_edges[i], .quality = 75};
    result<std::string, publication::refusal> small = publication::scale_picture(book.cover->bytes, fit, &damaged);
    if (!small) return drop_cover(book, small.error());
    out.thumbnails[i] = std::move(*small);
  }
  if (damaged) book.warnings.push_back({"cover_damaged", ""});
}

answer look_at(int descriptor, const std::string& name) {
  answer out;
  result<publication::opened, publication::refusal> opened = publication::open(descriptor, name);
  if (!opened) {
    out.json = publication::to_json(opened.error());
    return out;
  }
  if (opened->cover) {
    reduce_master(*opened->cover);
    cut_thumbnails(*opened, out);
    if (opened->cover)
      out.cover = opened->cover->bytes;
    else
      out.thumbnails = {};
  }
  out.json = publication::to_json(*opened);
  return out;
}

bool send_answer(const answer& a) {
  answer_head head;
  head.resident = resident_bytes();
  head.json_size = static_cast<std::uint32_t>(a.json.size());
  head.cover_size = static_cast<std::uint32_t>(a.cover.size());
  std::string body = a.json + a.cover;
  for (std::size_t i = 0; i < a.thumbnails.size(); ++i) {
    head.thumbnail_size[i] = static_cast<std::uint32_t>(a.thumbnails[i].size());
    body += a.thumbnails[i];
  }
  return send_all(child_socket, &head, sizeof head, {}) == io::ok &&
         send_all(child_socket, body.data(), body.size(), {}) == io::ok;
}

// The memory of one picture serves the next: given back and asked for again page by page it costs a sixth of a cover's time.
void keep_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 16 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 32 << 20);
}

}  // namespace

int inspector_main() {
  keep_memory();
  bool first = true;
  for (;;) {
    request_head head;
    int descriptor = -1;
    if (receive_request(child_socket, head, descriptor) != io::ok) return 0;
    if (descriptor < 0 || head.name_size > longest_name) return 2;
    std::string name(head.name_size, '\0');
    if (receive_all(child_socket, name.data(), name.size(), {}) != io::ok) return 0;
    if (first) {
      enter_sandbox(head.memory);
      publication::start_pictures();
      first = false;
    }
    allow_cpu(std::chrono::milliseconds(head.cpu_ms));
    answer a;
    bool exhausted = false;
    try {
      a = look_at(descriptor, name);
    } catch (const std::bad_alloc&) {
      a = {};
      a.json = publication::to_json(publication::refusal{"inspection_limit", "memory"});
      exhausted = true;
    }
    ::close(descriptor);
    if (!send_answer(a)) return 0;
    if (exhausted) return 0;  // a fresh process has the memory back
  }
}

}  // namespace carrel::ingest
