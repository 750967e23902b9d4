#pragma once
// A ZIP archive that is handed over while it is made. Entries stand in it as they are: books are packed already.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/core/clock.hpp"

namespace carrel::publication {

class zip_stream {
 public:
  zip_stream();
  ~zip_stream();
  zip_stream(const zip_stream&) = delete;
  zip_stream& operator=(const zip_stream&) = delete;

  // An entry of that many bytes; then its bytes. False when the archive cannot go on: what was taken of it is no archive.
  bool begin(const std::string& name, std::uint64_t size, instant modified);
  bool add(std::string_view bytes);
  bool finish();

  std::string take();  // what came to be of the archive since the last time

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace carrel::publication
