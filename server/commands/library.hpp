#pragma once
// What the commands about libraries share. One file for all of them, one for trees whose files Carrel names.

#include "ingest/services.hpp"
#include "library/libraries.hpp"
#include "server/commands/command.hpp"
#include "server/jobs/queue.hpp"

namespace carrel::commands {

library::book_library library_named(db::tx&, const std::string& name);  // throws stop

// What moving and reading book files needs, beside the database.
struct workshop {
  environment e;
  publication::isolated::pool inspectors;
  ingest::services services;

  explicit workshop(environment opened);
};

// One that can also do the work of a job itself. Before any other thread exists.
workshop busy_workshop(invocation&);
// Until the job is at its end, is paused, or the command is asked to end: it goes on where it was then. This process works too,
// so that it gets there whether or not a service runs.
jobs::job follow(workshop&, const uuid& job);

// `carrel library pattern | put | default`.
void describe_library_tree(CLI::App& library, invocation&);
// `carrel library write`.
void describe_library_write(CLI::App& library, invocation&);

}  // namespace carrel::commands
