#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/offer.hpp"
#include "server/core/clock.hpp"
#include "server/core/error.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct shelf {
  uuid id, user_id;
  std::string user_name, name, kind;  // hand, rule
  bool collection = true, opds = true, shared = false;
  bool made_on_device = false;  // a collection that a reader made there
  std::int64_t count = 0;       // books that the viewer sees
  instant created_at{}, updated_at{};
};

// Shelves a viewer may look at: own ones, then shared ones of others. An account with limits sees only those shared shelves
// that hold a book it sees.
std::vector<shelf> shelves(db::tx&, const uuid& viewer);
std::vector<shelf> shelves_for(db::tx&, const uuid& viewer, taker);  // counts of what the taker's lists show
std::optional<shelf> find_shelf(db::tx&, const uuid& viewer, const uuid& shelf);
std::optional<shelf> find_shelf_named(db::tx&, const uuid& viewer, std::string_view id_or_name);
// For those who keep the server: whoever's shelves of that id or name, each as its owner sees it.
std::vector<shelf> shelves_called(db::tx&, std::string_view id_or_name);

// Name: 1 to 255 characters; error field "name". Throws db::unique_violation when the account has one of that name.
result<shelf> create_shelf(db::tx&, const uuid& user, const std::string& name, bool collection);
struct shelf_change {
  std::optional<std::string> name;
  std::optional<bool> collection, opds, shared;
};
// The following change only shelves of `user`; false / 0 when there is no such shelf or nothing changed.
result<bool> change_shelf(db::tx&, const uuid& user, const uuid& shelf, const shelf_change&);
bool delete_shelf(db::tx&, const uuid& user, const uuid& shelf);
// A collection that a reader made on a device: feeds none, and may have the name of another (kobo.md 11). The name as above.
result<uuid> create_device_list(db::tx&, const uuid& user, const std::string& name);
int add_to_shelf(db::tx&, const uuid& user, const uuid& shelf, const std::vector<uuid>& books);  // visible books only; appended
int remove_from_shelf(db::tx&, const uuid& user, const uuid& shelf, const std::vector<uuid>& books);
std::vector<uuid> shelf_books(db::tx&, const uuid& viewer, const uuid& shelf);  // visible ones, in order
std::vector<shelf> shelves_of_book(db::tx&, const uuid& viewer, const uuid& book);
std::vector<uuid> devices_fed(db::tx&, const uuid& shelf);

}  // namespace carrel::library
