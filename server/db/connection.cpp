#include "server/db/connection.hpp"

#include <poll.h>

#include <map>
#include <pqxx/pqxx>
#include <pqxx/tablewriter>
#include <unordered_map>

#include "server/core/error.hpp"
#include "server/core/log.hpp"
#include "server/core/metrics.hpp"
#include "server/core/text.hpp"
#include "server/db/composed.hpp"
#include "server/db/pool.hpp"
#include "server/db/rows_data.hpp"

#if defined(__SANITIZE_ADDRESS__)
// libpqxx 6.4 forgets the server's last words when a connection breaks: it asks for the encoding before it takes them.
extern "C" const char* __lsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "leak:PQmakeEmptyPGresult\n";
}
#endif

namespace carrel::db {
namespace {

// A dead network is noticed within half a minute, an absent server within two seconds.
constexpr std::pair<std::string_view, std::string_view> patience[] = {{"connect_timeout", "2"},
                                                                      {"keepalives_idle", "20"},
                                                                      {"keepalives_interval", "5"},
                                                                      {"keepalives_count", "3"},
                                                                      {"tcp_user_timeout", "30000"}};

std::string with_patience(std::string url) {
  bool is_uri = url.starts_with("postgres://") || url.starts_with("postgresql://");
  for (auto [key, value] : patience) {
    if (url.find(key) != std::string::npos) continue;
    if (is_uri)
      url += url.find('?') == std::string::npos ? '?' : '&';
    else
      url += ' ';
    url.append(key).append("=").append(value);
  }
  return url;
}

class notice_log : public pqxx::errorhandler {
 public:
  using pqxx::errorhandler::errorhandler;
  bool operator()(const char message[]) noexcept override {
    try {
      log::debug("db.notice", {{"text", trim(message)}});
    } catch (const std::exception&) {  // a notice is not worth more
    }
    return false;
  }
};

class receiver : public pqxx::notification_receiver {
 public:
  receiver(pqxx::connection_base& c, const std::string& channel, std::function<void(const std::string&)> call)
      : pqxx::notification_receiver(c, channel), call_(std::move(call)) {}
  void operator()(const std::string& payload, int) override { call_(payload); }

 private:
  std::function<void(const std::string&)> call_;
};

// The name is the first quoted word of the server's message; 6.4 does not hand out the error's fields.
std::string constraint_in(std::string_view message) {
  std::size_t first = message.find('"');
  std::size_t last = first == std::string_view::npos ? first : message.find('"', first + 1);
  if (last == std::string_view::npos) return {};
  return std::string(message.substr(first + 1, last - first - 1));
}

bool means_lost(std::string_view state) {
  return state.starts_with("08") || state == "57P01" || state == "57P02" || state == "57P03" || state == "57P04";
}

// A row in COPY's text format.
std::string copy_line(const std::vector<param>& values) {
  std::string out;
  for (const param& p : values) {
    if (&p != values.data()) out += '\t';
    if (!p) {
      out += "\\N";
      continue;
    }
    for (char c : *p) {
      switch (c) {
        case '\\': out += "\\\\"; break;
        case '\t': out += "\\t"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        default: out += c;
      }
    }
  }
  return out;
}

std::unique_ptr<rows_data> data_of(const pqxx::result& r) {
  auto out = std::make_unique<rows_data>();
  out->rows = static_cast<std::size_t>(r.size());
  out->columns = static_cast<std::size_t>(r.columns());
  out->affected = static_cast<std::size_t>(r.affected_rows());
  out->cells.reserve(out->rows * out->columns);
  // An iterator is the field: what it points to would be a copy, which counts its references to the result.
  for (const auto& line : r) {
    for (auto field = line.begin(), end = line.end(); field != end; ++field) {
      if (field->is_null())
        out->cells.push_back({});
      else
        out->cells.push_back({field->c_str(), field->size()});
    }
  }
  if (out->rows > 0) out->keep = std::make_shared<pqxx::result>(r);
  return out;
}

}  // namespace

struct connection::impl {
  struct prepared {
    std::string name;
    std::string text;
    const char* sql;
    metrics::histogram seconds;
  };

  session how;
  pqxx::connection link;
  notice_log notices{link};
  std::map<std::string, std::unique_ptr<receiver>> receivers;
  std::map<std::string, prepared, std::less<>> by_name;
  std::unordered_map<const char*, prepared*> by_pointer;
  std::unique_ptr<pqxx::nontransaction> direct;  // begin and commit are sent by hand: one object serves every mode
  const std::atomic<bool>* stop = nullptr;
  std::size_t statements = 0;
  bool limited = true;        // statement_timeout of the session is in force
  bool wants_commit = false;  // since begin() of another mode than read
  bool in_transaction = false;
  bool aborted = false;  // a statement failed, the server ignores the rest of the transaction
  bool broken = false;

  explicit impl(const session& s) : how(s), link(with_patience(s.url)) {}

  pqxx::nontransaction& use() {
    if (!direct) direct = std::make_unique<pqxx::nontransaction>(link);
    return *direct;
  }

