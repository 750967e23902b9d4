#include "ingest/upload.hpp"

#include <unistd.h>

#include "ingest/item.hpp"
#include "ingest/jobs.hpp"
#include "ingest/names.hpp"
#include "ingest/space.hpp"
#include "library/book.hpp"
#include "publication/fingerprint.hpp"

namespace carrel::ingest {
namespace {

namespace fs = std::filesystem;

upload_refused refused(const fs::path& staged, int status, const std::string& code, const std::string& detail = "") {
  ::unlink(staged.c_str());
  return {status, code, publication::message_for(code, detail)};
}

std::string last_component(const std::string& name) {
  std::size_t cut = name.find_last_of("/\\");
  return cut == std::string::npos ? name : name.substr(cut + 1);
}

}  // namespace

upload_answer accept_upload(const services& s, const fs::path& staged, const std::string& original_name,
                            const std::optional<uuid>& user) {
  std::string name = last_component(original_name);
  if (ignored_file(name, s.how.ignore)) return refused(staged, 415, "ignored_name");
  if (!has_room(s)) return refused(staged, 507, "disk_full");
  result<source> in = open_source(staged);
  if (!in) return refused(staged, 422, in.error().field);
  if (in->who.size == 0) return refused(staged, 422, "empty_file");
  if (static_cast<std::uint64_t>(in->who.size) > s.how.upload_limit) return refused(staged, 413, "file_too_large");
  if (::fdatasync(in->handle.get()) != 0) return refused(staged, 507, "disk_full");
  result<publication::fingerprints> prints = publication::fingerprint(in->handle.get());
  if (!prints) return refused(staged, 422, prints.error().field);

  std::optional<library::known_bytes> known =
      s.pool.read_now([&](db::tx& tx) { return library::find_bytes(tx, prints->sha256); });
  if (known && sha256_of(s.store.absolute(known->storage_path)) == prints->sha256) {
    ::unlink(staged.c_str());
    return upload_known{known->book, known->file, known->trashed};
  }

  item i;
  i.id = uuid::make();
  i.origin = "upload";
  i.user = user;
  i.display_name = shown_name(name);
  i.who = in->who;
  i.state = "hashed";
  i.source_done = true;
  i.sha256 = prints->sha256;
  std::string folder = "staging/" + i.id.text();
  i.staging_path = folder + "/" + safe_name(i.display_name);
  std::optional<error> bad = make_synced_folder(s.store.absolute(folder));
  if (!bad) bad = library::move_proven(staged, s.store.absolute(i.staging_path));
  if (bad) return refused(staged, 507, "disk_full");
  uuid job = s.pool.write_now([&](db::tx& tx) {
    store_item(tx, i);
    return enqueue_file(tx, i.id, user);
  });
  return upload_taken{i.id, job};
}

}  // namespace carrel::ingest
