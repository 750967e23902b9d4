#pragma once
// Statements whose text is put together while the program runs, from constant pieces and numbered parameters. They are planned
// with their values, once, and not kept: the texts are many and few of them come again. Their names begin with "composed.".

#include <string>
#include <string_view>
#include <vector>

#include "server/db/tx.hpp"

namespace carrel::db {

struct composed {
  std::string sql{};
  std::vector<param> params{};

  // "$3": where the value stands in the text.
  template <class T>
  std::string add(const T& value) {
    params.push_back(to_param(value));
    return "$" + std::to_string(params.size());
  }
};

inline bool is_composed(const statement& s) { return std::string_view(s.name).starts_with("composed."); }

inline rows run(tx& t, const char* name, const composed& c) { return t.run_params({name, c.sql.c_str()}, c.params); }

}  // namespace carrel::db
