#pragma once
// Reading apps built on web views fetch from another origin (opds.md 3.10). Internal to opds.

#include <string>
#include <vector>

#include "server/http/message.hpp"

namespace carrel::opds {

// The setting opds.cors_origins: web apps that may read answers.
class origins {
 public:
  explicit origins(std::vector<std::string> listed) : listed_(std::move(listed)) {}
  // Headers of every answer: the resource policy, and leave for the request's origin when it is listed.
  void admit(const http::request&, http::response&) const;
  // The answer to OPTIONS, which nobody signs in for; admit() adds the rest.
  http::response preflight(const http::request&) const;

 private:
  std::string leave_for(const http::request&) const;  // value of Access-Control-Allow-Origin, "" none
  std::vector<std::string> listed_;
};

}  // namespace carrel::opds
