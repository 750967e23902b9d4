#pragma once
// A whole Kobo over HTTP (kobo.md, Appendix C). It knows the address in its file and goes where that leads it, keeps what it is
// given, and fails the test when it is given what a device cannot take.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/integration/kobo/reader.hpp"
#include "tests/integration/kosync/client.hpp"

namespace carrel::kobo::tests {

// In what devices differ.
struct traits {
  std::string name;
  token_use keeps = token_use::per_page;
  bool new_firmware = true;   // discovery and a token of it; else the older way to sign in
  bool tells_device = true;   // x-kobo-deviceid
  bool states_first = true;   // what was read is told before the sync, not after
  bool asks_metadata = true;  // before a download; else what the sync said is enough
  bool notes_first = false;   // asks for the highlights of a book before its file, not after
  bool quality = false;       // of covers is asked for
  bool doubled_slash = false;
  bool port_in_host = true;
};

// What goes wrong with one page of a sync. It is not asked for at all, or nothing of it is kept, or some, or all but its token.
enum class mishap : std::uint8_t { none, lost_request, lost_answer, cut_answer, crash };
struct accident {
  mishap what = mishap::none;
  int page = 1;
  std::size_t items = 0;  // kept of an answer that was cut
};

struct outcome {
  bool whole = false;  // no accident
  int pages = 0, covers = 0, downloads = 0;
  std::vector<std::string> kinds{};  // of the items of the sync
};

class fake_kobo {
 public:
  // `endpoint`: what its owner wrote into its file, "https://books.example/kobo/<token>". All of it is on this machine's `port`.
  fake_kobo(traits, unsigned port, std::string endpoint);

  outcome visit(const accident& = {});
  // Told with its next visit.
  void read(const std::string& entitlement, int percent, const std::string& at);
  void highlight(const std::string& entitlement);

  reader r;
  std::map<std::string, std::int64_t> percents;
  std::map<std::string, std::set<std::string>> notes;  // ids of highlights, by book
  std::set<std::string> covers;                        // that it has, by image

 private:
  enum class tone : std::uint8_t { first_contact, usual, file };  // which of its headers it sends
  using headers = kosync::tests::headers;
  using reply = kosync::tests::reply;

  reply ask(const std::string& method, const std::string& url, tone, const headers& more = {}, const std::string& body = {});
  reply follow(const reply& sent_away, tone);
  json::value get(const std::string& url, tone = tone::usual);
  json::object post(const std::string& url, const std::string& body, tone = tone::usual);
  std::string given(const std::string& key) const;  // an address of the map, which has to be ours
  std::string given(const std::string& key, const std::string& placeholder, const std::string& value) const;
  std::string request(const std::string& method, const std::string& target, tone, const headers& more,
                      const std::string& body) const;

  void start();
  void sign_in();
  void sign_in_the_older_way();
  void look_around();
  void complain();
  void tell();
  bool sync(outcome&, const accident&);
  void take(const json::value& item);
  void show_inventory();
  int fetch_covers();
  int fetch_books();
  void fetch_file(const std::string& entitlement, const json::object& metadata);
  void fetch_notes(const std::string& entitlement);

  traits how_;
  unsigned port_;
  std::string base_, site_, host_;
  std::string bearer_, refresh_;
  json::object map_;
  std::map<std::string, json::object> shown_;                   // the metadata of its books
  std::vector<std::string> fresh_;                              // without a file yet, as they came
  std::map<std::string, std::string> read_here_, highlighted_;  // not told yet, by book
  int failures_ = 0;                                            // syncs that ended in the middle, not reported yet
};

// The last paragraph of Appendix C. `base` is where every address in an answer has to lead.
void check_page(const json::array& items, const std::string& base);
void check_metadata(const json::object&, const std::string& id, bool live);
void check_state(const json::object&);
void check_values(const json::value&, const std::string& base);  // names, percents and addresses, however deep

}  // namespace carrel::kobo::tests
