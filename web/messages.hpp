#pragma once
// The words on pages (product.md 10 and 11): a folder for each language, a file for each area. A file is lines `key = text`;
// {name} is a placeholder, and a key with forms
// (`books.count[one]`, `books.count[other]`) is chosen by the language's plural rule. Sentences are never built from pieces.

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/core/error.hpp"

namespace carrel::web {

class messages {
 public:
  using values = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // Keys that the file lacks are taken from `fallback`. Errors name the line.
  static result<messages> parse(const std::string& language, const std::vector<std::string_view>& files,
                                const messages* fallback = nullptr);
  static result<messages> parse(const std::string& language, std::string_view file, const messages* fallback = nullptr) {
    return parse(language, std::vector{file}, fallback);
  }
  // The same texts with accents and longer: shows what is not translatable yet and where the layout breaks. "en-XA", and
  // "ar-XB" to be laid out from right to left.
  static messages pseudo(const messages& english, const std::string& language);

  const std::string& language() const { return language_; }  // BCP 47
  bool right_to_left() const;
  bool is_pseudo() const { return language_.ends_with("-XA") || language_.ends_with("-XB"); }
  bool has(std::string_view key) const;
  const std::string& text(std::string_view key) const;  // throws std::logic_error for a key that no file has
  std::string say(std::string_view key, values) const;
  std::string count(std::string_view key, std::int64_t n) const { return count(key, n, {}); }
  std::string count(std::string_view key, std::int64_t n, values) const;  // fills {n} and picks the form
  std::string number(std::int64_t) const;                                 // with the language's separators
  const std::map<std::string, std::string, std::less<>>& all() const { return texts_; }

 private:
  std::optional<error> add(std::string_view file);
  std::string language_;
  std::map<std::string, std::string, std::less<>> texts_;
};

// Every language there is; English first, the pseudo-languages last.
class languages {
 public:
  languages();
  const std::vector<std::unique_ptr<messages>>& all() const { return all_; }
  const messages& english() const { return *all_.front(); }
  // The account's language, else the best of Accept-Language, else English.
  const messages& choose(std::string_view account, std::string_view accept_language) const;

 private:
  const messages* find(std::string_view tag) const;
  std::vector<std::unique_ptr<messages>> all_;
};

}  // namespace carrel::web
