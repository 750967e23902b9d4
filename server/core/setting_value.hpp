#pragma once
// What a setting's value may be. Internal to server/core.

#include <optional>
#include <string>

#include "server/core/config.hpp"

namespace carrel {

// nullopt when `value` is good for the key, else what it must be: "must be ...". Never repeats the value.
std::optional<std::string> flaw_of(const setting_key&, const std::string& value);

// A database address or another URL with its passwords masked; rather too much than too little.
std::string without_passwords(std::string text);

}  // namespace carrel
