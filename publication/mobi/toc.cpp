#include "publication/mobi/toc.hpp"

#include <algorithm>

#include "publication/mobi/documents.hpp"
#include "publication/mobi/index.hpp"
#include "publication/unicode.hpp"

namespace carrel::publication::mobi {
namespace {

constexpr std::size_t most_entries = 10'000, longest_label = 500;
constexpr std::uint32_t deepest = 32;
constexpr std::uint8_t offset_tag = 1, label_tag = 3, depth_tag = 4, place_tag = 6, first_child_tag = 22, last_child_tag = 23;

std::string with_digits(std::uint64_t value, unsigned base, std::size_t count) {
  std::string out(count, '0');
  for (std::size_t i = count; i > 0 && value > 0; value /= base) out[--i] = "0123456789ABCDEFGHIJKLMNOPQRSTUV"[value % base];
  return out;
}

std::string href_of(const index_entry& e) {
  std::optional<std::uint32_t> piece = e.value(place_tag), offset = e.value(place_tag, 1);
  if (piece && offset) return "kindle:pos:fid:" + with_digits(*piece, 32, 4) + ":off:" + with_digits(*offset, 32, 10);
  return "filepos:" + with_digits(e.value(offset_tag).value_or(0), 10, 10);
}

// The list is sorted by depth: the chapters of a part are found through the part. Each entry comes once, whatever points to it.
std::vector<std::size_t> reading_order(const std::vector<index_entry>& entries) {
  std::vector<std::uint32_t> depths;
  for (const index_entry& e : entries) depths.push_back(e.value(depth_tag).value_or(0));
  std::vector<std::size_t> out, waiting;
  std::vector<bool> seen(entries.size(), false);
  auto wait_for = [&](std::size_t first, std::size_t last, std::uint32_t depth) {
    for (std::size_t i = last + 1; i > first; --i) {
      if (depths[i - 1] != depth || seen[i - 1]) continue;
      seen[i - 1] = true;
      waiting.push_back(i - 1);
    }
  };
  for (std::size_t start = 0; start < entries.size(); ++start) {
    if (!seen[start]) wait_for(start, start, depths[start]);
    while (!waiting.empty()) {
      std::size_t at = waiting.back();
      waiting.pop_back();
      out.push_back(at);
      std::optional<std::uint32_t> first = entries[at].value(first_child_tag), last = entries[at].value(last_child_tag);
      if (first && last && *first > at && *last < entries.size()) wait_for(*first, *last, depths[at] + 1);
    }
  }
  return out;
}

}  // namespace

std::vector<toc_entry> read_toc(const palm_database& db, const headers& h, const told& about) {
  std::vector<toc_entry> out;
  if (!h.book.contents) return out;
  std::optional<index> list = read_index(db, *h.book.contents, most_entries);
  if (!list) return out;
  text_record cache;
  for (std::size_t i : reading_order(list->entries)) {
    const index_entry& e = list->entries[i];
    std::optional<std::uint32_t> label = e.value(label_tag);
    std::string text = label ? index_text(db, *list, *label, cache) : std::string();
    std::string title = clean_text(readable(text, about.is_latin), longest_label);
    if (title.empty()) continue;
    out.push_back({std::move(title), href_of(e), static_cast<int>(std::min(e.value(depth_tag).value_or(0), deepest))});
  }
  return out;
}

}  // namespace carrel::publication::mobi
