#include <algorithm>

#include "opds/negotiation.hpp"
#include "opds/visit.hpp"
#include "server/core/digest.hpp"
#include "server/core/error.hpp"
#include "server/core/text.hpp"

namespace carrel::opds {
namespace {

// Changed whenever the writer's output changes, so that nobody keeps an old form.
constexpr std::string_view writer_format = "4";

// Two accounts never share a tag: their audience numbers alone may be equal.
std::string stamp(const uuid& id) { return hex(std::string_view(reinterpret_cast<const char*>(id.bytes.data()) + 11, 5)); }

}  // namespace

http::validators validators_of(const visit& v, const depends& on) {
  std::int64_t window = on.covers ? v.signing.window : 0;
  std::string tag = "\"";
  tag += writer_format;
  if (v.koreader) tag += 'k';
  if (v.at.form() == form::json) tag += 'j';
  if (v.tongue != tongue::english) tag += code_of(v.tongue);
  tag += "-" + std::to_string(v.gate.catalog.number);
  tag += "-" + stamp(v.viewer) + (on.device && v.device ? stamp(*v.device) : "") + "." + std::to_string(v.gate.audience);
  tag += "-" + std::to_string(on.personal ? v.gate.state : 0);
  tag += "-" + std::to_string(window);
  // Whether the addresses come from the settings or the request: after a change of the settings a tag must not hold, either.
  std::size_t asked_at = std::hash<std::string>()(v.at.base() + " " + v.site + " " + std::to_string(v.page_size));
  tag += "-" + std::to_string(asked_at % 1'000'000'000);
  tag += '"';

  http::validators out{.etag = std::move(tag), .modified = std::nullopt};
  // When an account's limits changed is not known, only that they did.
  bool same_audience = v.gate.audience == 1;
  if (on.personal || on.device || !on.dated || !same_audience) return out;
  // The links of a new window are new content.
  instant changed = v.gate.catalog.changed_at;
  if (window != 0) changed = std::max(changed, instant{std::chrono::seconds{window * v.sign_for}});
  // One second is all Last-Modified can tell, and KOReader caches by it: a second change must not hide behind the first.
  if (now() - changed >= std::chrono::seconds{2}) out.modified = std::chrono::floor<std::chrono::seconds>(changed);
  return out;
}

answer::answer(shared_state& s, const visit& v, std::string type, const depends& on)
    : state_(s), visit_(v), type_(std::move(type)), tags_(validators_of(v, on)), kept_(on.kept) {
  if (type_.starts_with("application/atom+xml")) type_ += ";charset=utf-8";  // JSON is UTF-8 anyway
}

std::optional<http::response> answer::early(const std::string& key) {
  CARREL_EXPECT(kept_);
  if (http::unchanged(*visit_.in, tags_)) {
    http::response r = http::not_modified(tags_);
    dress(r);
    return r;
  }
  if (key.empty() || head_only()) return std::nullopt;
  key_ = tags_.etag + key;
  std::shared_ptr<const std::string> kept = state_.bodies.find(key_);
  if (!kept) return std::nullopt;
  http::response r = head();
  r.body = *kept;
  return r;
}

bool answer::head_only() const { return visit_.in->method() == http::verb::head; }

http::response answer::head() const {
  http::response r;
  r.headers.reserve(10);
  r.headers.emplace_back("Content-Type", type_);
  if (kept_) r.headers.emplace_back("ETag", tags_.etag);
  if (kept_ && tags_.modified) r.headers.emplace_back("Last-Modified", http_date(*tags_.modified));
  dress(r);
  return r;
}

http::response answer::full(std::string body) {
  http::response r = head();
  if (!key_.empty()) state_.bodies.keep(key_, std::make_shared<const std::string>(body), body.size());
  r.body = std::move(body);
  return r;
}

void answer::dress(http::response& r) const {
  r.headers.emplace_back("Cache-Control", kept_ ? "private, no-cache" : "no-store");
  constexpr std::string_view everywhere = "Authorization, Accept-Encoding, User-Agent, Accept-Language";
  r.headers.emplace_back("Vary", std::string(everywhere) + (is_common_root(*visit_.in) ? ", Accept" : ""));
}

}  // namespace carrel::opds
