#pragma once
// Words for the rule of passwords that people choose (auth::flaw_of), and their slow hash off the I/O threads.

#include <string>

#include "server/core/task.hpp"
#include "web/visit.hpp"

namespace carrel::web {

// Words for the person, "" when the password may be used.
std::string password_wrong(const messages&, const std::string& name, const std::string& password, const std::string& again);
task<std::string> slow_hash(const site&, std::string password);

}  // namespace carrel::web
