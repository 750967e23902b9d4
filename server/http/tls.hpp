#pragma once
// The server's certificate, which can be replaced while connections go on.

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "server/core/error.hpp"

namespace boost::asio::ssl {
class context;
}

namespace carrel::http {

class certificates {
 public:
  certificates(std::string cert, std::string key);
  bool used() const { return !cert_.empty(); }
  // Reads both files; a failure keeps what was there.
  std::optional<error> load();
  bool changed() const;  // on disk since the last load()
  std::shared_ptr<boost::asio::ssl::context> current() const;

 private:
  using times = std::pair<std::filesystem::file_time_type, std::filesystem::file_time_type>;
  times modified() const;
  std::string cert_, key_;
  mutable std::mutex lock_;
  std::shared_ptr<boost::asio::ssl::context> context_;
  times loaded_{};
};

}  // namespace carrel::http
