#pragma once
// Everything that belongs to one reader, as one JSON document (product.md 3.6, 4.12): account, devices, shelves, opinions,
// current places and their history, highlights. No secrets, and of books no more than what they are called.

#include <cstddef>
#include <string>

#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

class user_export {
 public:
  explicit user_export(const uuid& user) : user_(user) {}

  // The next part of the document, of some hundred rows; "" behind its end. Each call may have a transaction of its own.
  std::string next(db::tx&);

 private:
  uuid user_;
  std::size_t section_ = 0;
  std::string after_;
  bool first_ = true, over_ = false;
};

}  // namespace carrel::library
