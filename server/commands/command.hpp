#pragma once
// How commands are described, run and answered. One file per command in this folder.

#include <CLI/CLI.hpp>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "library/book.hpp"
#include "library/user.hpp"
#include "server/core/json.hpp"
#include "server/environment.hpp"

namespace carrel::commands {

enum exit_status { done = 0, failed = 1, usage = 2, not_found = 3, refused = 4, partly = 5 };

// Thrown by a command: printed to standard error, becomes the exit status.
struct stop : std::runtime_error {
  stop(exit_status s, const std::string& why, std::string c = {}) : std::runtime_error(why), status(s), code(std::move(c)) {}
  exit_status status;
  std::string code;  // "": that of the status
};

// What went wrong, for people and, with --json, as {"error":{"code","message"}}. Codes: usage, ambiguous (a name that several
// have; status usage), not_found, refused, failed, database (it cannot be reached).
struct failure {
  exit_status status = failed;
  std::string code, message;
};
failure failure_of(const std::exception_ptr&);
json::object to_json(const failure&);

// An ordinary file that a command reads. Throws stop when it cannot be opened or is none.
class input_file {
 public:
  explicit input_file(const std::string& path);
  ~input_file();
  input_file(const input_file&) = delete;
  input_file& operator=(const input_file&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

// What the command line said that concerns every command, and what it wants run.
struct invocation {
  bool json = false;
  bool dry_run = false;  // do everything but the commit
  std::string config_file;
  std::vector<std::string> settings;  // --set key=value
  std::function<exit_status(invocation&)> action;

  config load_settings() const;                      // throws stop
  environment open(unsigned connections = 2) const;  // settings, store, database; throws stop
  // With --json the document and nothing else; without it the text.
  void answer(const json::value& document, const std::string& text) const;
  // The message to standard error and, with --json, the error as the document, unless the command has printed one already.
  exit_status fail(const failure&) const;

 private:
  mutable bool answered_ = false;
};

using describe = void(CLI::App&, invocation&);
describe describe_serve, describe_config, describe_migrate, describe_user, describe_device, describe_shelf, describe_ingest,
    describe_import, describe_book, describe_merge, describe_review, describe_hash, describe_kepub, describe_kepub_cache,
    describe_covers, describe_token, describe_kosync, describe_doctor, describe_setup, describe_job, describe_library,
    describe_metadata, describe_version;

// Runs what a command changes in one transaction; with --dry-run it is rolled back afterwards, so that every rule has been
// tried and the answer is what it would be.
template <class F>
auto change(environment& e, const invocation& call, F fn) {
  using R = std::invoke_result_t<F&, db::tx&>;
  if (!call.dry_run) return e.pool->write_now(fn);
  struct rolled_back {};
  std::optional<R> out;
  try {
    e.pool->write_now([&](db::tx& tx) {
      out.emplace(fn(tx));
      throw rolled_back{};
    });
  } catch (const rolled_back&) {
  }
  return R(std::move(*out));
}

// The account that a command acts for: `name`, or the first owner. Throws stop(not_found).
library::user acting_user(db::tx&, const std::string& name);

// Runs `fn(viewer)` with the account that acting_user() finds. While there is no owner yet, books are seen as an owner would see
// them: through an account that ends with the transaction.
std::optional<uuid> viewer_or_none(db::tx&, const std::string& name);
uuid make_stand_in(db::tx&);
void end_stand_in(db::tx&, const uuid&);
template <class F>
auto as_viewer(db::tx& tx, const std::string& name, F fn) {
  if (std::optional<uuid> viewer = viewer_or_none(tx, name)) return fn(*viewer);
  uuid stand_in = make_stand_in(tx);
  auto out = fn(stand_in);
  end_stand_in(tx, stand_in);
  return out;
}

// For a name that several have: what they are ("shelves"), and a row for each with its id first.
stop ambiguous(const std::string& what, const std::string& name, const std::vector<std::vector<std::string>>& candidates);

uuid book_named(db::tx&, const uuid& viewer, const std::string& id_or_title);  // throws stop

// After a command line that asks for a command in vain: which word is none, and what may have been meant; "" when no word is
// left over.
std::string wrong_word(const CLI::App&);

std::string mebibytes(std::uint64_t bytes);  // "3.4 MiB"

inline const library::actor command_line{.user = std::nullopt, .name = "command line"};

std::string first_line_of_input();  // a password from standard input; throws stop when there is none
std::string table(const std::vector<std::vector<std::string>>& rows);  // columns aligned, first row is the heading
std::string device_base(const config&);                                // the address devices use, as far as the settings tell

}  // namespace carrel::commands
