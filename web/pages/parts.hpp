#pragma once
// Pieces that several pages use.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "library/cursor.hpp"
#include "library/device.hpp"
#include "library/shelf.hpp"
#include "server/http/multipart.hpp"
#include "web/visit.hpp"

namespace carrel::web {

// What was wrong with a form: shown in a summary and next to the field.
class form_errors {
 public:
  void add(std::string field, std::string words) { items_.emplace_back(std::move(field), std::move(words)); }
  bool empty() const { return items_.empty(); }
  void fill(view&) const;  // errors[], and wrong_<field> with the words

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

// `path` when it is one of ours, else `fallback`.
std::string local_path(std::string_view path, std::string_view fallback);
// The same of the hidden field `back`.
std::string back_path(const http::form&, std::string_view fallback);

// Set-Cookie that remembers a theme or language in this browser; an empty value forgets it.
std::string appearance_cookie(const http::request&, std::string_view name, std::string_view value);

// The query of this page with one name changed; an empty value takes it out. Cursors are always taken out.
std::string query_with(const http::request&, std::string_view name, std::string_view value);

library::cursor cursor_of(const http::request&,
                          const std::string& list);  // from ?after= or ?before=; 400 for a token of another list
view pager(const http::request&, const std::string& list, const std::optional<library::cursor>& previous,
           const std::optional<library::cursor>& next);

std::vector<view> options(const std::vector<std::pair<std::string, std::string>>& value_and_label, std::string_view chosen);

// A picture of the text as a QR code: {size, path} for the part "qr".
view qr_code(const std::string& text);

// A large value with a copy button (part "value").
view copyable(const visit&, const std::string& label_key, const std::string& value, bool secret = false);

view shelf_line(const visit&, const library::shelf&);
view device_line(const visit&, const library::device&);
[[noreturn]] void not_here(const visit&);

}  // namespace carrel::web
