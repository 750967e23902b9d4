#pragma once
// Replies of strangers: every part may be missing, of another type or endless. What is asked for and is not there is empty.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/json.hpp"

namespace carrel::ingest::sources {

// A place in a JSON value, or nowhere. The value must outlive it.
class node {
 public:
  node() = default;
  explicit node(const json::value& v) : v_(&v) {}

  node operator[](std::string_view name) const;           // nowhere when this is no object
  std::vector<node> items(std::size_t most = 200) const;  // none when this is no array
  std::string text() const;                               // of a string, or of a number as written
  std::optional<double> number() const;                   // of a number, or of a string that is one
  std::optional<std::int64_t> whole() const;              // as number(), 1.0 included
  std::optional<bool> flag() const;
  bool is_object() const { return v_ && v_->as_object(); }
  bool empty() const { return !v_ || v_->is_null(); }
  const json::value* value() const { return v_; }

  std::vector<std::string> texts(std::size_t most = 200) const;  // of an array; one of a string alone
  std::string first_text() const;                                // of a string, or the first of an array
  std::int64_t id() const;                                       // a number above 0; 0 when it is none

 private:
  const json::value* v_ = nullptr;
};

// Null when it is no JSON.
json::value parsed(std::string_view body);

// The value that is there, or the one its text describes: some sources wrap JSON into a string.
json::value unwrapped(const node&);

// A copy that jsonb takes (no U+0000, no endless numbers), at most 256 KiB: long texts and lists are cut when it is too large.
json::value storable(const node&);

}  // namespace carrel::ingest::sources
