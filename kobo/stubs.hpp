#pragma once
// What a Kobo asks beside its library: the store's shop window, which is empty here (kobo.md 14). Whatever is asked is answered
// with 200, because a refusal on one of these makes a device give up the sync (kobo.md 3).

#include <string>

#include "server/http/message.hpp"

namespace carrel::kobo {

// `path`: below the device's base, "/v1/user/profile".
http::response stub_answer(const http::request&, std::string_view path);

}  // namespace carrel::kobo
