#include "publication/container.hpp"

#include <libdeflate.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "publication/unicode.hpp"
#include "publication/unicode_tools.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::uint64_t ratio_matters_above = 32ULL << 20;
constexpr std::size_t longest_name = 1024;
constexpr std::uint64_t at_once = 4ULL << 20;  // unpacked in one go

// libzip's view of the file: pread with one window of read-ahead, because libzip asks in pieces of 30 to 8192 bytes.
struct file_source {
  int descriptor = -1;
  std::uint64_t size = 0, at = 0;
  std::string window;
  std::uint64_t window_at = 0;
  zip_error_t error{};

  zip_int64_t fail(int code) {
    zip_error_set(&error, code, errno);
    return -1;
  }

  zip_int64_t read(char* out, std::uint64_t wanted) {
    if (at >= size) return 0;
    wanted = std::min(wanted, size - at);
    if (at < window_at || at >= window_at + window.size()) {
      window.resize(static_cast<std::size_t>(std::min<std::uint64_t>(1 << 15, size - at)));
      ssize_t n = 0;
      do {
        n = ::pread(descriptor, window.data(), window.size(), static_cast<off_t>(at));
      } while (n < 0 && errno == EINTR);
      window.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
      window_at = at;
      if (n < 0) return fail(ZIP_ER_READ);
      if (n == 0) return 0;  // the file shrank: libzip reports the missing bytes
    }
    std::uint64_t from = at - window_at;
    std::uint64_t n = std::min<std::uint64_t>(wanted, window.size() - from);
    std::memcpy(out, window.data() + from, static_cast<std::size_t>(n));
    at += n;
    return static_cast<zip_int64_t>(n);
  }
};

zip_int64_t source_call(void* state, void* data, zip_uint64_t length, zip_source_cmd_t command) {
  auto& f = *static_cast<file_source*>(state);
  switch (command) {
    case ZIP_SOURCE_OPEN: f.at = 0; return 0;
    case ZIP_SOURCE_READ: {
      zip_uint64_t done = 0;
      while (done < length) {
        zip_int64_t n = f.read(static_cast<char*>(data) + done, length - done);
        if (n < 0) return n;
        if (n == 0) break;
        done += static_cast<zip_uint64_t>(n);
      }
      return static_cast<zip_int64_t>(done);
    }
    case ZIP_SOURCE_CLOSE: return 0;
    case ZIP_SOURCE_STAT: {
      auto* st = static_cast<zip_stat_t*>(data);
      zip_stat_init(st);
      st->valid = ZIP_STAT_SIZE;
      st->size = f.size;
      return sizeof(*st);
    }
    case ZIP_SOURCE_ERROR: return zip_error_to_data(&f.error, data, length);
    case ZIP_SOURCE_FREE: return 0;
    case ZIP_SOURCE_SEEK: {
      zip_int64_t to = zip_source_seek_compute_offset(f.at, f.size, data, length, &f.error);
      if (to < 0) return -1;
      f.at = static_cast<std::uint64_t>(to);
      return 0;
    }
    case ZIP_SOURCE_TELL: return static_cast<zip_int64_t>(f.at);
    case ZIP_SOURCE_SUPPORTS:
      return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
                                            ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS, -1);
    default: return f.fail(ZIP_ER_OPNOTSUPP);
  }
}

struct part_closer {
  void operator()(zip_file_t* f) const { zip_fclose(f); }
};
using open_part = std::unique_ptr<zip_file_t, part_closer>;

// Nothing when it has not that size: what is declared may lie in both directions (1.1 trap 3), and never more than one byte above
// it is read.
std::optional<std::string> read_part(zip_file_t* file, std::uint64_t size) {
  constexpr std::uint64_t piece = 1 << 20;
  std::string out;
  std::uint64_t done = 0;
  while (done <= size) {
    out.resize(static_cast<std::size_t>(std::min(done + piece, size + 1)));
    zip_int64_t n = zip_fread(file, out.data() + done, out.size() - done);
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    done += static_cast<std::uint64_t>(n);
  }
  if (done != size) return std::nullopt;
  out.resize(static_cast<std::size_t>(done));
  return out;
}

refusal open_failure(const zip_error_t& e) {
  switch (zip_error_code_zip(&e)) {
    case ZIP_ER_MULTIDISK: return {"archive_multivolume", ""};
    case ZIP_ER_MEMORY: return {"archive_too_many_entries", "its table of contents does not fit in memory"};
    default: return {"archive_corrupt", ""};
  }
}

