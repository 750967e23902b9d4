#include "library/position_judge.hpp"

#include <algorithm>
#include <chrono>

namespace carrel::library {
namespace {

constexpr double behind = 0.005;           // kosync.md 9.4: less is the same page
constexpr double started_again = 0.05;     // kosync.md 9.5
constexpr std::chrono::seconds drain{10};  // pushes of a reader are 25 s apart, those of an emptying queue are not

}  // namespace

bool is_behind(double percentage, double of) { return percentage < of - behind; }

std::string_view reason_to_hold(const current_place& now_at, const place& pushed, std::int64_t seen, const evidence& e,
                                instant now) {
  if (now_at.at.device_key == pushed.device_key || !is_behind(pushed.percentage, now_at.at.percentage)) return "";
  if (seen < now_at.revision) return "unseen";
  if (e.sent_at && *e.sent_at < now_at.revision) return "echo";
  // A fetch between two pushes is a person at work, not a queue that empties itself before it asks.
  bool asked_since = e.last_get && e.last_put && *e.last_get > *e.last_put;
  if (e.last_put && !asked_since && now - *e.last_put < drain) return "burst";
  return "";
}

void document_state::put_current(const place& p, std::int64_t timestamp, const std::optional<uuid>& history) {
  changed = true;
  if (current && current->at == p) {
    current->timestamp = timestamp;
    return;
  }
  moved = true;
  current = current_place{.at = p, .timestamp = timestamp, .revision = current ? current->revision + 1 : 1, .history = history};
}

// Policy furthest, and the device that is furthest went back: the furthest of all devices leads.
void document_state::lead_again(const push& p, std::int64_t timestamp) {
  const device_place* first = &devices[p.at.device_key];
  for (const auto& [key, d] : devices) {
    if (d.counts && d.last && d.last->percentage > first->last->percentage) first = &d;
  }
  put_current(*first->last, timestamp, first->history);
}

verdict document_state::apply(const push& p, const evidence& e, const uuid& history, instant now) {
  device_place& mine = devices[p.at.device_key];
  verdict v{.timestamp = std::max(p.timestamp, current ? current->timestamp : 0), .accepted = true, .reason = {}};
  if (current && p.hold && !p.furthest) v.reason = reason_to_hold(*current, p.at, mine.seen, e, now);
  v.accepted = v.reason.empty();

  bool repeats_itself = mine.last == p.at && mine.held == !v.accepted;
  bool lower = p.furthest && current && p.at.percentage < current->at.percentage;
  bool leader = current && current->at.device_key == p.at.device_key;
  bool restart = lower && (p.chosen || (leader && p.at.percentage < started_again));
  bool aside = !v.accepted || (lower && !leader && !p.chosen);
  v.current = !aside;
  v.remember = aside || (lower && !restart) ? !repeats_itself : !(current && current->at == p.at);

  mine.touched = mine.pushed = true;
  mine.last = p.at;
  mine.held = !v.accepted;
  mine.counts = v.accepted;
  if (v.remember) mine.history = history;
  if (aside) return v;

  if (restart) {
    for (auto& [key, d] : devices) {
      if (&d == &mine) continue;
      d.counts = false;
      d.touched = true;
    }
  }
  if (lower && !restart)
    lead_again(p, v.timestamp);
  else
    put_current(p.at, v.timestamp, mine.history);
  v.current = current->at == p.at;
  mine.seen = v.current ? current->revision : mine.seen;
  return v;
}

}  // namespace carrel::library
