#include "server/core/error.hpp"

#include "server/core/log.hpp"

namespace carrel {

void broken_promise(const char* expression, const char* file, int line) {
  log::error("broken_promise", {{"expression", expression}, {"file", file}, {"line", line}});
  throw std::logic_error(std::string("broken promise: ") + expression);
}

}  // namespace carrel
