#pragma once
// A storefront whose Kobos may ask the real store, and that store.

#include "library/kobo_options.hpp"
#include "tests/harness/peer.hpp"
#include "tests/integration/kobo/storefront.hpp"

namespace carrel::kobo::tests {

// The two hosts of Kobo that may be asked, and a storefront whose devices may ask them.
struct two_shops {
  static std::string nothing(const harness::heard&) { return harness::said(404, "{}"); }

  harness::peer api{nothing}, reading{nothing};
  storefront here;

  explicit two_shops(const char* setting = "on")
      : here(headers{{"kobo.passthrough", setting}}, {.api = api.url(),
                                                      .reading = reading.url(),
                                                      .accounts = "https://accounts.example",
                                                      .covers = "https://covers.example/images"}) {}

  int connections() const { return api.connections() + reading.connections(); }
  // One book on the Kobo.
  std::string book() {
    here.shelve("One");
    reader r;
    here.sync(r);
    REQUIRE(r.library.size() == 1);
    api.forget();
    return r.library.begin()->first;
  }
  void choose(std::optional<bool> on) {
    here.db.pool().write_now([&](db::tx& tx) {
      json::object wish;
      wish.set("passthrough", on);
      REQUIRE(library::change_kobo_options(tx, here.device, wish));
    });
  }
};

}  // namespace carrel::kobo::tests
