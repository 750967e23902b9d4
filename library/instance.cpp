#include "library/instance.hpp"

#include "library/storable.hpp"
#include "server/core/random.hpp"

namespace carrel::library {
namespace {

// The unique key is the lock: a second process waits for the first one's row and then reads it.
constexpr db::statement sql_instance{"library.instance", "select id from instance"};
constexpr db::statement sql_make_instance{"library.make_instance",
                                          "insert into instance (id) values ($1) on conflict do nothing"};

constexpr db::statement sql_key{"library.signing_key", "select key from signing_keys where name = $1"};
constexpr db::statement sql_make_key{"library.make_signing_key", R"sql(
  insert into signing_keys (name, key) values ($1, $2) on conflict do nothing)sql"};

}  // namespace

uuid instance_id(db::tx& tx) {
  db::rows known = tx.run(sql_instance);
  if (known.empty()) {
    tx.run(sql_make_instance, uuid::make());
    known = tx.run(sql_instance);
  }
  return known[0].id(0);
}

std::string signing_key(db::tx& tx, const std::string& name) {
  CARREL_EXPECT(storable(name));
  db::rows known = tx.run(sql_key, name);
  if (known.empty()) {
    db::bytes key{std::string(32, '\0')};
    random_bytes(key.raw.data(), key.raw.size());
    tx.run(sql_make_key, name, key);
    known = tx.run(sql_key, name);
  }
  return known[0].raw(0);
}

}  // namespace carrel::library
