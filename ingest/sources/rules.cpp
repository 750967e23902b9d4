#include "ingest/sources/rules.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "library/storable.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest::sources {
namespace {

using namespace std::chrono_literals;
using kind = verdict::kind;

constexpr std::chrono::seconds longest_wait = 24h, longest_pause = 1h;
constexpr std::size_t longest_reason = 200;

std::string text_in(const json::object& o, std::string_view name) {
  std::string out;
  o.take(name, out);
  return out;
}

const json::object* object_in(const json::object& o, std::string_view name) {
  const json::value* v = o.find(name);
  return v != nullptr ? v->as_object() : nullptr;
}

const json::value* first_of(const json::object& o, std::string_view name) {
  const json::value* v = o.find(name);
  return v != nullptr && v->as_array() != nullptr && !v->as_array()->empty() ? &v->as_array()->front() : nullptr;
}

// The words for what went wrong; services say it in many forms (hardcover.md 2.3).
struct complaint {
  std::string code, words;
};

void read_first_error(const json::object& o, complaint& out) {
  const json::value* first = first_of(o, "errors");
  if (first == nullptr) return;
  if (const std::string* bare = first->as_text()) out.code = *bare;
  const json::object* one = first->as_object();
  if (one == nullptr) return;
  if (const json::object* more = object_in(*one, "extensions")) out.code = text_in(*more, "code");
  if (out.code.empty()) out.code = text_in(*one, "reason");
  if (std::string words = text_in(*one, "message"); !words.empty()) out.words = words;
}

complaint complaint_of(const json::value& body) {
  complaint out;
  const json::object* o = body.as_object();
  if (o == nullptr) return out;
  out.code = text_in(*o, "error");
  read_first_error(*o, out);
  if (const json::object* e = object_in(*o, "error")) {
    out.words = text_in(*e, "message");
    read_first_error(*e, out);
    if (out.code.empty()) out.code = text_in(*e, "code");
    if (out.code.empty()) out.code = text_in(*e, "status");
  }
  if (out.words.empty()) out.words = text_in(*o, "error_description");
  if (out.words.empty()) out.words = text_in(*o, "message");
  return out;
}

bool is_any(std::string_view code, std::initializer_list<std::string_view> known) {
  return std::find(known.begin(), known.end(), code) != known.end();
}

std::string reason(const heard& h, const complaint& c) {
  std::string out = std::to_string(h.status);
  if (!c.code.empty() && c.code != out) out += " " + c.code;
  if (!c.words.empty() && c.words != c.code) out += ": " + c.words;
  return library::storable_note(out, longest_reason);
}

// `"Free";r=8;t=42, "daily";r=4231;t=51234`: what is left, and until when (hardcover.md 4).
struct spent {
  std::optional<std::chrono::seconds> wait;
  bool for_the_day = false;
};
spent read_rate_limit(std::string_view header) {
  spent out;
  for (const std::string& policy : split(header.substr(0, 1000), ',')) {
    std::optional<double> left, until;
    for (const std::string& part : split(policy, ';')) {
      if (part.starts_with("r=")) left = to_double(part.substr(2));
      if (part.starts_with("t=")) until = to_double(part.substr(2));
    }
    if (!left || *left > 0) continue;
    bool daily = lower_ascii(policy).find("daily") != std::string::npos;
    out.for_the_day = out.for_the_day || daily;
    double seconds = std::clamp(until.value_or(1), 1.0, daily ? 86'400.0 : 3'600.0);
    out.wait = std::max(out.wait.value_or(0s), std::chrono::seconds(static_cast<std::int64_t>(seconds)));
  }
  return out;
}

verdict throttled(std::string_view source, const heard& h, const complaint& c, instant at) {
  verdict out{.how = kind::later, .why = reason(h, c), .wait = parse_retry_after(h.retry_after, at)};
  spent left = read_rate_limit(h.rate_limit);
  if (left.wait) out.wait = std::max(out.wait.value_or(0s), *left.wait);
  bool quota = is_any(c.code, {"dailyLimitExceeded", "quotaExceeded", "dailyLimitExceededUnreg"});
  out.until_midnight = left.for_the_day || (source == "google_books" && quota);
  return out;
}

// 200 and yet no success: GraphQL tells its errors so.
verdict judge_graph(const heard& h, const complaint& c) {
  bool about_token = c.code == "invalid-jwt" || c.words.find("JWT") != std::string::npos;
  bool about_scope = c.words.starts_with("field '") && c.words.find("not found in type") != std::string::npos;
  return {.how = about_token || about_scope ? kind::attention : kind::wrong, .why = reason(h, c)};
}

verdict judge_refusal(std::string_view source, bool with_key, const heard& h, const complaint& c, instant at) {
  bool google = source == "google_books";
  verdict out{.how = kind::wrong, .why = reason(h, c)};
  if (google && c.code == "unknownLocation") {
    out.how = kind::elsewhere;
  } else if (h.status == 403 && (is_any(c.code, {"rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded",
                                                 "quotaExceeded", "dailyLimitExceededUnreg"}))) {
    out = throttled(source, h, c, at);
  } else if (h.status == 403 && (c.code + c.words).find("Your quota has been reached") != std::string::npos) {
    out.how = kind::later;
    out.until_midnight = true;
  } else if (source == "hardcover" && h.status == 403 && c.code != "insufficient_scope") {
    out.how = kind::wrong;  // a document of ours that it does not take
  } else if (with_key && (h.status == 401 || h.status == 403)) {
    out.how = kind::attention;
  } else if (google && h.status == 400 && (c.code == "API_KEY_INVALID" || c.words.find("API key") != std::string::npos)) {
    out.how = kind::attention;
  } else if (h.status == 401 || h.status == 403) {
    out.how = kind::again;  // without a key it is the caller that is not liked, and the next question fares no better
  } else if (h.status == 408) {
    out.how = kind::again;
  }
  return out;
}

}  // namespace

