#pragma once
// Values for input that may be bad (architecture.md 5). Exceptions are for broken promises only.

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

namespace carrel {

// What is wrong and where. `field` names the part (a JSON member, a setting, or a code of ingest.md 22); `reason` is for
// the person who reads it and never repeats the input.
struct error {
  std::string field;
  std::string reason;
  std::string message() const { return field.empty() ? reason : field + ": " + reason; }
  bool operator==(const error&) const = default;
};

// Either a T or an error. Test it before use; value() of a failed one throws std::logic_error.
template <class T, class E = error>
class [[nodiscard]] result {
 public:
  result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  result(E e) : state_(std::in_place_index<1>, std::move(e)) {}          // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return state_.index() == 0; }
  bool ok() const { return state_.index() == 0; }

  T& value() & { return check(), std::get<0>(state_); }
  const T& value() const& { return check(), std::get<0>(state_); }
  T&& value() && { return check(), std::get<0>(std::move(state_)); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const E& error() const {
    if (ok()) throw std::logic_error("result holds a value");
    return std::get<1>(state_);
  }

 private:
  void check() const {
    if (!ok()) throw std::logic_error("result holds an error");
  }
  std::variant<T, E> state_;
};

[[noreturn]] void broken_promise(const char* expression, const char* file, int line);

}  // namespace carrel

// A promise of our own code. When it is broken this logs and throws std::logic_error.
#define CARREL_EXPECT(condition)                                                \
  do {                                                                          \
    if (!(condition)) ::carrel::broken_promise(#condition, __FILE__, __LINE__); \
  } while (false)
