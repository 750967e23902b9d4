#pragma once
// A small blocking HTTP client: what it sends is exactly what a test says.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel::opds::tests {

using headers = std::vector<std::pair<std::string, std::string>>;

struct reply {
  int status = 0;
  headers fields;
  std::string body;
  std::string header(std::string_view name) const;  // "" when absent
  bool has(std::string_view name) const;
};

class client {
 public:
  explicit client(unsigned port) : port_(port) {}
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  reply send(const std::string& method, const std::string& target, const headers& = {}, const std::string& body = "");
  // The same up to the answer's head; its body is left on its way.
  reply begin(const std::string& method, const std::string& target, const headers& = {}, const std::string& body = "");
  reply get(const std::string& target, const headers& h = {}) { return send("GET", target, h); }
  reply head(const std::string& target, const headers& h = {}) { return send("HEAD", target, h); }

  reply put(const std::string& target, const std::string& body, const std::string& type) {
    return send("PUT", target, {{"Content-Type", type}, {"Content-Length", std::to_string(body.size())}}, body);
  }

  headers always;  // sent with every request; a header of the same name in a call replaces it

 private:
  void open();
  void close_it();
  std::string read_until(std::string_view mark);
  std::string read_count(std::size_t);
  bool fill();

  unsigned port_;
  int socket_ = -1;
  std::string in_;
};

std::string basic(const std::string& user, const std::string& password);

}  // namespace carrel::opds::tests
