#pragma once
// The optional way to the real store, for devices whose owner has chosen it (kobo.md 16). What may be said to Kobo and what of
// its answers is handed on is decided here alone. No request leaves for any other device. Internal to kobo/.

#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "kobo/routes.hpp"
#include "server/db/tx.hpp"

namespace carrel::kobo {

struct shared_state;

enum class store_host { api, reading };

class store_way {
 public:
  store_way(store_addresses, bool usual);

  const store_addresses at;
  const bool usual;                      // for devices whose owner has not chosen
  const std::vector<std::string> hosts;  // the only ones that are asked

  // A store that did not answer is left alone for a minute by those whose own answer would wait for it.
  bool away(store_host) const;
  void note(store_host, bool answered);

 private:
  std::array<std::atomic<std::int64_t>, 2> silent_since_{};  // seconds of the steady clock; 0: not
};

// How long it is waited for: when our own answer is ready but for the store's part of it, and when there is only the store's.
constexpr std::chrono::milliseconds store_patience{1'900}, store_time{10'000};

bool asks_store(const shared_state&, const http::context&);

// Those of `ids` that mean something here: books of this library, and whatever was announced to a reader of this account.
std::unordered_set<uuid> ours_among(db::tx&, const uuid& user, const std::vector<uuid>& ids);
// Every id in a text; nothing when there are more than can be looked up.
std::optional<std::vector<uuid>> ids_within(std::string_view text);

struct store_call {
  store_host to = store_host::api;
  http::verb method = http::verb::get;
  std::string target;  // path and query behind the device's own address
  http::header_list headers;
  std::string body;
};
// The request as it may leave, with its own body or this one; nothing when it must not: another path than the store's, or our
// token in it.
std::optional<store_call> call_from(const http::context&, std::optional<std::string> body = std::nullopt);
bool holds_token(const http::context&, std::string_view text);

http::response sent_to_store(const shared_state&, const store_call&);  // a GET, which the device repeats there
// Nothing when there was no answer.
task<std::optional<http::client_answer>> ask_store(shared_state&, store_call, std::chrono::milliseconds most);
void tell_store(shared_state&, store_call);  // nobody waits for the answer
http::response relayed(const http::client_answer&);
// The store's answer to that call, when it is a good one.
task<std::optional<http::response>> answer_of_store(shared_state&, store_call);

// What the store says to this request, or where the device finds that out; nothing when the request is ours to answer: the device
// does not ask the store, the request is about something of ours or must not leave, or the store has no good answer.
task<std::optional<http::response>> from_store(shared_state&, http::context&);

// ---- where more than handing on is needed ----
// The store's own refusal of its token, without which the device never asks for a new one (4.3).
task<std::optional<http::response>> refused_by_store(shared_state&, http::context&);
task<http::response> tokens_of_store(shared_state&, http::context&);
task<std::optional<http::response>> collection_of_store(shared_state&, http::context&, std::optional<uuid> tag);
task<std::optional<http::response>> cover_of_store(shared_state&, http::context&, std::optional<uuid> book);
task<> hand_on_events(shared_state&, http::context&);
// Of a device's inventory what is not ours: the ids whose annotations it shall fetch from the store.
task<std::vector<std::string>> changes_at_store(shared_state&, http::context&);

}  // namespace carrel::kobo