// All of a part by libdeflate, twice as quick as by zlib in pieces. Nothing when it is not what the table of contents says.
std::optional<std::string> inflated(std::string_view packed, std::uint64_t size, std::uint32_t crc) {
  struct free_unpacker {
    void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
  };
  thread_local std::unique_ptr<libdeflate_decompressor, free_unpacker> unpacker(libdeflate_alloc_decompressor());
  if (!unpacker) throw std::bad_alloc();
  std::string out(static_cast<std::size_t>(size), '\0');
  std::size_t done = 0;
  libdeflate_result went =
      libdeflate_deflate_decompress(unpacker.get(), packed.data(), packed.size(), out.data(), out.size(), &done);
  if (went != LIBDEFLATE_SUCCESS || done != size || libdeflate_crc32(0, out.data(), out.size()) != crc) return std::nullopt;
  return out;
}

std::string percent_encoded_path(std::string_view path) {
  std::string out;
  for (std::size_t from = 0;;) {
    std::size_t slash = path.find('/', from);
    out += percent_encode(path.substr(from, slash == std::string_view::npos ? slash : slash - from));
    if (slash == std::string_view::npos) return out;
    out += '/';
    from = slash + 1;
  }
}

}  // namespace

struct archive::state {
  file_source file;
  zip_t* zip = nullptr;
  ~state() {
    if (zip != nullptr) zip_discard(zip);
  }
};

archive::archive() : state_(std::make_unique<state>()) {}
zip* archive::handle() const { return state_->zip; }
archive::~archive() = default;

result<std::unique_ptr<archive>, refusal> archive::open(int descriptor, const limits& limit, std::uint64_t unpacked) {
  std::unique_ptr<archive> a(new archive);
  struct stat st {};
  if (::fstat(descriptor, &st) != 0) return refusal{"source_unreadable", ""};
  a->state_->file.descriptor = descriptor;
  a->state_->file.size = static_cast<std::uint64_t>(st.st_size);
  a->most_ = unpacked;

  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_function_create(&source_call, &a->state_->file, &error);
  if (source == nullptr) return open_failure(error);
  a->state_->zip = zip_open_from_source(source, ZIP_RDONLY, &error);
  if (a->state_->zip == nullptr) {
    refusal r = open_failure(error);
    zip_source_free(source);
    zip_error_fini(&error);
    return r;
  }
  zip_t* z = a->state_->zip;

  auto count = static_cast<std::uint64_t>(zip_get_num_entries(z, 0));
  if (count > limit.entries) return refusal{"archive_too_many_entries", std::to_string(count) + " parts"};
  a->entries_.reserve(count);
  std::uint64_t packed = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    zip_stat_t s;
    zip_stat_init(&s);
    const char* name = zip_get_name(z, i, ZIP_FL_ENC_RAW);
    if (name == nullptr || zip_stat_index(z, i, 0, &s) != 0) return refusal{"archive_corrupt", ""};
    archive_entry e{.name = name, .index = i, .size = s.size, .packed = s.comp_size, .crc = s.crc, .method = s.comp_method};
    if (is_unsafe_path(e.name)) return refusal{"archive_unsafe_path", clean_text(e.name, 200)};
    if (ratio_exceeded(e.size, e.packed, limit.ratio)) return refusal{"archive_ratio", clean_text(e.name, 200)};
    e.encrypted = (s.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && s.encryption_method != ZIP_EM_NONE;
    zip_uint8_t system = 0;
    zip_uint32_t attributes = 0;
    if (zip_file_get_external_attributes(z, i, 0, &system, &attributes) == 0) {
      e.symlink = system == ZIP_OPSYS_UNIX && ((attributes >> 16) & 0170000) == 0120000;
    }
    if (a->declared_ + e.size < e.size) return refusal{"archive_too_large", "sizes add up to more than is possible"};
    a->declared_ += e.size;
    packed += e.packed;
    auto [known, fresh] = a->by_name_.emplace(e.name, a->entries_.size());
    if (!fresh) a->entries_[known->second].duplicate = true;
    a->entries_.push_back(std::move(e));
  }
  if (ratio_exceeded(a->declared_, packed, limit.ratio)) return refusal{"archive_ratio", "all parts together"};
  if (a->declared_ > unpacked) return refusal{"archive_too_large", "more than " + std::to_string(unpacked >> 20) + " MiB"};
  return a;
}

const archive_entry* archive::find(std::string_view name) const {
  auto found = by_name_.find(std::string(name));
  return found == by_name_.end() ? nullptr : &entries_[found->second];
}

