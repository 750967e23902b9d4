#include "publication/mobi/library.hpp"

#include <mobi.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "publication/mobi/text_check.hpp"

namespace carrel::publication::mobi {
namespace {

constexpr std::size_t most_text = 64 << 20, most_packed = 64 << 20, most_tables = 1024;
constexpr std::size_t least_room = 4096;  // of a record, whatever it says

using book = std::unique_ptr<MOBIData, decltype(&mobi_free)>;

std::string_view bytes_of(const MOBIPdbRecord& r) { return {reinterpret_cast<const char*>(r.data), r.size}; }

bool has_text(const headers& h) {
  return !h.locked() && h.book.text_records > 0 &&
         h.book.text_records * std::max(h.book.text_record_size, least_room) <= most_text;
}

// What libmobi is asked about: the first records, and those of the text.
std::vector<std::size_t> wanted_records(const palm_database& db, const headers& h, bool text) {
  std::vector<std::size_t> out{h.book.record};
  if (h.older) out = {0, h.book.record - 1, h.book.record};
  auto add = [&](std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < db.size() && i - first < count; ++i) out.push_back(i);
  };
  if (text) add(h.book.record + 1, h.book.text_records);
  if (text && h.book.packed == compression::huffman && h.book.huffman) add(*h.book.huffman, h.book.huffman_count);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// libmobi tries to open locks; so a locked book does not look like one.
void hide_lock(std::string& copy, std::size_t record) {
  std::size_t start = 0;
  for (std::size_t i = 0; i < 4; ++i) start = start << 8 | static_cast<unsigned char>(copy[78 + record * 8 + i]);
  if (start + 14 <= copy.size()) copy.replace(start + 12, 2, 2, '\0');
}

book load(std::string& copy) {
  book m(mobi_init(), &mobi_free);
  std::unique_ptr<std::FILE, decltype(&std::fclose)> file(fmemopen(copy.data(), copy.size(), "rb"), &std::fclose);
  if (m == nullptr || file == nullptr || mobi_load_file(m.get(), file.get()) != MOBI_SUCCESS) m.reset();
  return m;
}

bool tables_are_sound(const MOBIData& m, const headers& h) {
  if (!h.book.huffman || h.book.huffman_count < 2 || h.book.huffman_count > most_tables) return false;
  const MOBIPdbRecord* r = mobi_get_record_by_seqnumber(&m, *h.book.huffman);
  if (r == nullptr) return false;
  std::string_view huff = bytes_of(*r);
  std::vector<std::string_view> cdics;
  for (r = r->next; r != nullptr && cdics.size() + 1 < h.book.huffman_count; r = r->next) cdics.push_back(bytes_of(*r));
  return cdics.size() + 1 == h.book.huffman_count && huffman_is_sound(huff, cdics);
}

bool text_is_sound(const MOBIData& m, const headers& h) {
  if (h.book.packed == compression::huffman) return tables_are_sound(m, h);
  if (h.book.packed == compression::none) return true;
  std::uint16_t flags = m.mh != nullptr && m.mh->extra_flags != nullptr ? *m.mh->extra_flags : std::uint16_t{0};
  std::size_t most = mobi_get_textrecord_maxsize(&m), left = h.book.text_records;
  for (const MOBIPdbRecord* r = mobi_get_record_by_seqnumber(&m, h.book.record + 1); r != nullptr && left > 0;
       r = r->next, --left) {
    std::size_t behind = flags == 0 ? 0 : mobi_get_record_extrasize(r, flags);
    if (behind >= r->size) continue;
    if (!palmdoc_fits(bytes_of(*r).substr(0, r->size - behind), most)) return false;
  }
  return left == 0;
}

bool read_markup(const MOBIData& m, const headers& h, std::string& out) {
  std::size_t size = mobi_get_text_maxsize(&m);
  if (size == MOBI_NOTSET || size > most_text || !text_is_sound(m, h)) return false;
  out.resize(size + 1);  // libmobi ends it with a zero
  if (mobi_get_rawml(&m, out.data(), &size) != MOBI_SUCCESS) size = 0;
  out.resize(size);
  return size > 0;
}

void read_values(const MOBIData& m, told& out) {
  for (const MOBIExthHeader* e = m.eh; e != nullptr; e = e->next) {
    if (e->data != nullptr) out.values.emplace_back(e->tag, std::string(static_cast<const char*>(e->data), e->size));
  }
  if (m.mh == nullptr) return;
  if (m.mh->full_name != nullptr) out.full_name = m.mh->full_name;
  const char* locale = m.mh->locale != nullptr ? mobi_get_locale_string(*m.mh->locale) : nullptr;
  if (locale != nullptr) out.locale = locale;
  out.is_latin = m.mh->text_encoding != nullptr && *m.mh->text_encoding == MOBI_CP1252;
  out.is_dictionary = mobi_is_dictionary(&m);
  std::size_t first = mobi_get_first_resource_record(&m);
  if (first != MOBI_NOTSET) out.first_resource = first;
}

}  // namespace

std::optional<told> ask_libmobi(const palm_database& db, const headers& h) {
  bool text = has_text(h);
  std::vector<std::size_t> wanted = wanted_records(db, h, text);
  std::uint64_t packed = 0;
  for (std::size_t record : wanted) packed += db.length(record);
  if (packed > most_packed) wanted = wanted_records(db, h, text = false);

  std::string copy = db.extract(wanted);
  hide_lock(copy, h.book.record);
  if (h.older) hide_lock(copy, 0);
  book m = load(copy);
  copy = {};
  // It looks for a second book in its own way; what that would find has not been checked.
  if (m == nullptr || mobi_is_hybrid(m.get()) != h.older.has_value()) return std::nullopt;
  told out;
  read_values(*m, out);
  if (text) out.text_damaged = !read_markup(*m, h, out.markup);
  return out;
}

}  // namespace carrel::publication::mobi
