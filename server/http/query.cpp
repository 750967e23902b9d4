#include "server/http/query.hpp"

#include "server/core/text.hpp"

namespace carrel::http {
namespace {

// percent_decode refuses the whole text for one broken escape; a person who types "100%" means it.
std::string decode(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  while (!s.empty()) {
    std::size_t take = 1;
    if (s[0] == '%' && s.size() >= 3) take = 3;
    std::optional<std::string> piece = percent_decode(s.substr(0, take), true);
    if (!piece) {
      take = 1;
      piece = "%";
    }
    out += *piece;
    s.remove_prefix(take);
  }
  return out;
}

bool storable(std::string_view s) { return s.find('\0') == std::string_view::npos && valid_utf8(s); }

}  // namespace

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!text.empty()) {
    std::size_t end = text.find('&');
    std::string_view pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (pair.empty()) continue;
    std::size_t equals = pair.find('=');
    std::string name = decode(pair.substr(0, equals));
    std::string value = equals == std::string_view::npos ? std::string() : decode(pair.substr(equals + 1));
    if (storable(name) && storable(value)) out.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

}  // namespace carrel::http
