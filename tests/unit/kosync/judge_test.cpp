// The rules of kosync.md 9.4 and 9.5 without a database.
#include <catch2/catch.hpp>

#include "library/position_judge.hpp"

using namespace carrel;
using namespace carrel::library;
using namespace std::chrono_literals;

namespace {

const instant noon = instant(std::chrono::hours(24 * 365 * 50));

place at(const std::string& device, double percentage) {
  return {.progress = "p" + std::to_string(percentage),
          .device = device,
          .device_id = {},
          .device_key = device,
          .percentage = percentage};
}

current_place current_at(const std::string& device, double percentage, std::int64_t revision) {
  return {.at = at(device, percentage), .timestamp = 100, .revision = revision, .history = {}};
}

push pushed(const std::string& device, double percentage, std::int64_t timestamp, bool furthest = false, bool hold = true) {
  return {.at = at(device, percentage), .timestamp = timestamp, .furthest = furthest, .hold = hold};
}

}  // namespace

TEST_CASE("under policy furthest a lower place counts when a person chose it") {
  document_state d;
  d.current = current_at("X", 0.9, 5);
  d.devices["X"].last = at("X", 0.9);
  push chosen = pushed("b:carrel", 0.3, 200, true);
  chosen.chosen = true;
  verdict v = d.apply(chosen, {}, uuid::make(), noon);
  CHECK(v.current);
  CHECK(d.current->at.percentage == 0.3);
  CHECK_FALSE(d.devices["X"].counts);  // nothing from before brings the old one back
  CHECK(d.apply(pushed("X", 0.31, 300, true), {}, uuid::make(), noon).current);
}

TEST_CASE("reasons to hold, as a table") {
  struct row {
    const char* what;
    const char* device;
    double percentage;
    std::int64_t seen;
    std::optional<std::int64_t> sent_at;
    std::optional<instant> last_put, last_get;
    const char* reason;
  };
  for (const row& t : std::vector<row>{
           {"never asked", "Y", 0.1, 0, {}, {}, {}, "unseen"},
           {"asked before the push", "Y", 0.1, 4, {}, {}, {}, "unseen"},
           {"unseen comes before echo and burst", "Y", 0.1, 4, 3, noon - 1s, {}, "unseen"},
           {"saw it", "Y", 0.1, 5, {}, {}, {}, ""},
           {"its own place", "X", 0.1, 0, 1, noon - 1s, {}, ""},
           {"forward", "Y", 0.95, 0, {}, {}, {}, ""},
           {"equal", "Y", 0.9, 0, {}, {}, {}, ""},
           {"within half a percent", "Y", 0.8951, 0, {}, {}, {}, ""},
           {"just more than half a percent", "Y", 0.8949, 0, {}, {}, {}, "unseen"},
           {"stood there before", "Y", 0.1, 5, 4, {}, {}, "echo"},
           {"stood there since", "Y", 0.1, 5, 5, {}, {}, ""},
           {"second push at once", "Y", 0.1, 5, {}, noon - 9s, {}, "burst"},
           {"fetched before both", "Y", 0.1, 5, {}, noon - 9s, noon - 10s, "burst"},
           {"fetched in between", "Y", 0.1, 5, {}, noon - 9s, noon - 5s, ""},
           {"ten seconds later", "Y", 0.1, 5, {}, noon - 10s, {}, ""},
       }) {
    INFO(t.what);
    evidence e{.sent_at = t.sent_at, .last_put = t.last_put, .last_get = t.last_get};
    CHECK(reason_to_hold(current_at("X", 0.9, 5), at(t.device, t.percentage), t.seen, e, noon) == t.reason);
  }
}

TEST_CASE("the first push is current, whatever it is") {
  document_state d;
  verdict v = d.apply(pushed("X", 0, 50), {}, uuid::make(), noon);
  CHECK(v.accepted);
  CHECK(v.remember);
  CHECK(v.current);
  CHECK(d.current->revision == 1);
  CHECK(d.devices["X"].seen == 1);
}

TEST_CASE("time never runs backwards in a row, and repeats only move time") {
  document_state d;
  d.apply(pushed("X", 0.5, 100), {}, uuid::make(), noon);
  verdict again = d.apply(pushed("X", 0.5, 90), {}, uuid::make(), noon);
  CHECK(again.timestamp == 100);
  CHECK_FALSE(again.remember);
  CHECK(d.current->revision == 1);
  CHECK(d.apply(pushed("X", 0.5, 120), {}, uuid::make(), noon).timestamp == 120);
  CHECK(d.current->timestamp == 120);
}

TEST_CASE("a held push changes nothing but its own row") {
  document_state d;
  d.apply(pushed("X", 0.9, 100), {}, uuid::make(), noon);
  verdict v = d.apply(pushed("Y", 0.1, 110), {}, uuid::make(), noon);
  CHECK_FALSE(v.accepted);
  CHECK_FALSE(v.current);
  CHECK(v.reason == "unseen");
  CHECK(v.timestamp == 110);
  CHECK(d.current->at == at("X", 0.9));
  CHECK(d.current->timestamp == 100);
  CHECK(d.devices["Y"].held);
  CHECK_FALSE(d.apply(pushed("Y", 0.1, 120), {}, uuid::make(), noon).remember);
  CHECK(d.apply(pushed("Y", 0.2, 120), {}, uuid::make(), noon).remember);
}

TEST_CASE("without the hold rules the last one wins") {
  document_state d;
  d.apply(pushed("X", 0.9, 100, false, false), {}, uuid::make(), noon);
  d.apply(pushed("Y", 0.1, 100, false, false), {}, uuid::make(), noon);
  CHECK(d.current->at == at("Y", 0.1));
  CHECK(d.current->revision == 2);
}

TEST_CASE("furthest: the greatest of the last places of all devices since the restart") {
  document_state d;
  auto push_at = [&](const char* device, double percentage) {
    return d.apply(pushed(device, percentage, 100, true), {}, uuid::make(), noon);
  };
  push_at("X", 0.6);
  CHECK_FALSE(push_at("Y", 0.4).current);
  CHECK(d.current->at == at("X", 0.6));
  push_at("X", 0.3);
  CHECK(d.current->at == at("Y", 0.4));
  push_at("Y", 0.35);
  CHECK(d.current->at == at("Y", 0.35));
  push_at("Y", 0.01);
  CHECK(d.current->at == at("Y", 0.01));
  CHECK_FALSE(d.devices["X"].counts);
  push_at("X", 0.02);
  CHECK(d.current->at == at("X", 0.02));
}

TEST_CASE("furthest: every place is accepted, aside or not, and remembered once") {
  document_state d;
  auto push_at = [&](const char* device, double percentage) {
    return d.apply(pushed(device, percentage, 100, true), {}, uuid::make(), noon);
  };
  push_at("X", 0.6);
  verdict v = push_at("Y", 0.4);
  CHECK(v.accepted);
  CHECK(v.remember);
  CHECK_FALSE(push_at("Y", 0.4).remember);
}
