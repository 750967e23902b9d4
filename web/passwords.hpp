#pragma once
// Rules for passwords that people choose, and their slow hash off the I/O threads.

#include <string>

#include "server/core/task.hpp"
#include "web/visit.hpp"

namespace carrel::web {

// Words for the person, "" when the password may be used: 10 to 1024 bytes, not the name.
std::string password_wrong(const messages&, const std::string& name, const std::string& password, const std::string& again);
task<std::string> slow_hash(const site&, std::string password);

}  // namespace carrel::web
