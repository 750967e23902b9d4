#include "publication/fingerprint.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "publication/unicode.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

// kosync.md 8.1: a constant table, because the shift that KOReader writes is not what it means.
constexpr std::array<std::uint64_t, 12> sample_offsets{0,       1024,    4096,     16384,    65536,     262144,
                                                       1048576, 4194304, 16777216, 67108864, 268435456, 1073741824};
constexpr std::uint64_t sample_size = 1024;

template <class Take>  // void(std::string_view piece)
std::optional<error> read_through(int descriptor, Take take) {
  std::string buffer(1 << 18, '\0');
  for (std::uint64_t at = 0;;) {
    ssize_t n = ::pread(descriptor, buffer.data(), buffer.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return error{"source_unreadable", "reading failed"};
    if (n == 0) return std::nullopt;
    take(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
    at += static_cast<std::uint64_t>(n);
  }
}

}  // namespace

struct running_fingerprint::state {
  digest sha256{digest_kind::sha256}, md5{digest_kind::md5}, samples{digest_kind::md5};
  std::uint64_t at = 0;
  std::size_t sample = 0;  // the first one that is not behind `at`
};

running_fingerprint::running_fingerprint() : state_(std::make_unique<state>()) {}
running_fingerprint::~running_fingerprint() = default;

void running_fingerprint::update(std::string_view piece) {
  state& s = *state_;
  s.sha256.update(piece);
  s.md5.update(piece);
  std::uint64_t end = s.at + piece.size();
  while (s.sample < sample_offsets.size()) {
    std::uint64_t first = sample_offsets[s.sample], last = first + sample_size;
    std::uint64_t from = std::max(first, s.at), to = std::min(last, end);
    if (from < to) s.samples.update(piece.substr(from - s.at, to - from));
    if (end < last) break;
    ++s.sample;
  }
  s.at = end;
}

fingerprints running_fingerprint::finish() {
  return {state_->sha256.hex(), state_->md5.hex(), state_->samples.hex(), state_->at};
}

result<fingerprints> fingerprint(int descriptor) {
  running_fingerprint running;
  std::optional<error> bad = read_through(descriptor, [&](std::string_view piece) { running.update(piece); });
  if (bad) return std::move(*bad);
  return running.finish();
}

result<std::string> sha256_of(int descriptor) {
  digest running(digest_kind::sha256);
  std::optional<error> bad =
      read_through(descriptor, [&](std::string_view piece) { running.update(piece.data(), piece.size()); });
  if (bad) return std::move(*bad);
  return running.hex();
}

std::string file_name_md5(std::string_view name) { return md5_hex(name.substr(name.rfind('/') + 1)); }

std::vector<std::string> device_names(const std::vector<std::string>& names, std::string_view title,
                                      std::string_view first_author, std::string_view extension) {
  std::vector<std::string> out;
  auto add = [&out](std::string name) {
    if (!name.empty() && std::find(out.begin(), out.end(), name) == out.end()) out.push_back(std::move(name));
  };
  auto add_forms = [&add](std::string_view name) {
    name = name.substr(name.rfind('/') + 1);
    add(std::string(name));
    if (!valid_utf8(name)) return;
    add(nfc(name));
    add(nfd(name));
  };
  for (const std::string& name : names) add_forms(name);
  if (title.empty()) return out;

  // KOReader's own name of an OPDS download (kosync.md 8.3).
  std::string base = first_author.empty() ? std::string(title) : std::string(first_author) + " - " + std::string(title);
  for (char& c : base) {
    if (std::string_view("\\/:*?\"<>|").find(c) != std::string_view::npos) c = '_';
  }
  base = std::string(cut_utf8(base, 240));
  while (!base.empty() && (base.back() == '.' || base.back() == ' ')) base.pop_back();
  if (extension.starts_with('.')) extension.remove_prefix(1);
  if (!base.empty()) add_forms(base + "." + std::string(extension));
  // It saves a KEPUB under the plain suffix (opds.md 5.8).
  if (!base.empty() && extension == "kepub.epub") add_forms(base + ".epub");
  return out;
}

}  // namespace carrel::publication
