#pragma once
// The parts of the pipeline among themselves; not for other folders. Each answers an ending when the item came to one.

#include <optional>

#include "ingest/company.hpp"
#include "ingest/pipeline.hpp"
#include "library/book.hpp"
#include "library/local_source.hpp"
#include "publication/fingerprint.hpp"
#include "publication/open.hpp"

namespace carrel::ingest {

struct work {
  const services& with;
  item what;
  source in;  // from the first look to the end (4.1 step 1)
  publication::fingerprints prints;
  std::optional<publication::isolated::inspection> inside;
  std::optional<library::known_bytes> repairs;  // a stored file that is damaged and has the same bytes
  const brought* from = nullptr;
  const company* beside = nullptr;  // of a file that is in a group
  bool source_moved = false;        // 4a: the source itself is in staging
  bool surplus = false;             // the target was there already; the staged copy goes after the commit
  bool source_stays = false;        // it could not be removed from its folder

  std::filesystem::path path_of(const std::string& stored) const { return with.store.absolute(stored); }
  std::filesystem::path source_path() const { return what.source_path; }
  std::filesystem::path folder(const char* root) const { return with.store.data() / root / what.id.text(); }
  std::string relative(const char* root) const { return std::string(root) + "/" + what.id.text() + "/" + safe(); }
  std::string safe() const;
};

// Steps 1 and 2 and the inspection.
std::optional<ending> look(work&);
// An item that was interrupted after step 2 (4.4).
std::optional<ending> resume(work&);
// Opens the file that `in` stands for in the child; its refusal ends the item.
std::optional<ending> inspect(work&);
// Steps 2 (the commit) to 5.
std::optional<ending> take_over(work&);
std::optional<ending> link_into_attic(work&);

// 22 and 54 of the SQL standard's classes: it is the values that the database will not take, now or later.
inline bool blames_the_values(const db::failure& f) { return f.sqlstate.starts_with("22") || f.sqlstate.starts_with("54"); }

// What the file, its name and what lies beside it say of the book.
std::vector<library::local_source> said_of(db::tx&, const settings&, const publication::opened&, const std::string& name,
                                           const company* beside);
// 18.3: does the book go into the library without a person?
bool approved(const services&, const item&, const std::vector<library::local_source>&, const std::vector<publication::warning>&,
              bool possible_duplicate);
// The organising steps and step 6.
ending publish(work&);
ending store_duplicate(work&, const library::known_bytes&);
// Steps 7 and 8.
void finish_source(work&);
void remove_empty_folders(const work&);
void remove_empty_folders(const services&, const std::filesystem::path& file);  // above it, in the drop folder

// The answer for an item that was refused before.
ending refused_before(const item&);
ending refuse(work&, const publication::refusal&);
ending leave_alone(work&, const std::string& code);
ending fail(work&, const error&);  // the field is the code
ending vanish(work&);
void finish_refusal(work&);

}  // namespace carrel::ingest
