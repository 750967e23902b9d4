#pragma once
// Style, script and pictures under /static, with the hash of their content in the name so that browsers keep them for ever.

#include <map>
#include <string>
#include <string_view>

#include "server/http/message.hpp"

namespace carrel::web {

class assets {
 public:
  assets();
  // "app.js" -> "/static/app.0123456789.js"
  const std::string& path(std::string_view name) const;
  http::response serve(const http::request&, std::string_view file) const;  // problem 404 for unknown names

 private:
  struct entry {
    std::string_view text, type, hash;
  };
  std::map<std::string, std::string, std::less<>> paths_;
  std::map<std::string, entry, std::less<>> files_;
};

}  // namespace carrel::web
