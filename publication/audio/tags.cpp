#include "publication/audio/tags.hpp"

#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::audio {
namespace {

constexpr std::size_t most_values = 20'000, most_bytes = 16 << 20, longest_name = 200;

}  // namespace

void tags::add(std::string_view name, std::string value) {
  if (name.size() > longest_name || trim(value).empty()) return;
  if (count_ >= most_values || bytes_ >= most_bytes) return warn(warnings_, "metadata_truncated", "tags");
  if (!valid_utf8(value)) {
    value = replace_invalid_utf8(value);
    warn(warnings_, "text_invalid_utf8", name);
  }
  if (value.size() > longest_text) {
    value.resize(cut_utf8(value, longest_text).size());
    warn(warnings_, "metadata_truncated", name);
  }
  ++count_;
  bytes_ += value.size();
  values_[lower_ascii(name)].push_back(std::move(value));
}

const std::vector<std::string>& tags::all(std::string_view lower_name) const {
  static const std::vector<std::string> none;
  auto found = values_.find(lower_name);
  return found == values_.end() ? none : found->second;
}

void tags::add_picture(std::string bytes, bool front) {
  if (bytes.size() > largest_picture) return refuse_picture();
  if (bytes.empty() || (!picture_.empty() && (front_ || !front))) return;
  picture_ = std::move(bytes);
  front_ = front;
}

void tags::refuse_picture() { warn(warnings_, "cover_too_large", "more than 20 MiB"); }

}  // namespace carrel::publication::audio
