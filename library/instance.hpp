#pragma once

#include <string>

#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// Who this installation is; made once, the same in every process.
uuid instance_id(db::tx&);

// 32 random bytes under a name, made once under a lock, shared by all processes (architecture.md 11).
std::string signing_key(db::tx&, const std::string& name);

}  // namespace carrel::library