std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, instant at) {
  text = trim(text);
  std::optional<std::int64_t> seconds;
  if (!text.empty() && text.size() <= 12 && text.find_first_not_of("0123456789") == text.npos) {
    seconds = to_integer(text);
  } else if (std::optional<std::chrono::sys_seconds> when = parse_http_date(text)) {
    seconds = std::max<std::int64_t>(0, (*when - std::chrono::floor<std::chrono::seconds>(at)).count());
  }
  if (!seconds) return std::nullopt;
  return std::min<std::chrono::seconds>(std::chrono::seconds(*seconds), longest_wait);
}

std::chrono::seconds pause_after(int pauses_before) {
  return std::min<std::chrono::seconds>(30s * (1 << std::clamp(pauses_before, 0, 10)), longest_pause);
}

std::optional<std::chrono::seconds> retry_after(int attempts_before) {
  constexpr std::array<std::chrono::seconds, 2> waits{5s, 30s};
  auto n = static_cast<std::size_t>(std::max(attempts_before, 0));
  return n < waits.size() ? std::optional(waits[n]) : std::nullopt;
}

verdict judge(std::string_view source, bool with_key, bool posted, const heard& h, instant at) {
  auto body = json::parse(h.body);
  complaint c = body ? complaint_of(*body) : complaint{};
  if (h.status == 429 || h.status == 503) return throttled(source, h, c, at);
  if (h.status >= 500) return {.how = kind::again, .why = reason(h, c)};
  if (h.status < 200) return {.how = kind::again, .why = "an answer of no sense"};
  if (posted && ((h.status >= 300 && h.status < 400) || h.status == 404))
    return {.how = kind::attention, .why = reason(h, c) + ": the address is not the right one"};
  if (h.status == 404 || (h.status >= 300 && h.status < 400)) return {};
  if (h.status >= 400) return judge_refusal(source, with_key, h, c, at);
  if (!body || body->is_null()) return {.how = kind::again, .why = "the answer is no JSON"};
  if (posted && (!c.code.empty() || !c.words.empty())) return judge_graph(h, c);
  spent left = read_rate_limit(h.rate_limit);
  return {.wait = left.wait, .until_midnight = left.for_the_day};
}

}  // namespace carrel::ingest::sources
