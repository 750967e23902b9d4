#pragma once
// The program as a person calls it, against a database of its own.

#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "library/book.hpp"
#include "library/device.hpp"
#include "library/revision.hpp"
#include "library/shelf.hpp"
#include "library/user.hpp"
#include "schema/migrations.hpp"
#include "server/core/digest.hpp"
#include "server/core/json.hpp"
#include "server/db/pool.hpp"
#include "tests/harness/database.hpp"
#include "tests/harness/kobo_file.hpp"

namespace carrel::commands::tests {

struct outcome {
  int status = -1;
  std::string out, err;

  std::string text(const std::string& name) const {
    result<json::object> o = json::read_object(out);
    const json::value* v = o ? o->find(name) : nullptr;
    return v && v->as_text() ? *v->as_text() : "";
  }
  bool says(const std::string& words) const { return out.find(words) != std::string::npos; }
};

class shell {
 public:
  shell() {
    static const bool prepared = (harness::use_migrations(schema::migrations()), true);
    (void)prepared;
    database_ = std::make_unique<harness::database>();
    pool_ = std::make_unique<db::pool>(db::pool_options{.url = database_->url(), .connections = 1});
    folder_ = harness::fresh_folder("data");
  }

  // `words`: as typed after `carrel`, quoted for the shell where needed.
  outcome run(const std::string& words) const {
    std::string errors = (folder_ / "errors").string();
    // What the tests themselves are told by the environment is no setting of the program.
    std::string line = "env -u CARREL_SHARED -u CARREL_PRESET -u CARREL_TARGETS CARREL_DATABASE_URL='" + database_->url() +
                       "' CARREL_DATA_DIR='" + folder_.string() + "' CARREL_CACHE_DIR='" + (folder_ / "cache").string() +
                       "' '" CARREL_PROGRAM "' " + words + " 2>'" + errors + "'";
    outcome o;
    std::FILE* pipe = ::popen(line.c_str(), "r");
    REQUIRE(pipe != nullptr);
    char piece[4096];
    while (std::size_t n = std::fread(piece, 1, sizeof piece, pipe)) o.out.append(piece, n);
    o.status = WEXITSTATUS(::pclose(pipe));
    std::ifstream in(errors);
    o.err.assign(std::istreambuf_iterator<char>(in), {});
    INFO(words << "\n" << o.err);
    return o;
  }

  template <class F>
  auto write(F f) {
    return pool_->write_now(f);
  }

  uuid add_user(const std::string& name, library::role role = library::role::reader) {
    return write([&](db::tx& tx) { return library::add_user(tx, name, role, std::nullopt).id; });
  }
  uuid add_shelf(const uuid& user, const std::string& name) {
    return write([&](db::tx& tx) { return library::create_shelf(tx, user, name, true).value().id; });
  }
  uuid add_device(const uuid& user, const std::string& name) {
    return write([&](db::tx& tx) { return library::add_device(tx, user, name, "koreader").value().made.id; });
  }
  uuid add_book(const std::string& title, const std::string& bytes = "") {
    return write([&](db::tx& tx) {
      publication::metadata m;
      m.title = title;
      library::new_file f;
      f.id = uuid::make();
      f.format = "epub";
      f.original_name = title + ".epub";
      f.extension = ".epub";
      f.checksum = sha256_hex(title + bytes);
      f.storage_path = "library/x";
      uuid id = library::add_book(tx, uuid::make(), "organized", m, f, std::nullopt, std::nullopt);
      harness::deliver_as_it_is(tx, id);
      library::bump_revision(tx);
      return id;
    });
  }
  std::vector<uuid> fed_by(const uuid& shelf) {
    return write([&](db::tx& tx) { return library::devices_fed(tx, shelf); });
  }

 private:
  std::unique_ptr<harness::database> database_;
  std::unique_ptr<db::pool> pool_;
  std::filesystem::path folder_;
};

}  // namespace carrel::commands::tests
