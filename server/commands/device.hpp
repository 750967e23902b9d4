#pragma once
// What the commands that concern devices share.

#include "library/device.hpp"
#include "server/commands/command.hpp"

namespace carrel::commands {

struct device_arguments {
  std::string name, user;
};
library::device device_named(db::tx&, const device_arguments&);  // throws stop

// status, resend, restore, reset-sync: for Kobos (server/commands/device_kobo.cpp).
void describe_kobo(CLI::App& device, invocation&);

}  // namespace carrel::commands
