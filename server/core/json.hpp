#pragma once
// JSON values. Numbers keep the text they were written with, so that 0.4213 comes back as 0.4213 (kosync.md 1.7).

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "server/core/clock.hpp"
#include "server/core/error.hpp"
#include "server/core/uuid.hpp"

namespace carrel::json {

class value;
struct member;

struct number {
  std::string text;  // as written
};

using array = std::vector<value>;

// Members in the order in which they were added, one of a name. (Nothing is defined in the class: `value` is not complete there.)
class object {
 public:
  object();
  object(const object&);
  object(object&&) noexcept;
  object& operator=(const object&);
  object& operator=(object&&) noexcept;
  ~object();
  object(std::initializer_list<member> members);

  object& set(std::string name, value v);                    // replaces or appends
  object& set_if(std::string name, std::optional<value> v);  // nothing when absent
  const value* find(std::string_view name) const;
  value take(std::string_view name);  // moved out; null when absent
  bool empty() const;
  std::size_t size() const;
  const std::vector<std::pair<std::string, value>>& members() const;

  // Reads a member of exactly that type into `out`; false (and `out` untouched) when absent or of another type.
  bool take(std::string_view name, std::string& out) const;
  bool take(std::string_view name, bool& out) const;
  bool take(std::string_view name, double& out) const;
  bool take(std::string_view name, std::int64_t& out) const;
  bool take(std::string_view name, std::vector<std::string>& out) const;

 private:
  std::vector<std::pair<std::string, value>> members_;
};

class value {
 public:
  value() = default;
  value(std::nullptr_t) {}                        // NOLINT(google-explicit-constructor)
  value(std::same_as<bool> auto b) : data_(b) {}  // NOLINT(google-explicit-constructor)
  value(double d);                                // NOLINT(google-explicit-constructor)
  template <std::integral I>
  requires(!std::same_as<I, bool>) value(I i) : data_(number{std::to_string(i)}) {}  // NOLINT(google-explicit-constructor)
  value(number n) : data_(std::move(n)) {}                                           // NOLINT(google-explicit-constructor)
  value(std::string s) : data_(std::move(s)) {}                                      // NOLINT(google-explicit-constructor)
  value(std::string_view s) : data_(std::string(s)) {}                               // NOLINT(google-explicit-constructor)
  value(const char* s) : data_(std::string(s)) {}                                    // NOLINT(google-explicit-constructor)
  value(const uuid& id) : data_(id.text()) {}                                        // NOLINT(google-explicit-constructor)
  value(instant at) : data_(rfc3339(at)) {}                                          // NOLINT(google-explicit-constructor)
  value(array a) : data_(std::move(a)) {}                                            // NOLINT(google-explicit-constructor)
  value(object o) : data_(std::move(o)) {}                                           // NOLINT(google-explicit-constructor)
  template <class T>
  value(const std::optional<T>& o) {
    if (o) *this = value(*o);
  }  // NOLINT(google-explicit-constructor)
  template <class T>
  requires(!std::same_as<T, value>) value(const std::vector<T>& items) {  // NOLINT(google-explicit-constructor)
    array a;
    for (const T& item : items) a.push_back(value(item));
    data_ = std::move(a);
  }

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  const bool* as_bool() const { return std::get_if<bool>(&data_); }
  const number* as_number() const { return std::get_if<number>(&data_); }
  const std::string* as_text() const { return std::get_if<std::string>(&data_); }
  const array* as_array() const { return std::get_if<array>(&data_); }
  const object* as_object() const { return std::get_if<object>(&data_); }

 private:
  std::variant<std::monostate, bool, number, std::string, array, object> data_;
};

// Of an object that is written down with its members. Mutable, because what a list holds is constant and would be copied else,
// with all that is in it.
struct member {
  mutable std::string name;
  mutable value v;
};

// What a parse failure was. A lone surrogate is its own kind because KOSync answers it differently (kosync.md 4.3).
enum class failure { syntax, lone_surrogate, too_deep };

// Depth at most 32. Strings of the result are valid UTF-8 (they may hold U+0000).
result<value, failure> parse(std::string_view);
// As parse, and the document must be an object: error field "json" when it is not JSON, "object" when it is no object.
result<object> read_object(std::string_view);

void append_string(std::string& out, std::string_view);  // quoted; invalid UTF-8 becomes U+FFFD
void append(std::string& out, const value&);
std::string dump(const value&);

}  // namespace carrel::json
