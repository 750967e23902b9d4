#include "server/jobs/session_lock.hpp"

#include "server/core/log.hpp"

namespace carrel::jobs {
namespace {

// A session may take its own lock again, so asking is also the check that the connection is still the one that holds it; the
// condition keeps it from piling up.
constexpr db::statement sql_hold{"jobs.hold_lock", R"sql(
  select exists (select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() and objsubid = 1
                    and ((classid::bigint << 32) | objid::bigint) = hashtextextended($1, 0))
         or pg_try_advisory_lock(hashtextextended($1, 0)))sql"};

}  // namespace

session_lock::session_lock(const db::pool& like, std::string name)
    : name_("carrel." + std::move(name)), options_(like.options()) {
  options_.connections = 1;
}

session_lock::~session_lock() = default;

bool session_lock::hold() {
  try {
    if (!own_) own_ = std::make_unique<db::pool>(options_);
    bool held = own_->read_now([&](db::tx& tx) { return tx.run(sql_hold, name_)[0].flag(0); });
    if (!held) own_.reset();
    return held;
  } catch (const db::failure& f) {
    log::warn("jobs.lock", {{"name", name_}, {"error", f.what()}});
    own_.reset();
    return false;
  }
}

void session_lock::release() { own_.reset(); }

}  // namespace carrel::jobs
