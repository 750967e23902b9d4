#include "web/pages/parts.hpp"

#include <qrencode.h>

#include <memory>

#include "server/core/text.hpp"
#include "web/format.hpp"

namespace carrel::web {

void form_errors::fill(view& into) const {
  std::vector<view> all;
  for (const auto& [field, words] : items_) {
    view v;
    v.set("error_field", field).set("error_words", words);
    all.push_back(v);
    into.set("wrong_" + field, words);
  }
  into.set("errors", all);
}

std::string local_path(std::string_view path, std::string_view fallback) {
  bool ours = path.size() > 1 && path[0] == '/' && path[1] != '/' && path[1] != '\\' && path.size() < 2000;
  for (char c : path) ours = ours && !is_control(c) && c != '\\';
  return std::string(ours ? path : fallback);
}

std::string back_path(const http::form& form, std::string_view fallback) { return local_path(form.text("back"), fallback); }

std::string appearance_cookie(const http::request& in, std::string_view name, std::string_view value) {
  std::string out = std::string(name) + "=" + std::string(value) + "; Path=/; Max-Age=" + (value.empty() ? "0" : "31536000");
  return out + "; HttpOnly; SameSite=Lax" + (in.scheme() == "https" ? "; Secure" : "");
}

std::string query_with(const http::request& in, std::string_view name, std::string_view value) {
  std::string out;
  auto add = [&](std::string_view key, std::string_view text) {
    out += out.empty() ? "?" : "&";
    out += percent_encode(key) + "=" + percent_encode(text);
  };
  for (const auto& [key, text] : in.queries()) {
    bool dropped = key == name || key == "after" || key == "before" || key == "done" || key == "about" || key == "other";
    if (!dropped && !text.empty()) add(key, text);
  }
  if (!value.empty()) add(name, value);
  return out.empty() ? "?" : out;
}

library::cursor cursor_of(const http::request& in, const std::string& list) {
  using side = library::cursor::side;
  for (auto [name, from] : {std::pair{"after", side::after}, std::pair{"before", side::before}}) {
    std::optional<std::string> token = in.query(name);
    if (!token || token->empty()) continue;
    std::optional<library::cursor> at = library::from_token(*token, list, from);
    if (!at) throw http::problem{400, "This page of the list does not exist any more.", "cursor"};
    return *at;
  }
  return {};
}

view pager(const http::request& in, const std::string& list, const std::optional<library::cursor>& previous,
           const std::optional<library::cursor>& next) {
  view v;
  v.set("previous", previous ? query_with(in, "before", library::to_token(*previous, list)) : std::string());
  v.set("next", next ? query_with(in, "after", library::to_token(*next, list)) : std::string());
  return v;
}

std::vector<view> options(const std::vector<std::pair<std::string, std::string>>& all, std::string_view chosen) {
  std::vector<view> out;
  for (const auto& [value, label] : all) {
    view v;
    v.set("value", value).set("label", label).set("chosen", value == chosen);
    out.push_back(v);
  }
  return out;
}

view qr_code(const std::string& text) {
  std::unique_ptr<QRcode, void (*)(QRcode*)> code(QRcode_encodeString8bit(text.c_str(), 0, QR_ECLEVEL_M), QRcode_free);
  view v;
  v.set("qr_path", "");
  if (!code) return v;  // longer than a code can hold
  constexpr int quiet = 4;
  std::string path;
  for (int y = 0; y < code->width; ++y) {
    for (int x = 0; x < code->width; ++x) {
      if (!(code->data[y * code->width + x] & 1)) continue;
      path += "M" + std::to_string(x + quiet) + " " + std::to_string(y + quiet) + "h1v1h-1z";
    }
  }
  v.set("qr_path", path).set("qr_size", code->width + 2 * quiet);
  return v;
}

view copyable(const visit& v, const std::string& label_key, const std::string& value, bool secret) {
  view out;
  out.set("value_id", "value-" + label_key.substr(label_key.rfind('.') + 1))
      .set("label", v.say.text(label_key))
      .set("value", value);
  out.set("secret", secret);
  return out;
}

view shelf_line(const visit& v, const library::shelf& s) {
  view out;
  out.set("id", s.id.text()).set("name", s.name).set("books", v.say.count("books.count", s.count));
  out.set("mine", s.user_id == v.id()).set("owner_name", s.user_id == v.id() ? "" : s.user_name);
  out.set("shared", s.shared).set("in_opds", s.opds).set("collection", s.collection).set("by_rule", s.kind == "rule");
  return out;
}

view device_line(const visit& v, const library::device& d) {
  view out;
  out.set("id", d.id.text()).set("name", d.name).set("kind", v.say.text("device.kind." + d.kind)).set("owner_name", d.user_name);
  moment(v.say, d.last_seen_at, out, "seen");
  return out;
}

void not_here(const visit& v) { throw http::problem{404, v.say.text("problem.404"), "not_found"}; }

}  // namespace carrel::web
