#pragma once
// Who a device believes to be: the answers of the account services that it asks before its library (kobo.md 4.2 to 4.4). The
// path token alone admits; what is given out here is only so that the device goes on, and lasts long because it stops syncing
// when a token of these runs out.

#include <string>
#include <string_view>

#include "server/http/message.hpp"

namespace carrel::kobo {

struct device_tokens {
  std::string access, refresh;
};
device_tokens new_tokens();
bool is_ours(std::string_view token);  // by its shape; the store's are much longer

// auth/device, auth/refresh and the exchanges: the five fields of 4.2.
std::string device_auth_json(const http::request&, const device_tokens&);
std::string discovery_json(std::string_view base);
std::string oauth_token_json(const device_tokens&);
// Back to the device's own address with a code, as the sign-in page would do it.
http::response authorized(const http::request&);

}  // namespace carrel::kobo
