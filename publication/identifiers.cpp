#include "publication/identifiers.hpp"

#include <algorithm>

#include "publication/unicode.hpp"
#include "server/core/text.hpp"
#include "server/core/uuid.hpp"

namespace carrel::publication {
namespace {

constexpr std::size_t longest_value = 300;

bool starts_with(std::string_view s, std::string_view prefix) {
  return s.size() >= prefix.size() && equal_ascii_case(s.substr(0, prefix.size()), prefix);
}

void add(identifier_list& list, std::string_view scheme, std::string value) {
  if (value.empty() || value.size() > longest_value) return;
  bool known = std::any_of(list.begin(), list.end(), [&](const auto& i) { return i.first == scheme; });
  if (!known) list.emplace_back(scheme, std::move(value));
}

bool add_isbn(identifier_list& list, std::string_view text) {
  std::optional<isbn> found = parse_isbn(text);
  if (!found) return false;
  bool known = std::any_of(list.begin(), list.end(), [](const auto& i) { return i.first == "isbn_13"; });
  if (known) return true;  // both forms of one number belong together
  add(list, "isbn_13", found->isbn_13);
  add(list, "isbn_10", found->isbn_10);
  return true;
}

void add_uuid(identifier_list& list, std::string_view text) {
  std::string lower = lower_ascii(trim(text));
  if (uuid::parse(lower)) add(list, "uuid", lower);
}

void add_asin(identifier_list& list, std::string_view text) {
  std::string upper(trim(text));
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  if (is_asin(upper)) add(list, "asin", upper);
}

bool is_scheme(std::string_view s) {
  if (s.size() < 2 || s.size() > 20 || s[0] < 'a' || s[0] > 'z') return false;
  return std::all_of(s.begin(), s.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; });
}

// A value whose scheme is known by name, from opf:scheme, "urn:scheme:value" or "scheme:value".
bool add_named(identifier_list& list, std::string_view scheme, std::string_view value) {
  std::string name = lower_ascii(trim(scheme));
  for (char& c : name) {
    if (c == ' ' || c == '.') c = '_';
  }
  if (name == "isbn" || name == "isbn-13" || name == "isbn13" || name == "isbn-10" || name == "isbn10" || name == "isbn_13" ||
      name == "isbn_10") {
    return add_isbn(list, value);
  }
  if (name == "uuid") {
    if (starts_with(value, "urn:uuid:")) value.remove_prefix(9);
    add_uuid(list, value);
  } else if (name == "asin" || name == "mobi-asin" || name == "amazon") {
    add_asin(list, value);
  } else if (name == "doi") {
    if (starts_with(value, "https://doi.org/")) value.remove_prefix(16);
    add(list, "doi", std::string(value));
  } else if (name == "http" || name == "https") {
    add(list, "url", name + ":" + std::string(value));
  } else if (is_scheme(name)) {
    add(list, name, std::string(value));
  }
  return true;
}

}  // namespace

bool is_asin(std::string_view s) {
  if (s.size() != 10) return false;
  auto alphanumeric = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); };
  if (s.starts_with("B0")) return std::all_of(s.begin(), s.end(), alphanumeric);
  return parse_isbn(s).has_value();
}

bool add_identifier(identifier_list& list, std::string_view raw, std::string_view scheme, std::string_view onix_type) {
  std::string cleaned = clean_text(raw, 1000);
  std::string_view text = cleaned;
  if (text.empty() || text.size() > longest_value) return true;
  if (starts_with(text, "urn:isbn:")) return add_isbn(list, text.substr(9));
  if (starts_with(text, "isbn:") || starts_with(text, "isbn ")) return add_isbn(list, text.substr(5));
  if (starts_with(text, "uuid:")) return add_uuid(list, text.substr(5)), true;
  if (starts_with(text, "doi:")) return add(list, "doi", std::string(text.substr(4))), true;
  if (starts_with(text, "https://doi.org/")) return add(list, "doi", std::string(text.substr(16))), true;
  if (starts_with(text, "urn:")) {
    std::string_view rest = text.substr(4);
    if (std::size_t colon = rest.find(':'); colon != std::string_view::npos)
      return add_named(list, rest.substr(0, colon), rest.substr(colon + 1));
  }
  if (!trim(scheme).empty()) return add_named(list, scheme, text);
  if (onix_type == "15" || onix_type == "02" || onix_type == "2") return add_isbn(list, text);
  if (onix_type == "06" || onix_type == "6") return add(list, "doi", std::string(text)), true;
  if (std::size_t colon = text.find(':'); colon != std::string_view::npos && is_scheme(text.substr(0, colon))) {
    return add_named(list, text.substr(0, colon), text.substr(colon + 1));
  }
  if (std::optional<isbn> found = parse_isbn(text); found && found->isbn_13.size() == 13) add_isbn(list, text);
  return true;
}

}  // namespace carrel::publication
