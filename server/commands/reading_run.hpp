#pragma once
// A command that reads foreign files: it opens everything that the pipeline needs, and ends when it is asked to.

#include "ingest/services.hpp"
#include "server/commands/command.hpp"
#include "server/commands/long_run.hpp"

namespace carrel::commands {

class reading_run {
 public:
  explicit reading_run(const invocation&);  // throws stop; before any other thread exists
  reading_run(const reading_run&) = delete;
  reading_run& operator=(const reading_run&) = delete;

  environment& env() { return env_; }
  const ingest::services& services() const { return services_; }
  std::stop_token asked_to_end() const { return signals_.asked(); }
  // Of the option --user; nobody when it was not given. Throws stop(not_found).
  std::optional<uuid> user(const std::string& name) const;

 private:
  environment env_;
  patience signals_;
  publication::isolated::pool inspectors_;
  ingest::services services_;
};

}  // namespace carrel::commands
