#include "server/db/tx.hpp"

#include "server/db/connection.hpp"

namespace carrel::db {

rows tx::run_params(const statement& s, const std::vector<param>& params) { return connection_->run(s, params); }

void tx::script(std::string_view sql) { connection_->script(sql); }

void tx::copy_in(std::string_view table, const std::vector<std::string>& columns, const std::vector<std::vector<param>>& data) {
  connection_->copy_in(table, columns, data);
}

void tx::savepoint(const std::function<void()>& work) { connection_->savepoint(work); }

}  // namespace carrel::db
