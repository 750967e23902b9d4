// Random pushes and fetches of three devices against a model of kosync.md 9.3, 9.4 that is written for clarity alone.
#include <catch2/catch.hpp>

#include <random>

#include "kosync/progress.hpp"
#include "library/position.hpp"
#include "tests/integration/kosync/world.hpp"

using namespace carrel;
using namespace carrel::kosync::tests;

namespace {

struct event {
  bool put = false;
  int device = 0, document = 0;
  double percentage = 0;
  instant at{};
  bool accepted = true;  // of a push
};

// Everything that ever happened, asked anew for each push.
class model {
 public:
  explicit model(bool own_passwords) : own_(own_passwords) {}

  // The index in `all` of the push that is current.
  int current(int document) const {
    int found = -1;
    for (int i = 0; i < size(); ++i) {
      if (at(i).put && at(i).document == document && at(i).accepted) found = i;
    }
    return found;
  }

  // The push that made the present place current: repeats do not count.
  int made_current(int document) const {
    int found = current(document), i = found;
    for (; i >= 0; --i) {
      const event& e = at(i);
      if (!e.put || e.document != document || !e.accepted) continue;
      if (e.device != at(found).device || e.percentage != at(found).percentage) break;
      found = i;
    }
    return found;
  }

  std::string judge(const event& p) const {
    int h = made_current(p.document);
    if (!own_ || h < 0 || at(h).device == p.device || p.percentage >= at(h).percentage - 0.005) return "";
    bool knows = false, echo = false, burst = false;
    for (int i = 0; i < size(); ++i) {
      const event& e = at(i);
      if (e.device != p.device) continue;
      bool same_document = e.document == p.document;
      if (i > h && same_document && (!e.put || e.accepted)) knows = true;
      if (i < h && same_document && e.put && e.percentage == p.percentage) echo = true;
      if (e.put)
        burst = p.at - e.at < std::chrono::seconds(10);
      else if (current(e.document) >= 0)
        burst = false;
    }
    return !knows ? "unseen" : echo ? "echo" : burst ? "burst" : "";
  }

  std::optional<event> current_event(int document) const {
    int i = current(document);
    return i < 0 ? std::nullopt : std::optional(at(i));
  }

  void happened(const event& e) { all_.push_back(e); }

 private:
  int size() const { return static_cast<int>(all_.size()); }
  const event& at(int i) const { return all_[static_cast<std::size_t>(i)]; }
  bool own_;
  std::vector<event> all_;
};

}  // namespace

TEST_CASE("random pushes and fetches agree with the model", "[model]") {
  world w;
  const library::put_policy policy;
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    bool own = seed % 4 != 0;
    uuid user = w.add_user("reader " + std::to_string(seed));
    std::vector<uuid> devices{uuid::make(), uuid::make(), uuid::make()};
    model m(own);
    set_time clock(now());

    for (int step = 0; step < 25; ++step) {
      // Pushes of a moment come as one batch, in which each counts after the one before.
      static constexpr int pauses[] = {0, 1, 6, 8, 12, 60};
      clock.pass(std::chrono::seconds(pauses[below(6)]));
      if (below(3) == 0) {
        event get{.put = false, .device = below(3), .document = below(2), .percentage = 0, .at = now(), .accepted = true};
        std::vector<library::fetch> wanted{
            {.user = user, .document = "d" + std::to_string(get.document), .credential = std::nullopt}};
        if (own) wanted[0].credential = devices[static_cast<std::size_t>(get.device)];
        clock.pass(std::chrono::seconds(6));
        get.at = now();
        w.other().read_now([&](db::tx& tx) { return library::get_positions(tx, wanted); });
        m.happened(get);
        continue;
      }
      std::vector<library::position> batch;
      std::vector<event> events;
      std::vector<std::string> expected;
      for (int n = 1 + below(4); n > 0; --n) {
        event e{.put = true,
                .device = below(3),
                .document = below(2),
                .percentage = 0.1 * (1 + below(8)),
                .at = now(),
                .accepted = true};
        library::position p;
        p.user = user;
        p.document = "d" + std::to_string(e.document);
        p.progress = "at " + std::to_string(e.percentage);
        p.device = "device " + std::to_string(e.device);
        p.percentage = e.percentage;
        p.timestamp = unix_seconds(now());
        p.device_key = kosync::device_key(p.device, std::nullopt);
        if (own) {
          p.credential = devices[static_cast<std::size_t>(e.device)];
          p.device_key = kosync::device_key(*p.credential);
        }
        expected.push_back(m.judge(e));
        e.accepted = expected.back().empty();
        m.happened(e);
        events.push_back(e);
        batch.push_back(std::move(p));
      }
      auto stored = w.other().write_now([&](db::tx& tx) { return library::put_positions(tx, batch, policy); });
      INFO("seed " << seed << ", step " << step);
      for (std::size_t i = 0; i < batch.size(); ++i) {
        INFO("push " << i << " of device " << events[i].device << " for " << batch[i].document << " at " << events[i].percentage);
        REQUIRE(stored[i].reason == expected[i]);
      }
    }

    std::vector<std::optional<library::position>> now_at = w.other().read_now([&](db::tx& tx) {
      std::vector<library::fetch> both{{user, "d0", std::nullopt}, {user, "d1", std::nullopt}};
      return library::get_positions(tx, both);
    });
    for (int d = 0; d < 2; ++d) {
      std::optional<event> wanted = m.current_event(d);
      const std::optional<library::position>& found = now_at[static_cast<std::size_t>(d)];
      INFO("seed " << seed << ", document " << d);
      REQUIRE(found.has_value() == wanted.has_value());
      if (!found) continue;
      REQUIRE(found->percentage == wanted->percentage);
      REQUIRE(found->device == "device " + std::to_string(wanted->device));
    }
  }
}
