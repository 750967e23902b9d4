#include "opds/stored_file.hpp"

#include <sys/stat.h>

#include "library/access.hpp"
#include "library/user.hpp"
#include "opds/background.hpp"
#include "opds/visit.hpp"

namespace carrel::opds {
namespace {

struct allowed_file {
  std::optional<library::visible_file> found;
  bool may_download = false;
};

bool may_download(db::tx& tx, const uuid& viewer) {
  std::optional<library::user> user = library::find_user(tx, viewer);
  return user && library::allows(user->may, library::capability::download);
}

allowed_file read_file(db::tx& tx, const uuid& viewer, const uuid& file) {
  allowed_file out;
  out.found = library::find_file(tx, viewer, file);
  out.may_download = out.found && may_download(tx, viewer);
  return out;
}

std::optional<std::chrono::sys_seconds> modified_at(const std::filesystem::path& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return std::nullopt;
  return std::chrono::sys_seconds{std::chrono::seconds{found.st_mtim.tv_sec}};
}

http::problem not_allowed() { return http::problem{403, "This account may not download books."}; }

}  // namespace

stored_file stored(shared_state& s, const library::book_file& file) {
  stored_file out{.file = file, .path = s.with.store.absolute(file.storage_path)};
  std::optional<std::chrono::sys_seconds> modified;
  if (s.with.store.holds(file.storage_path, file.size)) modified = modified_at(out.path);
  if (modified.has_value() == file.missing) {
    in_background(s, "opds.missing", [id = file.id, gone = !modified](db::tx& tx) { library::mark_file_missing(tx, id, gone); });
  }
  if (!modified) throw http::problem{404, "The file is missing."};
  out.modified = *modified;
  return out;
}

task<stored_file> find_stored(shared_state& s, http::context& c) {
  uuid id = id_param(c.in, "file");
  uuid viewer = c.who->user;
  allowed_file asked_for = co_await s.with.pool.read(read_file, viewer, id);
  if (!asked_for.found) throw http::problem{404, "There is no such file."};
  if (!asked_for.may_download) throw not_allowed();
  co_return stored(s, asked_for.found->file);
}

task<> require_download(shared_state& s, http::context& c) {
  bool allowed = co_await s.with.pool.read(may_download, c.who->user);
  if (!allowed) throw not_allowed();
}

}  // namespace carrel::opds
