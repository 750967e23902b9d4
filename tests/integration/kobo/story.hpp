#pragma once
// A random history of a library and the Kobos that it feeds, the same for the same seed (kobo.md 17.11).

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/integration/kobo/judge.hpp"

namespace carrel::kobo::tests {

class story {
 public:
  story(shop&, unsigned seed);
  ~story();
  void run();

 private:
  // `rough`: requests and answers are lost. `busy`: the library changes between two pages; `flighty`: a book is away for some of
  // them. `calm`: neither.
  enum class weather { rough, busy, flighty, calm };
  struct book {
    uuid id;
    std::string entitlement;
    bool trashed = false;
  };
  // What a backup of a Kobo holds and a factory reset takes.
  struct life {
    reader r;
    std::set<std::string> missed;  // lost without a word
    std::set<std::string> untold;  // states that it has not put yet
  };
  struct holder {
    std::size_t at = 0;  // place
    life now{}, backup{};
    bool same_life = false;  // the library is not older than the backup's token
    bool went_back = false;
    std::chrono::seconds wrong{};  // of its clock
  };
  struct tally {
    int requests = 0, edits = 0, weight = 0, last_weight = 0;
    bool pairs = false;
    std::set<std::int64_t> sessions{};
  };

  int roll(int sides) { return static_cast<int>(dice_() % static_cast<unsigned>(sides)); }
  bool chance(int in) { return roll(in) == 0; }
  template <class T>
  auto& any(T& of) {
    return *std::next(of.begin(), roll(static_cast<int>(of.size())));
  }
  void pass(std::chrono::seconds);

  // ---- the library and its owner (story_library.cpp) ----
  void add_book();
  void edit();
  void gentle_edit();
  void edit_book(book&);
  void edit_lists(book&);
  void shelve(const uuid& shelf, const book&, bool on);
  void feed(const uuid& shelf, const uuid& kobo, bool on);
  void rename(const uuid& shelf);
  void discard(book&);
  void discard_gently(book&);
  void choose(std::size_t kobo, const json::object&);
  void choose_something();
  void ask_the_server();
  void take_off(const uuid& kobo);
  void vanish(holder&);
  void step_out();
  void come_back();
  void note_left();  // what was removed on a device comes back once it has left its shelves

  // ---- the devices (story_devices.cpp) ----
  void device(holder&);
  void gentle_device(holder&);
  void restore_backup(holder&);
  void factory_reset(holder&);
  void clone(holder&);
  void remove_on(holder&);
  void remove_and_regret(holder&);
  void lose_silently(holder&, bool ask_again);
  void read_on(holder&);
  void tell(holder&, bool all);
  void edit_collections(holder&);
  void make_collection(holder&, const std::string* book);
  void show_books(holder&);
  void repeat_something(holder&);
  void bad_evening(holder&);
  void sync_flightily(holder&);
  void trouble(holder&);
  void leave_alone(holder&);
  std::optional<std::string> some_of(const holder&);
  place& place_of(const holder& h) { return places_[h.at]; }
  template <class F>
  void with_row(const holder& h, F act) {
    s_.with_row(place_of(h).kobo, act, place_of(h).hash);
  }

  // ---- the conversation (story.cpp) ----
  bool talk(holder&, weather);
  void between_pages(weather);
  heard ask(holder&, const std::string& token);
  void ask_twice(holder&, const std::string& token, const heard&);
  bool arrives(holder&, const heard&);
  void apply(holder&, const json::array&);
  void check_count(const holder&, const tally&);

  // ---- how it ends (story_end.cpp) ----
  void end();
  void settle(holder&);
  void check_books(const holder&, bool with_missed);
  void check_collections(const holder&);
  void check_states(const holder&);
  void check_quiet(holder&);
  void check_ledger(const place&);
  void hear_samples();
  void start_again();

  shop& s_;
  judge judge_;
  std::mt19937 dice_;
  bool gentle_ = false;
  bool large_ = false;    // so many books that they cannot all go at once (17.2)
  bool sampled_ = false;  // some file is to be fetched anew (8.6)
  instant clock_;
  std::vector<uuid> kobos_;
  std::vector<json::object> chosen_;
  std::vector<place> places_;
  std::vector<holder> holders_;
  std::vector<book> books_;
  std::vector<std::pair<std::size_t, bool>> out_;  // books that will be back soon, and whether it is the file
  uuid second_;                                    // another shelf, that feeds some of them at times
  int numbers_ = 0;
  std::map<std::string, std::string> greatest_;  // of the states that were put
};

}  // namespace carrel::kobo::tests