  [[noreturn]] void fail(std::string_view what);

  template <class F>
  auto guard(std::string_view what, F work) -> decltype(work()) {
    try {
      return work();
    } catch (const failure&) {
      throw;
    } catch (const std::exception&) {
      fail(what);
    }
  }

  void command(const char* sql) {
    guard(sql, [&] { use().exec(sql); });
  }

  // libpqxx would quietly open a new session, outside of the transaction and without our settings.
  void not_broken() const {
    if (broken) throw lost("the connection broke earlier in this transaction", "");
  }

  void before_statement() {
    not_broken();
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) throw cancelled("the deadline passed", "57014");
    ++statements;
  }

  prepared& known(const statement& s);
  pqxx::result run_composed(const statement& s, const std::vector<const char*>& values);
};

// Called while an exception is handled: turns what libpqxx throws into our own kinds.
void connection::impl::fail(std::string_view what) {
  std::string text(what);
  std::string state;
  bool gone = false;
  try {
    throw;
  } catch (const pqxx::in_doubt_error& e) {
    text.append(": ").append(trim(e.what()));
    gone = true;
  } catch (const pqxx::broken_connection& e) {
    text.append(": ").append(trim(e.what()));
    gone = true;
  } catch (const pqxx::serialization_failure& e) {
    text.append(": ").append(trim(e.what()));
    state = "40001";
  } catch (const pqxx::deadlock_detected& e) {
    text.append(": ").append(trim(e.what()));
    state = "40P01";
  } catch (const pqxx::sql_error& e) {
    text.append(": ").append(trim(e.what()));
    state = e.sqlstate();
  } catch (const std::exception& e) {
    text.append(": ").append(trim(e.what()));
  }
  if (gone || means_lost(state) || !link.is_open()) {
    broken = true;
    in_transaction = false;
    throw lost(text, state);
  }
  if (in_transaction) aborted = true;
  if (state == "57014") throw cancelled(text, state);
  if (state == "23505") throw unique_violation(text, constraint_in(std::string_view(text).substr(what.size())));
  throw failure(text, state);
}

connection::impl::prepared& connection::impl::known(const statement& s) {
  auto hit = by_pointer.find(s.name);
  if (hit != by_pointer.end() && hit->second->sql == s.sql) return *hit->second;
  auto named = by_name.find(std::string_view(s.name));
  if (named == by_name.end()) {
    auto seconds =
        metrics::make_histogram("carrel_query_seconds", "Time of database statements by name", {{"statement", s.name}});
    named = by_name.emplace(s.name, prepared{s.name, s.sql, s.sql, seconds}).first;
    link.prepare(s.name, s.sql);
  }
  const bool name_has_one_text = named->second.text == s.sql;
  CARREL_EXPECT(name_has_one_text);
  named->second.sql = s.sql;
  by_pointer[s.name] = &named->second;
  return named->second;
}

connection::connection(const session& s) {
  try {
    impl_ = std::make_unique<impl>(s);
    impl& my = *impl_;
    my.link.set_verbosity(pqxx::connection_base::terse);  // details repeat values, and those may be private
    pqxx::nontransaction set(my.link);
    set.exec(
        "set client_encoding to 'UTF8'; set datestyle to 'ISO'; set timezone to 'UTC'; set extra_float_digits to 1;"
        // Arrays of other lengths would be planned anew each time, which costs more than most statements do.
        "set plan_cache_mode to force_generic_plan;"
        // What is asked for lies in memory: a small table is looked into by its index, too, not read from end to end for every
        // row.
        "set random_page_cost to 1.1;"
        "set bytea_output to 'hex'; set standard_conforming_strings to on; set client_min_messages to warning;"
        "set application_name to " +
        my.link.quote(s.application) + "; set statement_timeout to " + std::to_string(s.statement_timeout.count()));
  } catch (const pqxx::sql_error& e) {
    throw lost(std::string("connect: ").append(trim(e.what())), e.sqlstate());
  } catch (const std::exception& e) {
    throw lost(std::string("connect: ").append(trim(e.what())), "");
  }
}

connection::~connection() {
  if (impl_) impl_->receivers.clear();
}

rows connection::run(const statement& s, const std::vector<param>& params) {
  impl& my = *impl_;
  my.before_statement();
  std::vector<const char*> values;
  values.reserve(params.size());
  for (const param& p : params) {
    if (p && p->find('\0') != std::string::npos) throw failure(std::string(s.name) + ": a text holds a zero byte", "22021");
    values.push_back(p ? p->c_str() : nullptr);
  }
  auto given = pqxx::prepare::make_dynamic_params(values.begin(), values.end());
  if (is_composed(s)) return rows(my.guard(s.name, [&] { return data_of(my.use().exec_params(s.sql, given)); }));
  impl::prepared& known = my.known(s);
  auto started = std::chrono::steady_clock::now();
  rows out(my.guard(s.name, [&] { return data_of(my.use().exec_prepared(known.name, given)); }));
  known.seconds.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
  return out;
}

