#include "library/setting.hpp"

#include "library/storable.hpp"
#include "server/core/clock.hpp"
#include "server/core/digest.hpp"
#include "server/core/random.hpp"

namespace carrel::library {
namespace {

constexpr db::statement sql_read{"library.read_setting", "select value::text from settings where key = $1"};
constexpr db::statement sql_write{"library.write_setting", R"sql(
  insert into settings (key, value) values ($1, $2::jsonb)
      on conflict (key) do update set value = excluded.value, updated_at = now())sql"};
constexpr db::statement sql_drop{"library.drop_setting", "delete from settings where key = $1"};

constexpr db::statement sql_forget_codes{"library.forget_codes", "delete from one_time_codes where expires_at <= $1"};
constexpr db::statement sql_make_code{"library.make_code", R"sql(
  insert into one_time_codes (purpose, code_hash, created_at, expires_at) values ($1, $2, $3, $4))sql"};
constexpr db::statement sql_code{"library.code_is_good", R"sql(
  select exists (select from one_time_codes where purpose = $1 and code_hash = $2 and expires_at > $3))sql"};
constexpr db::statement sql_use_code{"library.use_code", R"sql(
  delete from one_time_codes where purpose = $1 and code_hash = $2 and expires_at > $3)sql"};

// As it may be typed: with or without the dash, in capitals.
db::bytes hash_of(std::string_view code) {
  std::string letters;
  for (char c : code) {
    if (c != '-' && c != ' ') letters += c;
  }
  return {sha256_raw(lower_ascii(letters))};
}

}  // namespace

std::optional<json::value> read_setting(db::tx& tx, const std::string& key) {
  if (!storable(key)) return std::nullopt;
  db::rows rows = tx.run(sql_read, key);
  if (rows.empty()) return std::nullopt;
  auto value = json::parse(rows[0].view(0));
  CARREL_EXPECT(value.ok());
  return std::move(*value);
}

void write_setting(db::tx& tx, const std::string& key, const json::value& value) {
  CARREL_EXPECT(storable(key));
  if (value.is_null())
    tx.run(sql_drop, key);
  else
    tx.run(sql_write, key, jsonb_text(value));
}

std::string make_code(db::tx& tx, const std::string& purpose, std::chrono::seconds life) {
  std::string code = random_letters(8);
  code.insert(4, "-");
  instant at = now();
  tx.run(sql_forget_codes, at);
  tx.run(sql_make_code, purpose, hash_of(code), at, at + life);
  return code;
}

bool code_is_good(db::tx& tx, const std::string& purpose, const std::string& code) {
  db::rows rows = tx.run(sql_code, purpose, hash_of(code), now());
  return rows[0].flag(0);
}

bool use_code(db::tx& tx, const std::string& purpose, const std::string& code) {
  return tx.run(sql_use_code, purpose, hash_of(code), now()).affected() == 1;
}

}  // namespace carrel::library
