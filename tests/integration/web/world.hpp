#pragma once
// A server with the pages and the API: own database, own book store, own port, and one account of every kind.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "library/book.hpp"
#include "library/store.hpp"
#include "library/user.hpp"
#include "server/core/config.hpp"
#include "server/db/pool.hpp"
#include "server/http/router.hpp"
#include "tests/harness/database.hpp"
#include "tests/integration/web/client.hpp"
#include "web/routes.hpp"

namespace carrel::web::tests {

struct made_book {
  uuid id, file;
  std::string document;  // the KOReader hash of its file
  std::string path() const { return "/books/" + id.text(); }
};

class world {
 public:
  explicit world(bool with_people = true, const std::string& base_path = "/");
  ~world();

  client anonymous() const { return client(port_); }
  client as(const std::string& name);  // signed in over the API

  uuid add_person(const std::string& name, library::role, const library::limits* = nullptr);
  made_book add_book(const std::string& title, const std::string& status = "organized",
                     const std::vector<std::string>& tags = {});
  std::filesystem::path path_of(const made_book&) const;  // of its file in the store
  // A push of this account's KOReader.
  void push(const uuid& user, const std::string& document, double percentage);
  // An older place of another device that was kept aside.
  void hold(const uuid& user, const std::string& document, double percentage);
  uuid fail_item(const std::optional<uuid>& user, const std::string& name);
  std::string setup_code();
  std::int64_t number(const char* sql);

  template <class F>
  auto write(F f) {
    return pool_->write_now(std::move(f));
  }

  uuid owner, librarian, reader, other, limited;
  static constexpr const char* password = "paper lantern harbour";
  upload_result next_upload;                                 // what the callback answers
  std::vector<std::pair<std::string, std::string>> uploads;  // name and bytes it was given
  http::router& router();
  std::filesystem::path data() const;
  // What replaces the bytes of a file.
  std::function<std::optional<error>(uuid file, const std::filesystem::path& bytes, const library::actor&)> replace;
  // What takes a picture for a cover.
  std::function<std::optional<error>(uuid book, const std::filesystem::path& picture, const library::actor&)> set_cover;

 private:
  struct engine;
  harness::database database_;
  std::unique_ptr<db::pool> pool_;
  std::unique_ptr<library::store> store_;
  config config_;
  std::unique_ptr<engine> engine_;
  unsigned port_ = 0;
};

}  // namespace carrel::web::tests
