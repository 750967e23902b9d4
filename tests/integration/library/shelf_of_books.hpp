#pragma once
// A database with books for tests of library/.

#include <memory>
#include <string>
#include <vector>

#include "library/catalog.hpp"
#include "library/user.hpp"
#include "server/db/pool.hpp"
#include "tests/harness/database.hpp"

namespace carrel::harness {

struct book_spec {
  std::string title, author = "Ada Fenwick", series{}, language = "en", status = "organized";
  std::vector<std::string> tags{};
  std::optional<double> index{};
  std::string isbn{};
};

class library_db {
 public:
  library_db();
  db::pool& pool() { return *pool_; }
  uuid owner() const { return owner_; }
  uuid reader() const { return reader_; }

  uuid add(const book_spec&);
  library::page browse(const uuid& viewer, const library::list&, const library::cursor& = {}, int limit = 50);

 private:
  std::unique_ptr<database> database_;  // made after the template is known
  std::unique_ptr<db::pool> pool_;
  uuid owner_, reader_;
  int files_ = 0;
};

std::vector<std::string> titles(const std::vector<library::book>&);

}  // namespace carrel::harness
