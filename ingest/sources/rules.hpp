#pragma once
// What an answer means for the source that gave it (metadata-providers.md 3.1 and 11, hardcover.md 2.3 and 4). No sockets, no
// clock.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "server/core/clock.hpp"
#include "server/core/json.hpp"

namespace carrel::ingest::sources {

struct heard {
  unsigned status = 0;
  std::string body, location, retry_after, rate_limit;
};

struct verdict {
  enum class kind {
    deliver,    // the conversation is told
    again,      // 5xx, no connection, nonsense: this question once more after a while; it counts against the source
    later,      // the source wants to be left alone
    wrong,      // this question is not answered; asking again would not help
    attention,  // nobody asks until a person has seen to it: the key, the address
    elsewhere,  // Google Books cannot see in which country it is asked, and is told one
  } how = kind::deliver;
  std::string why{};                           // for people; holds nothing of the request
  std::optional<std::chrono::seconds> wait{};  // as the source says; of `deliver` too
  bool until_midnight = false;                 // of the source
};

verdict judge(std::string_view source, bool with_key, bool posted, const heard&, instant at);

// "120" or an HTTP date; nothing when it is neither. At most a day.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view, instant at);

// How long a source is left alone that does not say it: 30 s, then twice as long each time, up to an hour.
std::chrono::seconds pause_after(int pauses_before);
// 5 s and 30 s; nothing when it was tried often enough.
std::optional<std::chrono::seconds> retry_after(int attempts_before);

constexpr int failures_that_open_the_breaker = 5;
constexpr std::chrono::minutes breaker_time{15};

}  // namespace carrel::ingest::sources
