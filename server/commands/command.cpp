#include "server/commands/command.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>

#include "publication/author_order.hpp"
#include "server/core/text.hpp"

namespace carrel::commands {
namespace {

constexpr db::statement sql_owner{"command.first_owner", R"sql(
  select id from users where role = 'owner' and disabled_at is null order by created_at, id limit 1)sql"};

constexpr db::statement sql_called{"command.books_called", R"sql(
  select b.id::text, b.status from visible_books($1) b where b.title = $2 order by b.created_at, b.id limit 20)sql"};

constexpr db::statement sql_end_stand_in{"command.end_stand_in", "delete from users where id = $1"};

std::optional<library::user> first_owner(db::tx& tx) {
  db::rows rows = tx.run(sql_owner);
  return rows.empty() ? std::nullopt : library::find_user(tx, rows[0].id(0));
}

}  // namespace

input_file::input_file(const std::string& path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (descriptor_ < 0) throw stop(errno == ENOENT ? not_found : failed, path + ": " + std::strerror(errno));
  struct stat facts {};
  if (::fstat(descriptor_, &facts) == 0 && S_ISREG(facts.st_mode)) return;
  ::close(descriptor_);
  throw stop(failed, path + ": not an ordinary file");
}

input_file::~input_file() { ::close(descriptor_); }

config invocation::load_settings() const {
  config::sources from;
  if (!config_file.empty()) from.file = config_file;
  for (const std::string& pair : settings) {
    std::size_t equals = pair.find('=');
    if (equals == pair.npos) throw stop(usage, "--set expects key=value, got " + pair);
    from.command_line.emplace_back(trim(std::string_view(pair).substr(0, equals)),
                                   trim(std::string_view(pair).substr(equals + 1)));
  }
  result<config> c = config::load(from);
  if (!c) throw stop(usage, c.error().message());
  publication::keep_particles_with_surname(c->on("author_particles_with_surname"));
  return std::move(*c);
}

environment invocation::open(unsigned connections) const {
  result<environment> e = open_environment(load_settings(), {.connections = connections});
  if (!e) throw stop(failed, e.error().message());
  return std::move(*e);
}

failure failure_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const stop& e) {
    const char* code = e.status == usage       ? "usage"
                       : e.status == not_found ? "not_found"
                       : e.status == refused   ? "refused"
                                               : "failed";
    return {e.status, e.code.empty() ? code : e.code, e.what()};
  } catch (const db::lost& e) {
    return {failed, "database", std::string("the database cannot be reached: ") + e.what()};
  } catch (const std::exception& e) {
    return {failed, "failed", e.what()};
  }
}

json::object to_json(const failure& f) {
  json::object inner{{"code", f.code}, {"message", f.message}};
  return json::object{{"error", std::move(inner)}};
}

exit_status invocation::fail(const failure& f) const {
  std::cerr << "carrel: " << f.message << '\n';
  if (json && !answered_) answer(to_json(f), "");
  return f.status;
}

void invocation::answer(const json::value& document, const std::string& text) const {
  answered_ = true;
  if (json)
    std::cout << json::dump(document) << '\n';
  else if (!text.empty())
    std::cout << text << (text.ends_with('\n') ? "" : "\n");
  std::cout.flush();
}

library::user acting_user(db::tx& tx, const std::string& name) {
  if (!name.empty()) {
    std::optional<library::user> named = library::find_user_named(tx, name);
    if (!named) throw stop(not_found, "There is no account called " + name + ".");
    return *named;
  }
  std::optional<library::user> owner = first_owner(tx);
  if (!owner) throw stop(not_found, "There is no owner yet. Make one: carrel user add NAME --role owner --password-stdin");
  return *owner;
}

std::optional<uuid> viewer_or_none(db::tx& tx, const std::string& name) {
  if (!name.empty()) return acting_user(tx, name).id;
  std::optional<library::user> owner = first_owner(tx);
  return owner ? std::optional(owner->id) : std::nullopt;
}

uuid make_stand_in(db::tx& tx) { return library::add_user(tx, uuid::make().text(), library::role::owner, std::nullopt).id; }

void end_stand_in(db::tx& tx, const uuid& id) { tx.run(sql_end_stand_in, id); }

stop ambiguous(const std::string& what, const std::string& name, const std::vector<std::vector<std::string>>& candidates) {
  std::string text = table(candidates);
  text.pop_back();
  return stop(usage, "There are several " + what + " called " + name + ". Use the id of one of them:\n" + text, "ambiguous");
}

uuid book_named(db::tx& tx, const uuid& viewer, const std::string& name) {
  std::optional<library::book> found = library::find_book_named(tx, viewer, name);
  if (found) return found->id;
  std::vector<std::vector<std::string>> rows;
  for (const db::row& r : tx.run(sql_called, viewer, name)) rows.push_back({r.text(0), r.text(1)});
  if (rows.empty()) throw stop(not_found, "There is no book " + name + ". `carrel book find` shows them.");
  throw ambiguous("books", name, rows);
}

std::string mebibytes(std::uint64_t bytes) {
  std::uint64_t tenths = (bytes * 10 + (1 << 19)) >> 20;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MiB";
}

std::string first_line_of_input() {
  std::string line;
  if (!std::getline(std::cin, line) || line.empty()) throw stop(usage, "Expected a password on standard input.");
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], count_code_points(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - count_code_points(row[i]) + 2, ' ');
    }
    out += '\n';
  }
  return out;
}

std::string device_base(const config& c) {
  std::string base = c.is_set("devices_url") ? c.text("devices_url") : c.text("external_url");
  while (base.ends_with('/')) base.pop_back();
  if (!base.empty()) return base;
  char host[256] = "localhost";
  ::gethostname(host, sizeof host - 1);
  std::vector<std::string> listen = c.list("listen");
  std::erase_if(listen, [](const std::string& one) { return one.starts_with("unix:"); });
  std::string first = listen.empty() ? "[::]:8490" : listen.front();
  std::size_t colon = first.rfind(':');
  std::string address = first.substr(0, colon), port = first.substr(colon + 1);
  bool everywhere = address.empty() || address == "*" || address == "[::]" || address == "0.0.0.0";
  std::string scheme = c.is_set("tls.cert") ? "https://" : "http://";
  std::string prefix = c.text("base_path") == "/" ? "" : c.text("base_path");
  return scheme + (everywhere ? std::string(host) : address) + ":" + port + prefix;
}

}  // namespace carrel::commands
