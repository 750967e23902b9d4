#pragma once
// A server with a catalog: own database, own book store, own port.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "library/book.hpp"
#include "library/store.hpp"
#include "library/user.hpp"
#include "opds/routes.hpp"
#include "server/core/config.hpp"
#include "tests/harness/database.hpp"
#include "tests/integration/opds/client.hpp"

namespace pugi {
class xml_document;
}

namespace carrel::opds::tests {

struct sign_in {
  uuid user, device;
  std::string name, password;
  std::string header() const { return basic(name, password); }
};

struct book_draft {
  std::string title{};
  std::vector<std::string> authors{"Ada Fenwick"};
  std::string series{};
  std::optional<double> index{};
  std::vector<std::string> tags{}, languages{"en"};
  std::string format = "epub", extension = ".epub";
  std::string bytes{};  // "": made up
  std::string isbn{}, description{}, published{}, status = "organized";
  bool cover = false;
  std::vector<std::string> genres{};
  std::string publisher{};
  std::int64_t duration = 0;  // of sound, in milliseconds
};

struct made_book {
  uuid id, file;
};

using settings = std::vector<std::pair<std::string, std::string>>;

class world {
 public:
  explicit world(settings on_the_command_line = {});
  ~world();

  unsigned port() const { return port_; }
  std::string base() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // A client that shows the owner's device secret.
  std::unique_ptr<client> as(const sign_in&) const;
  std::unique_ptr<client> anonymous() const { return std::make_unique<client>(port_); }

  sign_in add_reader(const std::string& name, const std::string& role = "reader", const library::limits* = nullptr);
  made_book add(const book_draft&);
  std::vector<made_book> add_all(const std::vector<book_draft>&);  // in one transaction
  std::vector<book_draft> hostile_books(int count) const;

  // What another process would do: its own connection, then the revision.
  template <class F>
  void change(F work) {
    other_->write_now([&](db::tx& tx) { work(tx), bump(tx); });
  }
  db::pool& other() { return *other_; }
  library::store& store() { return *store_; }
  std::filesystem::path path_of(const uuid& file);
  int read_outlines();  // as the job does; how many
  // What waits to be carried from one device to the others, here and now.
  void settle_places();
  void place_moved(const uuid& user, const std::string& document);
  // Returns when everything the answers so far left to be done afterwards is done.
  void finish_background();

  sign_in owner;

 private:
  static void bump(db::tx&);
  struct engine;
  harness::database database_;
  std::unique_ptr<db::pool> pool_, other_;
  std::unique_ptr<library::store> store_;
  config config_;
  std::unique_ptr<engine> engine_;
  unsigned port_ = 0;
};

// ---- reading feeds ----

pugi::xml_document parsed(const std::string&);
std::string link_of(const pugi::xml_document&, std::string_view rel);  // href of the feed's first link of that rel; "" none
std::vector<std::string> titles_of(const std::string& feed);
std::vector<std::string> ids_of(const std::string& feed);
std::string path_of_url(const std::string& url);  // without scheme and authority

}  // namespace carrel::opds::tests
