#include "server/auth/presented.hpp"

#include "library/user.hpp"
#include "server/core/text.hpp"

namespace carrel::auth {
namespace {

// What follows the scheme, whose name may be written in any case.
std::optional<std::string_view> after_scheme(const http::request& in, std::string_view scheme) {
  std::optional<std::string_view> header = in.header("authorization");
  if (!header || header->size() < scheme.size() || !equal_ascii_case(header->substr(0, scheme.size()), scheme))
    return std::nullopt;
  std::string_view rest = header->substr(scheme.size());
  if (!rest.empty() && rest.front() != ' ' && rest.front() != '\t') return std::nullopt;
  return trim(rest);
}

std::string utf8_of(std::string_view bytes) {
  if (valid_utf8(bytes)) return std::string(bytes);
  std::string out;
  for (char c : bytes) append_utf8(out, static_cast<unsigned char>(c));
  return out;
}

}  // namespace

std::optional<name_and_secret> basic_of(const http::request& in) {
  std::optional<std::string_view> shown = after_scheme(in, "basic");
  if (!shown) return std::nullopt;
  std::optional<std::string> bytes = base64_decode(*shown);
  if (!bytes) return name_and_secret{};
  std::string text = utf8_of(*bytes);
  std::size_t colon = text.find(':');
  if (colon == std::string::npos) return name_and_secret{};
  return name_and_secret{.name = std::string(trim(std::string_view(text).substr(0, colon))), .secret = text.substr(colon + 1)};
}

std::optional<std::string> bearer_of(const http::request& in) {
  std::optional<std::string_view> shown = after_scheme(in, "bearer");
  if (!shown) return std::nullopt;
  return std::string(*shown);
}

std::optional<name_and_secret> kosync_pair_of(const http::request& in) {
  std::optional<std::string_view> user = in.header("x-auth-user");
  std::optional<std::string_view> key = in.header("x-auth-key");
  if (!user || !key || trim(*user).empty() || key->empty()) return std::nullopt;
  return name_and_secret{.name = utf8_of(trim(*user)), .secret = utf8_of(*key)};
}

bool is_md5_hex(std::string_view s) {
  if (s.size() != 32) return false;
  for (char c : s) {
    bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (!digit) return false;
  }
  return true;
}

std::string key_of_shown_name(std::string_view shown) {
  result<std::string> name = library::check_user_name(shown);
  return name ? library::name_key(*name) : std::string();
}

}  // namespace carrel::auth
