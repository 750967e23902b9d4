#include "publication/zip_stream.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <new>

#include "publication/utf8_names.hpp"

namespace carrel::publication {
namespace {

using owned_entry = std::unique_ptr<::archive_entry, decltype(&archive_entry_free)>;

la_ssize_t keep(::archive*, void* client, const void* bytes, std::size_t size) {
  static_cast<std::string*>(client)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

}  // namespace

struct zip_stream::state {
  std::string ready;
  ::archive* to = archive_write_new();
  std::uint64_t missing = 0;  // of the present entry
  bool good = true;

  // Closes what is not closed; the end that is written then goes nowhere. (archive_write_fail would leave memory behind.)
  ~state() { archive_write_free(to); }
  bool check(la_ssize_t went) { return good = good && went >= ARCHIVE_WARN; }
};

zip_stream::zip_stream() : state_(std::make_unique<state>()) {
  if (state_->to == nullptr) throw std::bad_alloc();
  utf8_names names;
  state_->check(archive_write_set_format_zip(state_->to));
  state_->check(archive_write_set_options(state_->to, "zip:compression=store,zip:hdrcharset=UTF-8"));
  state_->check(archive_write_set_bytes_per_block(state_->to, 0));
  state_->check(archive_write_set_bytes_in_last_block(state_->to, 1));
  state_->check(archive_write_open(state_->to, &state_->ready, nullptr, keep, nullptr));
}

zip_stream::~zip_stream() = default;

bool zip_stream::begin(const std::string& name, std::uint64_t size, instant modified) {
  if (!state_->good || state_->missing > 0) return state_->good = false;
  utf8_names names;
  owned_entry entry(archive_entry_new(), &archive_entry_free);
  if (!entry) throw std::bad_alloc();
  archive_entry_set_pathname_utf8(entry.get(), name.c_str());
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  archive_entry_set_mtime(entry.get(), unix_seconds(modified), 0);
  state_->missing = size;
  return state_->check(archive_write_header(state_->to, entry.get()));
}

bool zip_stream::add(std::string_view bytes) {
  if (!state_->good || bytes.size() > state_->missing) return state_->good = false;
  state_->missing -= bytes.size();
  return state_->check(archive_write_data(state_->to, bytes.data(), bytes.size()));
}

bool zip_stream::finish() {
  if (state_->missing > 0) return state_->good = false;
  utf8_names names;
  return state_->check(archive_write_close(state_->to));
}

std::string zip_stream::take() {
  std::string out;
  out.swap(state_->ready);
  return out;
}

}  // namespace carrel::publication
