#include "publication/mobi/index.hpp"

#include <algorithm>
#include <bit>

#include "publication/big_endian.hpp"

namespace carrel::publication::mobi {
namespace {

constexpr std::size_t shortest_head = 56, most_values = 100, most_tags = 64, most_index_records = 1000, largest_record = 1 << 20,
                      largest_texts = 66'000;  // places in it have two bytes

struct tag_rule {
  std::uint8_t tag, values, mask;
  bool ends;  // the tags behind it take the next control byte
};

struct tag_rules {
  std::vector<tag_rule> list;
  std::size_t control_bytes = 0;
};

// Seven bits a byte, the last one has the eighth. `at` moves on.
std::optional<std::uint32_t> variable_number(std::string_view b, std::size_t& at) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    if (at >= b.size()) return std::nullopt;
    auto byte = static_cast<unsigned char>(b[at++]);
    value = value << 7 | (byte & 0x7fu);
    if ((byte & 0x80) != 0) return value;
  }
  return value;
}

std::optional<tag_rules> read_rules(std::string_view head) {
  std::uint64_t start = big_endian(head, 4, 4);
  if (start > head.size() || !head.substr(static_cast<std::size_t>(start)).starts_with("TAGX")) return std::nullopt;
  std::string_view tagx = head.substr(static_cast<std::size_t>(start));
  std::uint64_t size = big_endian(tagx, 4, 4);
  if (size < 12 || size > tagx.size()) return std::nullopt;
  tag_rules out;
  for (std::size_t i = 12; i + 4 <= size && out.list.size() < most_tags; i += 4) {
    auto byte = [&](std::size_t n) { return static_cast<std::uint8_t>(tagx[i + n]); };
    out.list.push_back({byte(0), byte(1), byte(2), byte(3) != 0});
    out.control_bytes += out.list.back().ends;
  }
  if (out.control_bytes == 0 || !out.list.back().ends) return std::nullopt;
  return out;
}

// How many values of a tag follow, or how many bytes of them.
struct announced {
  const tag_rule* rule = nullptr;
  std::optional<std::uint32_t> bytes;
  std::size_t count = 0;
};

std::optional<announced> announce(const tag_rule& rule, std::uint8_t control, std::string_view entry, std::size_t& at) {
  auto bits = static_cast<std::uint8_t>(control & rule.mask);
  announced out{.rule = &rule, .bytes = {}, .count = 0};
  if (bits == 0) return out;
  if (bits == rule.mask && std::popcount(rule.mask) > 1) {
    out.bytes = variable_number(entry, at);
    if (!out.bytes) return std::nullopt;
  } else {
    out.count = std::size_t{rule.values} * (static_cast<unsigned>(bits) >> std::countr_zero(rule.mask));
  }
  return out;
}

std::optional<index_tag> read_tag(const announced& a, std::string_view entry, std::size_t& at) {
  index_tag out{.tag = a.rule->tag, .values = {}};
  std::size_t end = a.bytes ? at + *a.bytes : entry.size();
  if (end > entry.size()) return std::nullopt;
  while (a.bytes ? at < end : out.values.size() < a.count) {
    std::optional<std::uint32_t> value = variable_number(entry.substr(0, end), at);
    if (!value || out.values.size() >= most_values) return std::nullopt;
    out.values.push_back(*value);
  }
  return out;
}

std::optional<index_entry> read_entry(std::string_view entry, const tag_rules& rules) {
  if (entry.empty()) return std::nullopt;
  std::size_t label = static_cast<unsigned char>(entry[0]), control = 1 + label, at = control + rules.control_bytes;
  if (at > entry.size()) return std::nullopt;
  index_entry out{.label = std::string(entry.substr(1, label)), .tags = {}};
  std::vector<announced> coming;
  for (const tag_rule& rule : rules.list) {
    if (rule.ends) {
      ++control;
      continue;
    }
    std::optional<announced> a = announce(rule, static_cast<std::uint8_t>(entry[control]), entry, at);
    if (!a) return std::nullopt;
    if (a->bytes || a->count > 0) coming.push_back(*a);
  }
  for (const announced& a : coming) {
    std::optional<index_tag> tag = read_tag(a, entry, at);
    if (!tag) return std::nullopt;
    out.tags.push_back(std::move(*tag));
  }
  return out;
}

bool read_entries(std::string_view record, const tag_rules& rules, std::size_t most, std::vector<index_entry>& out) {
  std::uint64_t places = big_endian(record, 20, 4), count = big_endian(record, 24, 4);
  if (!record.starts_with("INDX") || count > most - out.size() || places + 4 + count * 2 > record.size()) return false;
  auto table = static_cast<std::size_t>(places);
  if (!record.substr(table).starts_with("IDXT")) return false;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t from = big_endian(record, table + 4 + i * 2, 2);
    std::size_t to = i + 1 < count ? big_endian(record, table + 6 + i * 2, 2) : table;
    if (from > to || to > table) return false;
    std::optional<index_entry> entry = read_entry(record.substr(from, to - from), rules);
    if (!entry) return false;
    out.push_back(std::move(*entry));
  }
  return true;
}

}  // namespace

std::optional<std::uint32_t> index_entry::value(std::uint8_t tag, std::size_t place) const {
  auto found = std::find_if(tags.begin(), tags.end(), [&](const index_tag& t) { return t.tag == tag; });
  if (found == tags.end() || place >= found->values.size()) return std::nullopt;
  return found->values[place];
}

std::optional<index> read_index(const palm_database& db, std::size_t record, std::size_t most) {
  std::string head = db.read(record, largest_record);
  if (!head.starts_with("INDX") || head.size() < shortest_head) return std::nullopt;
  std::optional<tag_rules> rules = read_rules(head);
  std::uint64_t records = big_endian(head, 24, 4);
  if (!rules || records > most_index_records) return std::nullopt;
  index out;
  out.text_records = big_endian(head, 52, 4);
  out.texts = record + 1 + static_cast<std::size_t>(records);
  for (std::size_t i = 1; i <= records; ++i) {
    if (!read_entries(db.read(record + i, largest_record), *rules, most, out.entries)) return std::nullopt;
  }
  return out;
}

std::string index_text(const palm_database& db, const index& of, std::uint32_t place, text_record& cache) {
  std::size_t number = of.texts + (place >> 16), at = place & 0xffff;
  if ((place >> 16) >= of.text_records) return {};
  if (cache.number != number) cache = {number, db.read(number, largest_texts)};
  std::optional<std::uint32_t> size = variable_number(cache.bytes, at);
  if (!size || *size > cache.bytes.size() - at) return {};
  return cache.bytes.substr(at, *size);
}

}  // namespace carrel::publication::mobi
