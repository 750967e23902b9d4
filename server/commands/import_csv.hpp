#pragma once

#include "server/commands/command.hpp"

namespace carrel::commands {

void describe_import_csv(CLI::App& import, invocation&);  // `carrel import csv`

}  // namespace carrel::commands
