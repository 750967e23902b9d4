#pragma once
// A small blocking HTTP client with a cookie jar; what it sends is what a test says.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/core/json.hpp"

namespace carrel::web::tests {

using headers = std::vector<std::pair<std::string, std::string>>;
using fields = std::vector<std::pair<std::string, std::string>>;

struct reply {
  int status = 0;
  headers head;
  std::string body;                                 // what was streamed, put together
  std::string header(std::string_view name) const;  // "" when absent
  bool says(std::string_view text) const { return body.find(text) != std::string::npos; }
  json::object json() const;                        // throws when it is no object
  std::string text(std::string_view member) const;  // of the JSON object; "" when absent or no text
};

class client {
 public:
  explicit client(unsigned port) : port_(port) {}

  reply send(const std::string& method, const std::string& target, const std::string& body = "", const headers& more = {});
  reply get(const std::string& target, const headers& more = {}) { return send("GET", target, "", more); }
  // A form of a page, with the token of this session unless the fields have one.
  reply post(const std::string& target, fields form = {});
  // The API with the cookie and its token.
  reply api(const std::string& method, const std::string& path, const std::string& body = "");
  reply upload(const std::string& target, const std::string& name, const std::string& bytes, const fields& form,
               const headers& more = {});

  std::map<std::string, std::string> cookies;
  std::string csrf;
  headers always;
  std::function<void(const std::string& so_far)> arrived;  // called as an answer comes in

 private:
  unsigned port_;
};

std::string form_text(const fields&);

}  // namespace carrel::web::tests
