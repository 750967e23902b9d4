#include "publication/charset.hpp"

#include <uchardet/uchardet.h>
#include <unicode/ucnv.h>

#include <algorithm>
#include <memory>

#include "publication/unicode_tools.hpp"

namespace carrel::publication {
namespace {

constexpr std::size_t sample_size = 256 << 10, ascii_in_front = 256;

// What uchardet calls otherwise than ICU does, and where the wider set of Windows is meant by most who write the narrow one.
std::string name_for_icu(std::string_view name) {
  if (name == "UHC") return "windows-949";
  if (name == "ISO-8859-1") return "windows-1252";
  return name.starts_with("UTF-16") || name.starts_with("UTF-32") ? std::string() : std::string(name);
}

bool is_known(const std::string& name) {
  UErrorCode status = U_ZERO_ERROR;
  std::unique_ptr<UConverter, decltype(&ucnv_close)> converter(ucnv_open(name.c_str(), &status), &ucnv_close);
  return U_SUCCESS(status);
}

}  // namespace

std::string charset_of(std::string_view bytes) {
  // ASCII says nothing about an encoding, so that the sample begins where it ends.
  std::size_t from = skip_ascii(bytes);
  std::string_view sample = bytes.substr(from - std::min(from, ascii_in_front), sample_size);
  std::unique_ptr<uchardet, decltype(&uchardet_delete)> detector(uchardet_new(), &uchardet_delete);
  if (uchardet_handle_data(detector.get(), sample.data(), sample.size()) != 0) return {};
  uchardet_data_end(detector.get());
  std::string name = name_for_icu(uchardet_get_charset(detector.get()));
  return !name.empty() && is_known(name) ? name : std::string();
}

}  // namespace carrel::publication