const archive_entry* archive::find_close(const std::string& name) const {
  if (const archive_entry* e = find(name)) return e;
  if (!is_ascii(name) && valid_utf8(name)) {
    if (const archive_entry* e = find(nfc(name))) return e;
    if (const archive_entry* e = find(nfd(name))) return e;
  }
  if (const archive_entry* e = find(percent_encoded_path(name))) return e;
  std::string backslashes = name;
  std::replace(backslashes.begin(), backslashes.end(), '/', '\\');
  return backslashes == name ? nullptr : find(backslashes);
}

const archive_entry* archive::find_without_case(const std::string& name) const {
  if (by_folded_name_.empty()) {
    for (std::size_t i = 0; i < entries_.size(); ++i) by_folded_name_.emplace(case_fold(entries_[i].name), i);
  }
  auto found = by_folded_name_.find(case_fold(name));
  return found == by_folded_name_.end() ? nullptr : &entries_[found->second];
}

result<std::string, refusal> archive::read(const archive_entry& e, std::uint64_t limit, std::string_view too_large) {
  std::string name = clean_text(e.name, 200);
  if (e.symlink) return refusal{"archive_symlink", name};
  if (e.encrypted) return refusal{"archive_encrypted", name};
  if (e.size > limit) return refusal{std::string(too_large), name};
  if (read_ + e.size > most_) return refusal{"archive_too_large", name};

  read_ += e.size;
  bool whole = e.method == ZIP_CM_DEFLATE && e.size <= at_once && e.packed <= at_once;
  zip_t* z = state_->zip;
  open_part file(zip_fopen_index(z, e.index, whole ? ZIP_FL_COMPRESSED : 0));
  if (file == nullptr) {
    switch (zip_error_code_zip(zip_get_error(z))) {
      case ZIP_ER_COMPNOTSUPP: return refusal{"archive_unsupported_method", name};
      case ZIP_ER_ENCRNOTSUPP:
      case ZIP_ER_NOPASSWD: return refusal{"archive_encrypted", name};
      default: return refusal{"archive_entry_damaged", name};
    }
  }
  std::optional<std::string> out = read_part(file.get(), whole ? e.packed : e.size);
  if (out && whole) out = inflated(*out, e.size, e.crc);
  if (!out) return refusal{"archive_entry_damaged", name};
  return std::move(*out);
}

bool is_unsafe_path(std::string_view name) {
  if (name.empty() || name.size() > longest_name || name[0] == '/' || name[0] == '\\') return true;
  bool letter = (name[0] >= 'A' && name[0] <= 'Z') || (name[0] >= 'a' && name[0] <= 'z');
  if (letter && name.size() > 1 && name[1] == ':') return true;
  int depth = 0;
  for (std::size_t from = 0; from <= name.size();) {
    std::size_t to = std::min(name.find_first_of("/\\", from), name.size());
    std::string_view part = name.substr(from, to - from);
    if (part == "..") {
      if (--depth < 0) return true;
    } else if (!part.empty() && part != ".") {
      ++depth;
    }
    from = to + 1;
  }
  return false;
}

bool ratio_exceeded(std::uint64_t size, std::uint64_t packed, std::uint64_t limit) {
  return size > ratio_matters_above && (size - 1) / limit >= packed;
}

std::string folder_of(std::string_view path) {
  std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash));
}

std::optional<std::string> resolve_href(std::string_view base, std::string_view href, bool decode) {
  href = trim(href);
  href = href.substr(0, href.find_first_of("#?"));
  std::size_t colon = href.find(':');
  if (colon != std::string_view::npos && colon > 0 && href.find('/') > colon) {
    bool scheme = std::all_of(href.begin(), href.begin() + static_cast<std::ptrdiff_t>(colon), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    });
    if (scheme) return std::nullopt;
  }
  std::string path(href);
  if (decode) {
    if (std::optional<std::string> plain = percent_decode(href)) path = std::move(*plain);
  }
  if (path.starts_with('/')) return std::nullopt;

  std::vector<std::string_view> parts;
  auto walk = [&parts](std::string_view p) {
    for (std::size_t from = 0; from <= p.size();) {
      std::size_t to = std::min(p.find('/', from), p.size());
      std::string_view part = p.substr(from, to - from);
      from = to + 1;
      if (part.empty() || part == ".") continue;
      if (part != "..") {
        parts.push_back(part);
      } else if (parts.empty()) {
        return false;
      } else {
        parts.pop_back();
      }
    }
    return true;
  };
  if (!walk(base) || !walk(path)) return std::nullopt;
  std::string out;
  for (std::string_view part : parts) {
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

}  // namespace carrel::publication
