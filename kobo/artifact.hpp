#pragma once
// What a Kobo downloads of a file (kepub.md 9, kobo.md 7.4): its conversion, or the file as it is. Found out when a book becomes
// wanted on a device, never while a device waits; until then the book is pending (kobo.md 17.2).

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "library/store.hpp"
#include "publication/kepub/convert.hpp"
#include "server/core/config.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::kobo {

// How books are converted here (kepub.md 8).
struct conversion {
  bool enabled = true;
  bool with_metadata = false;  // conversions say what the library says (setting deliver.metadata)
  publication::kepub::options options;
  std::string form() const;                         // what changes the bytes of every book: part of an artifact's key
  std::string how() const;                          // all that decides what a Kobo gets of a file
  conversion styled(std::string_view style) const;  // of Kobos of that style (library::kobo_options)
  // Those of an artifact that was made under other settings, without the metadata it was told; nothing when its CSS is not known
  // any more.
  std::optional<publication::kepub::options> options_of(const std::string& other_form) const;
};
conversion conversion_from(const config&);
// Of the metadata that conversions of a form were told; "" when none.
std::string metadata_digest(std::string_view form);

// A conversion that was made once. The same source, version and form make the same bytes again.
struct artifact {
  uuid id;
  std::string source;  // SHA-256, hex, of the file it was made of
  int version = 0;     // of the converter
  std::string form, checksum;
  std::int64_t size = 0;
  bool is_source() const { return source == checksum; }  // a KEPUB already: the file itself is delivered
};
// cache_dir/kepub/ab/<key>.kepub.epub
std::filesystem::path artifact_path(const library::store&, const artifact&);

// A file that is wanted on some Kobo, and of which it is not known under these settings what that gets.
struct wanted_file {
  uuid id, book;
  std::string style;  // of the Kobos that want it
  std::string name, storage_path, checksum;
  bool is_kepub = false;
  std::optional<uuid> current;  // what it was until now
  std::string form{};           // of that
  std::int64_t version = 0;     // of the book
  bool held = false;            // a Kobo has it, or is fetching it
};
struct wanted_id {
  uuid file;
  std::string style;
  auto operator<=>(const wanted_id&) const = default;
};
// `renewed`: those of which the book says something else by now, too, where no Kobo holds it.
std::vector<wanted_id> undecided_files(db::tx&, const conversion&, bool renewed);
bool is_held(db::tx&, const uuid& book);  // as wanted_file says it
std::vector<wanted_file> wanted_files(db::tx&, const std::vector<wanted_id>&);

// One that can be delivered for the file under these settings: the one that devices hold, whatever its version, or one of the
// converter that is built in.
std::optional<artifact> find_artifact(db::tx&, const wanted_file&, const std::string& form);

// By the id that KOReader gives its bytes, with what it was made of.
struct artifact_of_file {
  artifact is;
  std::string storage_path, name;
};
std::optional<artifact_of_file> find_artifact_named(db::tx&, const uuid& file, const std::string& koreader_md5);

// `made`: its facts and its spans; remembered with all fingerprints under which a device may know it (kosync.md 8.6).
struct new_artifact {
  artifact is;
  std::string md5, koreader_md5, span_map;
  std::uint64_t spans = 0;
  std::vector<publication::warning> warnings;
};
uuid add_artifact(db::tx&, const wanted_file&, const new_artifact&);

// From now on a Kobo gets this of the file: an artifact, or the file itself with the code why it is not converted, "" when it
// need not be. A file that was replaced meanwhile stays undecided. True when devices were told something else before.
bool decide(db::tx&, const wanted_file&, const std::optional<uuid>& artifact, const std::string& how, const std::string& kept);
// What it is stays until that is found out anew.
void decide_again(db::tx&, const uuid& file);
int decide_all_again(db::tx&);  // how many files
// Made by another version of the converter: their bytes cannot be made again, and devices may hold them (9).
std::vector<artifact> artifacts_of_other_versions(db::tx&);
std::int64_t count_artifacts(db::tx&);
// After many decisions about styles: else the planner goes on to take a table that was empty for a small one.
void count_styled(db::tx&);
// Devices are to ask again what there is for them. Not in one transaction with decide(): a sync locks the device first.
void tell_devices(db::tx&);

// The device has all of these bytes of the book: a conversion, or a file as it is.
void note_delivered(db::tx&, const uuid& device, const uuid& entitlement, const std::optional<uuid>& artifact);

// Artifacts that a device was told of and has not fetched since: their files stay in the cache.
std::vector<artifact> artifacts_in_demand(db::tx&);

void look_for_wanted(db::tx&);  // rings for the job

}  // namespace carrel::kobo
