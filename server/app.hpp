#pragma once
// The running service: builds the parts, mounts the routes, owns the order of start and stop.

#include <memory>
#include <string>
#include <vector>

#include "server/environment.hpp"

namespace carrel {

class app {
 public:
  explicit app(environment);
  ~app();

  // Binds every listener; the error names the address. The addresses have real port numbers.
  result<std::vector<std::string>> bind();
  // From here on requests are answered and jobs run.
  void start();
  // Once a second: the private database is started again when it died.
  void tick();
  void reload();  // SIGHUP: certificates
  // Readiness false, acceptors closed, busy requests finish, workers give their leases back, the database stops.
  void stop();
  void stop_now();  // a second signal: no more waiting for requests. From any thread, also while stop() runs

  // The code for /setup while there is no owner; "" afterwards.
  std::string setup_code();

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace carrel
