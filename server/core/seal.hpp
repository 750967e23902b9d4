#pragma once
// Secrets that must be shown to others as they are, encrypted for the database (hardcover.md 3.4).

#include <optional>
#include <string>
#include <string_view>

namespace carrel {

struct sealed {
  std::string cipher;  // ends in its 16-byte tag
  std::string nonce;   // 12 bytes
};

class seal {
 public:
  explicit seal(std::string_view secret);  // any text that nobody can guess

  const std::string& id() const { return id_; }  // tells keys apart and says nothing of them
  // `bound_to` says whose secret it is: under another owner it does not open.
  sealed close(std::string_view plain, std::string_view bound_to) const;
  std::optional<std::string> open(const sealed&, std::string_view bound_to) const;

 private:
  std::string key_, id_;
};

}  // namespace carrel
