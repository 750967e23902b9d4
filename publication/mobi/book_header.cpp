#include "publication/mobi/book_header.hpp"

#include <algorithm>

#include "publication/big_endian.hpp"

namespace carrel::publication::mobi {
namespace {

constexpr std::size_t palmdoc_size = 16, shortest_mobi = 24, exth_head = 12;
constexpr std::uint64_t not_set = 0xffffffff, boundary_tag = 121;
constexpr std::string_view boundary = "BOUNDARY";

bool at(std::string_view b, std::size_t offset, std::string_view magic) {
  return b.size() >= offset && b.substr(offset).starts_with(magic);
}

// Directly behind MOBI's header; the values of a list that does not fit are not believed.
std::string exth_of(std::string_view behind) {
  if (!behind.starts_with("EXTH")) return {};
  std::uint64_t size = big_endian(behind, 4, 4);
  if (size < exth_head || size > behind.size()) return {};
  return std::string(behind.substr(0, static_cast<std::size_t>(size)));
}

std::optional<std::uint64_t> exth_number(std::string_view exth, std::uint64_t tag) {
  std::uint64_t count = big_endian(exth, 8, 4);
  for (std::size_t i = exth_head; count > 0 && i + 8 <= exth.size(); --count) {
    std::uint64_t size = big_endian(exth, i + 4, 4);
    if (size < 8 || size > exth.size() - i) return std::nullopt;
    if (big_endian(exth, i, 4) == tag && size == 12) return big_endian(exth, i + 8, 4);
    i += static_cast<std::size_t>(size);
  }
  return std::nullopt;
}

}  // namespace

std::optional<book_header> read_header(const palm_database& db, std::size_t record) {
  std::string bytes = db.read(record);
  book_header out;
  out.record = record;
  std::uint64_t packed = big_endian(bytes, 0, 2);
  if (bytes.size() < palmdoc_size || (packed != 1 && packed != 2 && packed != 17480)) return std::nullopt;
  out.packed = static_cast<compression>(packed);
  out.text_records = big_endian(bytes, 8, 2);
  out.text_record_size = big_endian(bytes, 10, 2);
  std::uint64_t encryption = big_endian(bytes, 12, 2);
  out.encrypted = encryption == 1 || encryption == 2;
  out.has_mobi = db.is_mobipocket() && at(bytes, palmdoc_size, "MOBI");
  if (!out.has_mobi) return out;

  std::size_t size = std::max<std::size_t>(big_endian(bytes, 20, 4), shortest_mobi);
  if (size > bytes.size() - palmdoc_size) return std::nullopt;
  std::string_view mobi = std::string_view(bytes).substr(0, palmdoc_size + size);
  out.version = big_endian(mobi, 36, 4);
  auto number = [&](std::size_t offset) -> std::optional<std::size_t> {
    if (offset + 4 > mobi.size()) return std::nullopt;
    std::uint64_t value = big_endian(mobi, offset, 4);
    return value != not_set && value < db.size() - record ? std::optional<std::size_t>(value + record) : std::nullopt;
  };
  out.huffman = number(112);
  out.huffman_count = big_endian(mobi, 116, 4);
  out.contents = number(244);
  if (out.version >= 8) {
    out.sections = number(192);
    out.fragments = number(248);
    out.skeletons = number(252);
  }
  out.exth = exth_of(std::string_view(bytes).substr(mobi.size()));
  return out;
}

std::optional<headers> read_headers(const palm_database& db) {
  std::optional<book_header> first = read_header(db, 0);
  if (!first) return std::nullopt;
  std::uint64_t second = exth_number(first->exth, boundary_tag).value_or(0);
  bool hybrid = second > 0 && second < db.size() && db.read(second - 1, boundary.size()) == boundary;
  if (!hybrid) return headers{std::move(*first), std::nullopt};
  std::optional<book_header> newer = read_header(db, second);
  if (!newer || !newer->has_mobi) return std::nullopt;
  return headers{std::move(*newer), std::move(first)};
}

bool is_print_replica(const palm_database& db, const book_header& h) { return db.read(h.record + 1, 4) == "%MOP"; }

}  // namespace carrel::publication::mobi
