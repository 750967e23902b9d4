#include "tests/integration/people/support.hpp"

#include <memory>
#include <stdexcept>

#include "schema/migrations.hpp"
#include "server/auth/password.hpp"
#include "server/core/text.hpp"

namespace carrel::people {
namespace {

constexpr db::statement sql_book{"test.add_book", "insert into books (id, title, status) values ($1, $2, $3::text::book_status)"};
constexpr db::statement sql_file{"test.add_file", R"sql(
  insert into book_files (id, book_id, format, original_name, file_size, checksum) values ($1, $2, 'epub', 'a.epub', 1, $3))sql"};

const std::string& migrated_database_first() {
  static const std::string done = [] {
    harness::use_migrations(schema::migrations());
    return std::string();
  }();
  return done;
}

}  // namespace

home::home() : database((migrated_database_first(), harness::database())), pool({.url = database.url(), .connections = 4}) {}

library::user home::add(const std::string& name, library::role role) {
  return write([&](db::tx& tx) { return library::add_user(tx, name, role, std::nullopt); });
}

library::user home::add_with_password(const std::string& name, const std::string& password, library::role role) {
  std::string hash = auth::hash_password(password, 64 * 1024);
  return write([&](db::tx& tx) { return library::add_user(tx, name, role, hash); });
}

library::new_device home::add_device(const library::user& u, const std::string& name, const std::string& kind) {
  auto made = write([&](db::tx& tx) { return library::add_device(tx, u.id, name, kind); });
  if (!made) throw std::runtime_error(made.error().message());
  return std::move(*made);
}

uuid home::add_book(const std::string& title, const std::string& status) {
  uuid id = uuid::make();
  write([&](db::tx& tx) { tx.run(sql_book, id, title, status); });
  return id;
}

uuid home::add_file(const uuid& book) {
  uuid id = uuid::make();
  write([&](db::tx& tx) { tx.run(sql_file, id, book, id.text()); });
  return id;
}

library::user home::load(const uuid& user) {
  return read([&](db::tx& tx) { return library::find_user(tx, user).value(); });
}

std::int64_t home::number(const char* sql) {
  return read([&](db::tx& tx) { return tx.run({sql, sql})[0].integer(0); });
}

config settings_with(setting_list wanted) {
  auto nothing = [](const std::string&) { return std::optional<std::string>(); };
  config::sources from{.file = std::nullopt, .environment = nothing, .environment_names = {}, .command_line = std::move(wanted)};
  auto loaded = std::make_unique<result<config>>(config::load(from));  // on the stack g++ 12 warns of a wrong delete
  return std::move(loaded->value());
}

namespace {

setting_list quick(setting_list wanted) {
  wanted.emplace_back("auth.argon2_memory", "64KiB");
  return wanted;
}

}  // namespace

house::house(setting_list wanted) : settings(settings_with(quick(std::move(wanted)))), who(pool, cpu, settings) {}

visit::visit(header_list headers, http::verb method, std::string target, std::string body, std::string address,
             std::string scheme)
    : in([&] {
        http::request::parts p;
        p.method = method;
        p.target = std::move(target);
        p.headers = std::move(headers);
        p.body = std::move(body);
        p.client_address = std::move(address);
        p.scheme = std::move(scheme);
        p.host = "books.example";
        return http::request(std::move(p));
      }()) {}

std::string header_of(const http::problem& p, std::string_view name) {
  for (const auto& [key, value] : p.headers) {
    if (key == name) return value;
  }
  return {};
}

std::string basic(const std::string& name, const std::string& password) { return "Basic " + base64(name + ":" + password); }
header_list basic_headers(const std::string& name, const std::string& password) {
  return {{"Authorization", basic(name, password)}};
}
header_list kosync_headers(const std::string& name, const std::string& key) {
  return {{"x-auth-user", name}, {"x-auth-key", key}};
}

}  // namespace carrel::people
