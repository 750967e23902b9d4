#pragma once
// How to sign in, for apps (opds.md 4.3), and how problems are told on device paths. Internal to opds.

#include <string>

#include "opds/words.hpp"
#include "server/http/links.hpp"
#include "server/http/message.hpp"

namespace carrel::opds {

inline constexpr std::string_view auth_type = "application/opds-authentication+json";

// `devices` and `pages`: the public addresses without a slash.
std::string auth_document(const std::string& devices, const std::string& pages, tongue);

// 401: the authentication document and its headers (opds.md 3.12); anything else one line of text. In the reader's language.
http::response render(const http::links&, const http::context&, const http::problem&);

}  // namespace carrel::opds
