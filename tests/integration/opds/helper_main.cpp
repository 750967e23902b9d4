#include <csignal>

#include "publication/isolated/pool.hpp"

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  return carrel::publication::isolated::child_main();
}
