#include "publication/plain_text/open.hpp"

#include "publication/charset.hpp"
#include "publication/content.hpp"
#include "publication/file_bytes.hpp"
#include "publication/names.hpp"
#include "publication/plain_text/header.hpp"
#include "publication/unicode.hpp"
#include "publication/unicode_tools.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::plain_text {
namespace {

constexpr std::size_t piece_size = 64 << 10;
constexpr std::string_view replacement = "\xef\xbf\xbd";

// Damage or a cut in one place does not make a text one of another encoding.
bool is_mostly_utf8(std::string_view bytes) {
  std::size_t good = 0, bad = 0;
  for (std::size_t i = skip_ascii(bytes); i < bytes.size(); i = skip_ascii(bytes, i)) {
    std::size_t from = i;
    bool invalid = next_code_point(bytes, i) == 0xfffd && bytes.substr(from, replacement.size()) != replacement;
    ++(invalid ? bad : good);
  }
  return bad * 100 <= good;
}

// "" for UTF-8; bytes that no rule fits are windows-1252.
std::string encoding_of(std::string_view bytes) {
  if (std::string wide = guessed_wide_encoding(bytes); !wide.empty()) return wide;
  if (is_mostly_utf8(bytes)) return {};
  std::string found = charset_of(bytes);
  return found.empty() || found == "UTF-8" ? "windows-1252" : found;
}

std::string decode(std::string bytes) {
  byte_order_mark mark = find_byte_order_mark(bytes);
  bytes.erase(0, mark.size);
  std::string encoding = mark.size > 0 ? std::string(mark.encoding) : encoding_of(bytes), text;
  bool utf8 = encoding.empty() || encoding == "UTF-8";
  if (!utf8 && convert_to_utf8(bytes, encoding, text)) return text;
  return valid_text(bytes) ? std::move(bytes) : replace_invalid_utf8(bytes);
}

struct characters {
  std::size_t all = 0, controls = 0, replaced = 0;
};

characters count_characters(std::string_view text) {
  characters out;
  for (std::size_t i = 0; i < text.size();) {
    UChar32 c = next_code_point(text, i);
    ++out.all;
    if (c == 0xfffd) ++out.replaced;
    if ((c < 0x20 || (c >= 0x7f && c < 0xa0)) && !is_white_space(c)) ++out.controls;
  }
  return out;
}

}  // namespace

result<opened, refusal> open(int descriptor, const std::string& file_name, const limits& limit, std::vector<warning> warnings) {
  std::uint64_t size = size_of(descriptor);
  if (size > limit.plain_text) {
    auto mebibytes = [](std::uint64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; };
    return refusal{"file_too_large", mebibytes(size) + "; the limit is " + mebibytes(limit.plain_text)};
  }
  std::string text = decode(read_at(descriptor, 0, static_cast<std::size_t>(size)));
  characters count = count_characters(text);
  if (count.controls * 100 > count.all) return refusal{"unsupported_type", ""};
  if (count.replaced > 0) warn(warnings, "text_invalid_utf8");
  if (count.controls > 0) warn(warnings, "text_control_characters");

  opened out;
  out.format = "txt";
  if (std::optional<metadata> told = read_header(text, warnings)) out.about = std::move(*told);
  normal_text normal;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view piece = cut_utf8(rest, piece_size);
    normal.add(piece);
    rest.remove_prefix(piece.size());
  }
  std::string hash = normal.hash();
  if (normal.characters() > 0) out.content_hash = std::move(hash);
  out.about.page_count = normal.pages();
  out.about.page_count_source = "estimate";

  guess named = guess_from_name(file_name);
  if (out.about.title.empty() && !named.asin.empty()) out.about.identifiers.emplace_back("asin", named.asin);
  complete_from_name(out.about, named, warnings);
  out.warnings = std::move(warnings);
  return out;
}

}  // namespace carrel::publication::plain_text