void connection::script(std::string_view sql) {
  impl& my = *impl_;
  my.before_statement();
  if (sql.find('\0') != std::string_view::npos) throw failure("script: a zero byte in the text", "22021");
  my.link.set_verbosity(pqxx::connection_base::normal);  // the text is ours: position and hint help, nothing is private
  try {
    my.guard("script", [&] { my.use().exec(std::string(sql)); });
  } catch (...) {
    my.link.set_verbosity(pqxx::connection_base::terse);
    throw;
  }
  my.link.set_verbosity(pqxx::connection_base::terse);
}

void connection::copy_in(std::string_view table, const std::vector<std::string>& columns,
                         const std::vector<std::vector<param>>& data) {
  impl& my = *impl_;
  my.before_statement();
  std::string name(table);
  for (const auto& line : data) {
    if (line.size() != columns.size()) throw std::logic_error("copy into " + name + ": a row has another number of columns");
    for (const param& p : line) {
      if (p && p->find('\0') != std::string::npos) throw failure(name + ": a text holds a zero byte", "22021");
    }
  }
  my.guard(name, [&] {
#include "pqxx/internal/ignore-deprecated-pre.hxx"
    // 6.4 has nothing newer for rows whose width is not known when compiling.
    pqxx::tablewriter out(my.use(), name, columns.begin(), columns.end(), "\\N");
#include "pqxx/internal/ignore-deprecated-post.hxx"
    for (const auto& line : data) out.write_raw_line(copy_line(line));
    out.complete();
  });
}

void connection::savepoint(const std::function<void()>& work) {
  impl& my = *impl_;
  CARREL_EXPECT(my.in_transaction);
  my.before_statement();
  my.command("savepoint carrel");  // equal names nest, the innermost is meant
  try {
    work();
    my.command("release savepoint carrel");
  } catch (...) {
    if (!my.broken) {
      my.command("rollback to savepoint carrel");
      my.command("release savepoint carrel");
      my.aborted = false;
    }
    throw;
  }
}

void connection::begin(mode m, const std::atomic<bool>* stop, bool limited) {
  impl& my = *impl_;
  my.stop = stop;
  my.statements = 0;
  my.aborted = false;
  my.wants_commit = m != mode::read;
  const std::chrono::milliseconds timeout = my.how.statement_timeout;
  const bool other_limit = my.limited != limited && timeout.count() > 0;
  auto limit = [&] { return "statement_timeout to " + std::to_string(limited ? timeout.count() : 0); };
  if (!my.wants_commit) {
    if (!other_limit) return;
    my.command(("set " + limit()).c_str());
    my.limited = limited;
    return;
  }
  std::string sql = m == mode::snapshot ? "begin isolation level repeatable read read only" : "begin";
  if (other_limit) sql += "; set local " + limit();
  my.command(sql.c_str());
  my.in_transaction = true;
}

void connection::commit() {
  impl& my = *impl_;
  if (!my.wants_commit) return;
  my.not_broken();
  // The server answers "commit" of an aborted transaction with a quiet rollback.
  if (my.aborted) throw failure("commit: an earlier statement of the transaction failed", "25P02");
  if (my.stop != nullptr && my.stop->load(std::memory_order_relaxed)) throw cancelled("the deadline passed", "57014");
  my.command("commit");
  my.in_transaction = false;
}

void connection::rollback() noexcept {
  impl& my = *impl_;
  if (!my.in_transaction || my.broken) return;
  try {
    my.command("rollback");
    my.in_transaction = false;
  } catch (const std::exception&) {
    my.broken = true;
  }
}

std::size_t connection::statements() const { return impl_->statements; }

bool connection::broken() const { return impl_->broken; }

bool connection::still_there() {
  impl& my = *impl_;
  if (my.broken) return false;
  pollfd p{my.link.sock(), POLLIN, 0};
  if (p.fd < 0) return false;
  if (::poll(&p, 1, 0) == 0) return true;
  try {
    my.command("");
    return true;
  } catch (const failure&) {
    my.broken = true;
    return false;
  }
}

void connection::cancel() noexcept {
  try {
    impl_->link.cancel_query();
  } catch (const std::exception& e) {
    log::warn("db.cancel_failed", {{"reason", trim(e.what())}});
  }
}

void connection::listen(const std::string& channel, std::function<void(const std::string&)> call) {
  impl& my = *impl_;
  my.guard(channel, [&] { my.receivers[channel] = std::make_unique<receiver>(my.link, channel, std::move(call)); });
  if (!my.link.is_open()) throw lost("listen " + channel + ": the connection broke", "");
}

void connection::unlisten(const std::string& channel) {
  impl_->guard(channel, [&] { impl_->receivers.erase(channel); });
}

void connection::take_notifications() {
  impl& my = *impl_;
  my.guard("notifications", [&] { my.link.get_notifs(); });
  if (!my.link.is_open()) throw lost("notifications: the connection broke", "");
}

int connection::socket() const { return impl_->link.sock(); }

bool is_stale_plan(const failure& f) {
  return f.sqlstate == "0A000" && std::string_view(f.what()).find("cached plan") != std::string_view::npos;
}

}  // namespace carrel::db
