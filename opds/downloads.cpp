#include <sys/stat.h>

#include "library/access.hpp"
#include "library/download.hpp"
#include "library/user.hpp"
#include "opds/background.hpp"
#include "opds/files.hpp"
#include "opds/formats.hpp"
#include "opds/visit.hpp"
#include "publication/unicode.hpp"
#include "server/http/conditional.hpp"

namespace carrel::opds {
namespace {

struct allowed_file {
  std::optional<library::visible_file> found;
  bool may_download = false;
};

allowed_file read_file(db::tx& tx, const uuid& viewer, const uuid& file) {
  allowed_file out;
  out.found = library::find_file(tx, viewer, file);
  std::optional<library::user> user;
  if (out.found) user = library::find_user(tx, viewer);
  out.may_download = user && library::allows(user->may, library::capability::download);
  return out;
}

std::optional<std::chrono::sys_seconds> modified_at(const std::filesystem::path& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return std::nullopt;
  return std::chrono::sys_seconds{std::chrono::seconds{found.st_mtim.tv_sec}};
}

// The whole file, or a range that reaches its end (opds.md 13.2).
bool ends_a_download(const http::response& r) {
  const auto& slice = std::get<http::file_slice>(r.body);
  return slice.opened && (r.status == 200 || r.status == 206) && slice.first + slice.count == slice.opened->size;
}

http::problem too_many() {
  http::problem p{429, "This device is downloading as many files as it may at once. Please wait for one to end."};
  p.headers.emplace_back("Retry-After", "10");
  return p;
}

}  // namespace

task<http::response> show_download(shared_state& s, http::context& c) {
  uuid id = id_param(c.in, "file");
  uuid viewer = c.who->user;
  allowed_file asked_for = co_await s.with.pool.read(read_file, viewer, id);
  if (!asked_for.found) throw http::problem{404, "There is no such file."};
  if (!asked_for.may_download) throw http::problem{403, "This account may not download books."};
  const library::book_file& file = asked_for.found->file;
  id = file.id;  // that of the file that has taken its place

  std::filesystem::path path = s.with.store.absolute(file.storage_path);
  std::optional<std::chrono::sys_seconds> modified;
  if (s.with.store.holds(file.storage_path, file.size)) modified = modified_at(path);
  if (modified.has_value() == file.missing) {
    in_background(s, "opds.missing", [id, gone = !modified](db::tx& tx) { library::mark_file_missing(tx, id, gone); });
  }
  if (!modified) throw http::problem{404, "The file is missing."};

  http::validators tags{.etag = "\"" + file.checksum.substr(0, 32) + "\"", .modified = modified};
  http::response r = http::file(c.in, path, media_type(file), tags);
  r.set("Cache-Control", "private, no-cache");
  if (r.status != 416) {
    std::string ascii = publication::ascii_name(file.download_name);
    r.set("Content-Disposition", http::content_disposition(file.download_name, s.is_koreader(c.in), true, ascii));
  }
  if (c.in.method() == http::verb::get && std::holds_alternative<http::file_slice>(r.body)) {
    std::optional<uuid> device = c.who->device;
    std::shared_ptr<const void> slot = s.downloads.take(device.value_or(viewer));
    if (!slot) throw too_many();
    bool ends = ends_a_download(r);
    r.sent = [&s, viewer, device, id, slot, ends](bool complete) {
      if (!complete || !ends) return;
      in_background(s, "opds.download", [viewer, device, id](db::tx& tx) { library::record_download(tx, viewer, device, id); });
      if (s.with.fetched) s.with.fetched(viewer, id);
    };
  }
  co_return r;
}

}  // namespace carrel::opds
