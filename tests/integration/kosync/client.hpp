#pragma once
// What a reader sends: one connection for each request, and nothing that is not said here.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/core/json.hpp"

namespace carrel::kosync::tests {

using headers = std::vector<std::pair<std::string, std::string>>;

struct reply {
  int status = 0;
  headers fields;
  std::string body;

  std::string header(std::string_view name) const;  // "" when absent
  json::object object() const;                      // {} when the body is none
  std::string text(std::string_view member) const;  // a string, or the text of a number; "" when absent
  long code() const;                                // of an error
};

reply send(unsigned port, const std::string& method, const std::string& target, const headers&, const std::string& body = {});

// A reader with its name and key.
struct reader {
  unsigned port = 0;
  std::string name, key;
  std::string base = "/kosync";

  headers sign_in() const;
  reply put(const std::string& body) const;
  reply get(const std::string& document) const;
  // What KOReader sends.
  reply push(const std::string& document, double percentage, const std::string& progress, const std::string& device = "Kobo_nova",
             const std::string& device_id = "3F2504E04F8941D39A0C0305E82C3301") const;
};

std::string push_body(const std::string& document, double percentage, const std::string& progress, const std::string& device,
                      const std::string& device_id);

}  // namespace carrel::kosync::tests
