#include "publication/mobi/palm_database.hpp"

#include <algorithm>

#include "publication/big_endian.hpp"
#include "publication/file_bytes.hpp"

namespace carrel::publication::mobi {
namespace {

constexpr std::size_t header_size = 78, entry_size = 8, most_records = 20'000;
constexpr std::uint64_t longest_record = 64ULL << 20;

// Stands for a record that is not looked at. libmobi takes an empty one for damage, and these bytes for no resource.
constexpr std::string_view nothing = "none";

void put_number(std::string& out, std::uint64_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

}  // namespace

refusal damaged() { return {"mobi_damaged", ""}; }

result<palm_database, refusal> palm_database::open(int descriptor) {
  palm_database db;
  db.descriptor_ = descriptor;
  db.header_ = read_at(descriptor, 0, header_size);
  std::size_t count = big_endian(db.header_, 76, 2);
  if (db.header_.size() < header_size || count == 0 || count > most_records) return damaged();

  std::string table = read_at(descriptor, header_size, count * entry_size);
  std::uint64_t end = size_of(descriptor), last = header_size + table.size();
  if (table.size() < count * entry_size) return damaged();
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t start = big_endian(table, i * entry_size, 4);
    if (start < last || start > end || (i > 0 && start - last > longest_record)) return damaged();
    db.starts_.push_back(last = start);
  }
  if (end - last > longest_record) return damaged();
  db.starts_.push_back(end);
  return db;
}

std::string palm_database::read(std::size_t record, std::size_t most) const {
  if (record >= size()) return {};
  return read_at(descriptor_, starts_[record], static_cast<std::size_t>(std::min<std::uint64_t>(length(record), most)));
}

std::string palm_database::extract(const std::vector<std::size_t>& wanted) const {
  std::string out = header_, data;
  const std::size_t data_starts = header_size + size() * entry_size + 2;
  auto next = wanted.begin();
  for (std::size_t i = 0; i < size(); ++i) {
    put_number(out, data_starts + data.size());
    put_number(out, 2 * i);
    bool take = next != wanted.end() && *next == i;
    if (take) ++next;
    std::string bytes = take ? read(i) : std::string();
    data += bytes.empty() ? nothing : bytes;
  }
  out.append(2, '\0').append(data);
  return out;
}

}  // namespace carrel::publication::mobi
