#include "library/download.hpp"
#include "opds/background.hpp"
#include "opds/files.hpp"
#include "opds/formats.hpp"
#include "opds/stored_file.hpp"
#include "opds/visit.hpp"
#include "publication/unicode.hpp"
#include "server/http/conditional.hpp"

namespace carrel::opds {
namespace {

fetched_parts::part part_of(const http::response& r) {
  const auto& slice = std::get<http::file_slice>(r.body);
  auto number = [](auto n) { return static_cast<std::int64_t>(n); };
  return {.first = number(slice.first), .count = number(slice.count), .size = slice.opened ? number(slice.opened->size) : -1};
}

// Of the delivered bytes (opds.md 3.4). When a copy was made says nothing of how it differs from an earlier one.
http::validators tag_of(const std::string& checksum, std::optional<std::chrono::sys_seconds> modified = std::nullopt) {
  return {.etag = "\"" + checksum.substr(0, 32) + "\"", .modified = modified};
}

http::problem too_many() {
  http::problem p{429, "This device is downloading as many files as it may at once. Please wait for one to end."};
  p.headers.emplace_back("Retry-After", "10");
  return p;
}

}  // namespace

task<http::response> show_download(shared_state& s, http::context& c) {
  stored_file found = co_await find_stored(s, c);
  const library::book_file& file = found.file;
  uuid viewer = c.who->user, id = file.id;
  auto find = [&s, &file] { return s.with.copies->copy_of(file); };
  std::optional<library::delivered_copy> copy;
  if (s.with.copies != nullptr && s.with.copies->may_differ(file)) copy = co_await s.readers.run(find);

  http::validators tags = copy ? tag_of(copy->checksum) : tag_of(file.checksum, found.modified);
  http::response r = http::file(c.in, copy ? copy->path : found.path, media_type(file), tags);
  r.set("Cache-Control", "private, no-cache");
  if (r.status != 416) {
    std::string ascii = publication::ascii_name(file.download_name);
    r.set("Content-Disposition", http::content_disposition(file.download_name, s.is_koreader(c.in), true, ascii));
  }
  if (c.in.method() == http::verb::get && std::holds_alternative<http::file_slice>(r.body)) {
    std::optional<uuid> device = c.who->device;
    std::shared_ptr<const void> slot = s.downloads.take(device.value_or(viewer));
    if (!slot) throw too_many();
    fetched_parts::part part = part_of(r);
    std::string other = copy ? copy->checksum : std::string();
    std::string what = device.value_or(viewer).text() + " " + (copy ? other : file.checksum);
    r.sent = [&s, viewer, device, id, slot, part, what, other](bool complete) mutable {
      part.arrived = complete;
      if (part.size < 0 || !s.parts.note(what, part, now())) return;
      in_background(s, "opds.download",
                    [viewer, device, id, other](db::tx& tx) { library::record_download(tx, viewer, device, id, other); });
      if (s.with.fetched) s.with.fetched(viewer, id, other);
    };
  }
  co_return r;
}

}  // namespace carrel::opds
