#pragma once
// Foreign files are read in processes of their own (ingest.md 23): long-lived children without rights, one file at a time each.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "publication/metadata.hpp"
#include "server/core/error.hpp"

namespace carrel::ingest {

struct inspector_options {
  unsigned processes = 2;
  std::uint64_t memory = 512ULL << 20;    // RLIMIT_DATA
  std::chrono::milliseconds cpu{30'000};  // per file; four times that by the clock
  std::vector<std::string> command{"/proc/self/exe", "inspect"};
};

// A rendition that is cut when a cover comes in (opds.md 5.9); cutting it also proves that the picture can be decoded.
struct thumbnail {
  int edge = 0;
  std::string jpeg;
};

struct inspection {
  publication::opened about;  // its cover is the master that is stored (19.1)
  std::vector<thumbnail> thumbnails;
};

// Safe from any thread; a caller waits for a free child. A child that dies or reaches a limit costs one retry in a fresh one,
// then the file is refused (inspection_crash, inspection_limit).
class inspector_pool {
 public:
  explicit inspector_pool(inspector_options);
  ~inspector_pool();

  result<inspection, publication::refusal> inspect(int descriptor, const std::string& file_name);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

// The whole life of a child: `carrel inspect`, with its socket as descriptor 3.
int inspector_main();

}  // namespace carrel::ingest
