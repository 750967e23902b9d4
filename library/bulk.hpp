#pragma once
// One change of many books at once (product.md 2.6, 4.4): the books are chosen, then it is found out what will change, then a
// person starts it, and may take all of it back. A run goes through these states, in steps of bounded size that are transactions
// of their own, so that it goes on where it was whatever happens to the process:
//
//   collecting -> chosen -> planning -> ready -> running -> done -> undoing -> undone;  cancelled from running and undoing

#include <optional>
#include <string>
#include <vector>

#include "library/access.hpp"
#include "library/audit.hpp"
#include "library/bulk_edits.hpp"
#include "library/catalog.hpp"
#include "server/core/clock.hpp"

namespace carrel::library {

struct bulk_counts {
  std::int64_t books = 0, to_change = 0, fields = 0;  // books chosen; books that change; fields of them that do
  std::int64_t same = 0, locked = 0, invalid = 0;     // books; fields; books
  std::int64_t done = 0, failed = 0, stale = 0;       // books; books; fields that somebody changed after the preview
  std::int64_t undone = 0, kept = 0;                  // books; fields that were changed since and are not taken back
  std::int64_t hidden = 0;                            // books that are not seen any more, and not taken back
};

// What is to be done with the books.
struct bulk_request {
  std::vector<bulk_edit> edits{};  // of act edit
  std::optional<uuid> shelf{};     // of act shelf: an own one, made by hand
  bool locked_too = false;         // fields that somebody locked as well
};

struct bulk_run {
  uuid id;
  std::optional<uuid> user;
  std::string actor, act, name, state;  // act: edit, import, shelf, trash, approve
  std::optional<bulk_request> request;  // nothing while it is not said yet
  std::optional<uuid> job;
  bulk_counts counts;
  std::int64_t at_place = 0;
  instant created_at{};
  std::optional<instant> finished_at;

  bool at_rest() const { return state != "collecting" && state != "planning" && state != "running" && state != "undoing"; }
  std::int64_t progress() const;  // of the present state: books, out of total()
  std::optional<std::int64_t> total() const;
};

capability needed_for(std::string_view act);

// ---- choosing and previewing ---------------------------------------------------------------------------------------

// `user`: whose it is; nobody's for a command before there are accounts. `name`: of a file or a search, for people.
uuid start_bulk(db::tx&, const std::optional<uuid>& user, const actor&, const std::string& act, const std::string& name);
// Those that the viewer sees, in this order; the number of all that are in the run by now. `wanted`, of an import: one object of
// fields for each book, as edit_book takes it; books that the viewer does not see are then kept, to be reported. Throws
// db::unique_violation when an import names a book twice.
std::int64_t choose_books(db::tx&, const uuid& run, const uuid& viewer, const std::vector<uuid>& books,
                          const std::vector<json::object>* wanted = nullptr);
void choose_matching(db::tx&, const uuid& run, const filter&);  // to be collected by steps
void end_choosing(db::tx&, const uuid& run, bool locked_too);   // of an import: all lines are in
// What is to be done, once the books are chosen, or before they are collected. Errors name the field.
std::optional<error> request_bulk(db::tx&, const uuid& run, const uuid& viewer, const bulk_request&);

// ---- working ---------------------------------------------------------------------------------------------------------

// The next piece of work; the run as it is afterwards. Nothing when there is no such run. Books are those that the viewer sees,
// and a viewer who may not do it (any more) cancels it.
std::optional<bulk_run> step_bulk(db::tx&, const uuid& run, const uuid& viewer);

bool begin_bulk(db::tx&, const uuid& run);   // what was previewed, or the rest of what was cancelled
bool undo_bulk(db::tx&, const uuid& run);    // done, or cancelled in its midst
bool cancel_bulk(db::tx&, const uuid& run);  // after the step that is under way
bool drop_bulk(db::tx&, const uuid& run);    // a run that has changed nothing
void set_bulk_job(db::tx&, const uuid& run, const uuid& job);
// Previews of yesterday, and runs that are too old to be taken back (30 days).
int forget_old_bulk(db::tx&, instant now, int most);

// ---- reading ---------------------------------------------------------------------------------------------------------

std::optional<bulk_run> find_bulk(db::tx&, const uuid& run);
std::optional<bulk_run> find_bulk_of(db::tx&, const uuid& user, const uuid& run);                          // only own ones
std::vector<bulk_run> recent_bulk(db::tx&, const uuid& user, const std::optional<uuid>& after, int most);  // newest first

struct bulk_change {
  std::int64_t place = 0;
  uuid book;
  std::string title, field;
  json::value before, after;
  std::string state;  // planned, locked, done, stale, undone, kept, hidden
};
struct bulk_outcome {
  std::int64_t place = 0;
  uuid book;
  std::string title, state, reason;  // invalid, failed
};
struct bulk_place {
  std::int64_t place = 0;
  std::string field{};
};
// In the order of the books, those after the given place. Only books that the viewer sees have their titles shown.
std::vector<bulk_change> bulk_changes(db::tx&, const uuid& run, const bulk_place& after, int most);
std::vector<bulk_outcome> bulk_problems(db::tx&, const uuid& run, std::int64_t after, int most);

json::object to_json(const bulk_run&);
json::object to_json(const bulk_change&);
json::object to_json(const bulk_outcome&);

}  // namespace carrel::library
