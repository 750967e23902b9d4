#pragma once

#include <cstddef>
#include <string>

namespace carrel {

// From the operating system's generator.
void random_bytes(void* out, std::size_t count);

// `count` characters from [a-z0-9] without those that look alike (0 o 1 l i); 4.95 bits each.
std::string random_letters(std::size_t count);

// A device password: four groups of four from [a-z0-9], printed with dashes (contract.md 6); 82 bits.
std::string random_device_password();

// `count` characters from [A-Za-z0-9]; 5.95 bits each.
std::string random_alphanumeric(std::size_t count);

// `bytes` random bytes as base64url without padding.
std::string random_token(std::size_t bytes);

}  // namespace carrel
