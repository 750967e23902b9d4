#include "kobo/sync_token.hpp"

#include "server/core/digest.hpp"
#include "server/core/json.hpp"
#include "server/core/text.hpp"

namespace carrel::kobo {
namespace {

constexpr std::size_t longest = 300;

std::string proof(const sync_token& t, const uuid& row, std::string_view key) {
  std::string message = "kobo|" + row.text();
  for (std::int64_t part : {t.epoch, t.session, t.next, std::int64_t{t.done}, t.store_page})
    message += "|" + std::to_string(part);
  return hex(hmac_sha256(key, message).substr(0, 8));
}

}  // namespace

std::string write_token(const sync_token& t, const uuid& row, std::string_view key) {
  json::object o;
  o.set("v", 1).set("e", t.epoch).set("s", t.session).set("n", t.next).set("d", t.done ? 1 : 0);
  if (t.store_page != 0) o.set("k", t.store_page);
  o.set("m", proof(t, row, key));
  return base64(json::dump(o));
}

std::optional<sync_token> claimed_token(std::string_view shown) {
  shown = trim(shown);
  if (shown.empty() || shown.size() > longest) return std::nullopt;
  std::optional<std::string> text = base64_decode(shown);
  if (!text) return std::nullopt;
  result<json::object> o = json::read_object(*text);
  if (!o) return std::nullopt;

  sync_token t;
  std::int64_t version = 0, done = 0;
  bool whole =
      o->take("v", version) && o->take("e", t.epoch) && o->take("s", t.session) && o->take("n", t.next) && o->take("d", done);
  o->take("k", t.store_page);
  if (!whole || version != 1 || (done != 0 && done != 1)) return std::nullopt;
  t.done = done == 1;
  return t;
}

std::optional<sync_token> read_token(std::string_view shown, const uuid& row, std::string_view key) {
  std::optional<sync_token> t = claimed_token(shown);
  // The proof, and that nobody added anything to it.
  if (!t || !equal_constant_time(trim(shown), write_token(*t, row, key))) return std::nullopt;
  return t;
}

}  // namespace carrel::kobo
