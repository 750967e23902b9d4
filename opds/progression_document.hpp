#pragma once
// Places as apps write them: OPDS Progression 1.0 and the locator of Readium and Cantook (opds.md 11.2, 11.3). Internal to opds
// and its tests.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/clock.hpp"
#include "server/core/error.hpp"
#include "server/core/json.hpp"

namespace carrel::opds {

struct app_device {
  std::string id, name;
};

struct progression_document {
  std::string title;
  instant modified{};  // in whole milliseconds
  app_device device;
  double progression = 0;
  std::vector<std::string> references;
};

struct locator_document {
  instant modified{};
  app_device device;
  std::string href, type, title;
  std::vector<std::string> fragments;
  std::optional<double> progression{}, total_progression{};
  std::optional<std::int64_t> position{};
  std::string before, highlight, after;
};

// Errors name the member. A time that no honest clock could show is `now` (11.4).
result<progression_document> read_progression(std::string_view body, instant now);
result<locator_document> read_locator(std::string_view body, instant now);

json::object to_json(const progression_document&);
json::object to_json(const locator_document&);

std::string milliseconds_text(instant);                      // 2026-05-04T20:15:09.120Z
std::optional<instant> parse_moment(std::string_view text);  // ISO 8601 with a zone, cut to milliseconds

// "17" of "#page=17", "849.25" of "#t=849.25" or "t=849.25"; the first of them that is a number.
std::optional<double> number_in_fragment(const std::vector<std::string>& fragments, std::string_view name);

}  // namespace carrel::opds
