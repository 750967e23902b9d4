#pragma once
// The browser pages and the API for programs.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "library/book.hpp"
#include "library/delivered_copies.hpp"
#include "library/merge.hpp"
#include "library/store.hpp"
#include "server/auth/cpu_pool.hpp"
#include "server/auth/credentials.hpp"
#include "server/core/config.hpp"
#include "server/core/error.hpp"
#include "server/db/pool.hpp"
#include "server/http/links.hpp"
#include "server/http/router.hpp"
#include "web/library_work.hpp"

namespace carrel::web {

struct upload_result {
  std::optional<uuid> job;         // taken: the job that reads it
  std::optional<uuid> known_book;  // the same bytes are there already, in this book
  std::optional<error> refused;    // field: a code of ingest.md 22; reason: for the person
  bool known_in_trash = false;     // and that book is in the trash
};

// What the wiring gives to the pages. Callbacks may block: they run on `cpu`. One that is empty hides what it would do.
struct services {
  db::pool& pool;
  auth::credentials& credentials;
  auth::cpu_pool& cpu;
  const library::store& store;
  const http::links& links;
  const config& settings;
  std::string version;
  std::filesystem::path upload_dir;  // where parts of uploads are put, next to the bodies
  // The file belongs to the callee afterwards (it moves or removes it).
  std::function<upload_result(std::filesystem::path file, std::string original_name, uuid user)> accept_upload;
  // A picture of at most that width, made when needed; nothing when the original cannot be read.
  std::function<std::optional<std::filesystem::path>(const library::cover_ref&, int width)> cover;
  // New bytes for a file of a book (contract.md 4); the old bytes go to the attic.
  std::function<std::optional<error>(uuid file, std::filesystem::path bytes, library::actor)> replace_file;
  // A picture for a book's cover (ingest.md 19.1); the file stays the caller's.
  std::function<std::optional<error>(uuid book, std::filesystem::path picture, library::actor)> set_cover{};
  // Books become one, and two again (library/merge.hpp); with the bytes of their files.
  std::function<result<library::merge_outcome>(uuid kept, std::vector<uuid> others, library::merge_act, library::actor)>
      merge_books{};
  std::function<result<library::unmerge_outcome>(uuid merge, library::actor)> undo_merge{};
  // Reads a failed file again; false when nothing is left to read.
  std::function<bool(uuid item)> retry_ingest;
  // A person has set a place, or linked a document: the devices are to know.
  std::function<void()> places_changed{};
  // Downloaded to its last byte. `copy`: the SHA-256 of what was handed over, where that is not the stored file.
  std::function<void(const uuid& user, const uuid& file, const std::string& copy)> fetched{};
  library_work libraries{};
  // True once the server drains: event streams end then.
  std::function<bool()> stopping;
  const library::delivered_copies* copies = nullptr;  // with corrected metadata
};

struct site;

class pages {
 public:
  explicit pages(services);
  ~pages();
  // Last of all: its group answers every path that nothing else knows.
  void mount(http::router&);

 private:
  std::shared_ptr<const site> site_;
};

class api {
 public:
  explicit api(services);
  ~api();
  void mount(http::router&);

 private:
  std::shared_ptr<const site> site_;
};

}  // namespace carrel::web
