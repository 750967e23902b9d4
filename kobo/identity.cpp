#include "kobo/identity.hpp"

#include <algorithm>
#include <cctype>

#include "server/core/json.hpp"
#include "server/core/random.hpp"
#include "server/core/text.hpp"
#include "server/core/uuid.hpp"

namespace carrel::kobo {
namespace {

constexpr std::size_t token_bytes = 32;  // 4.2
constexpr std::int64_t ten_years = 315'360'000;
constexpr std::size_t longest_state = 1000;  // a longer head would be dropped on its way (3)
constexpr std::string_view some_user = "00000000-0000-4000-8000-000000000001";

}  // namespace

device_tokens new_tokens() { return {.access = random_token(token_bytes), .refresh = random_token(token_bytes)}; }

bool is_ours(std::string_view token) {
  constexpr std::size_t length = (token_bytes * 8 + 5) / 6;  // base64 without padding
  return token.size() == length &&
         std::all_of(token.begin(), token.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
}

std::string device_auth_json(const http::request& in, const device_tokens& t) {
  std::string user_key;
  if (result<json::object> body = json::read_object(in.body())) body->take("UserKey", user_key);
  return json::dump(json::object{{"AccessToken", t.access},
                                 {"RefreshToken", t.refresh},
                                 {"TokenType", "Bearer"},
                                 {"TrackingId", uuid::make()},
                                 {"UserKey", user_key}});
}

std::string discovery_json(std::string_view base) {
  std::string at = std::string(base) + "/oauth";
  return json::dump(
      json::object{{"issuer", at},
                   {"authorization_endpoint", at + "/authorize"},
                   {"token_endpoint", at + "/token"},
                   {"userinfo_endpoint", at + "/userinfo"},
                   {"jwks_uri", at + "/jwks"},
                   {"response_types_supported", json::array{"code", "token"}},
                   {"grant_types_supported", json::array{"authorization_code", "refresh_token"}},
                   {"subject_types_supported", json::array{"public"}},
                   {"id_token_signing_alg_values_supported", json::array{"RS256"}},
                   {"scopes_supported", json::array{"openid", "offline_access"}},
                   {"token_endpoint_auth_methods_supported", json::array{"client_secret_post", "client_secret_basic", "none"}}});
}

std::string oauth_token_json(const device_tokens& t) {
  return json::dump(json::object{{"access_token", t.access},
                                 {"refresh_token", t.refresh},
                                 {"token_type", "Bearer"},
                                 {"expires_in", ten_years},
                                 {"scope", "openid offline_access"},
                                 {"user_id", some_user},
                                 {"AccessToken", t.access},
                                 {"RefreshToken", t.refresh},
                                 {"TokenType", "Bearer"}});
}

http::response authorized(const http::request& in) {
  std::string to = "kobo://UserAuthenticated?code=" + random_token(18);
  std::string state = percent_encode(in.query("state").value_or(""));
  if (!state.empty() && state.size() <= longest_state) to += "&state=" + state;
  return http::redirect(to, 302);
}

}  // namespace carrel::kobo
