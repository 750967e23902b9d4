#pragma once
// One request to the catalog: who asks, how, and what the catalog's state is just now. Internal to opds.

#include <memory>
#include <optional>
#include <string>

#include "library/catalog.hpp"
#include "library/revision.hpp"
#include "opds/addresses.hpp"
#include "opds/state.hpp"
#include "opds/words.hpp"
#include "server/http/conditional.hpp"
#include "server/http/message.hpp"

namespace carrel::opds {

struct visit {
  const http::request* in = nullptr;
  uuid viewer;
  std::optional<uuid> device;
  bool koreader = false;  // the profile of opds.md 15.1
  library::taker taker() const { return koreader ? library::taker::koreader : library::taker::app; }
  int page_size = 50;
  std::optional<int> page_size_asked;
  addresses at{"", std::nullopt};
  bool other_metadata = false;  // EPUBs may be handed out with other metadata than they were stored with
  std::string site;             // public address, with a slash
  uuid instance;
  cover_signing signing;
  std::int64_t sign_for = 0;
  library::gate gate;
  bool manifests = false;  // books are offered to be read without downloading them (opds.manifests)

  opds::tongue tongue = opds::tongue::english;
  std::string say(phrase p, std::string_view name = {}) const { return p.in(tongue, name); }

  credit publisher() const { return {"Carrel", site}; }
};

// Without a look at the database: what a visit has to know came with the check of the password.
task<visit> enter(shared_state&, http::context&);

// A query value that says something: absent, empty and unexpanded template parameters are nothing (opds.md 6.4, rule 18).
std::optional<std::string> asked(const http::request&, std::string_view name);

// The id of a path; throws 404 for what cannot be one.
uuid id_param(const http::request&, std::string_view name);

// ---- validators (opds.md 3.4) ----

// What a document depends on besides the catalog and the account.
struct depends {
  bool personal = false;  // on the account's own lists
  bool device = false;    // on the calling device
  bool covers = false;    // holds cover links
  bool dated = true;      // Last-Modified may be sent
  bool kept = true;       // by clients; otherwise it is another one each time it is asked for
};

http::validators validators_of(const visit&, const depends&);

// The answer to one request of a document. Ask early() before any book is read.
class answer {
 public:
  answer(shared_state&, const visit&, std::string type, const depends&);

  // 304, or a body that is kept. `key`: the address, for documents whose bodies are kept; "" otherwise.
  std::optional<http::response> early(const std::string& key = "");
  bool head_only() const;
  http::response head() const;
  http::response full(std::string body);  // keeps it under early()'s key

 private:
  void dress(http::response&) const;

  shared_state& state_;
  const visit& visit_;
  std::string type_, key_;
  http::validators tags_;
  const bool kept_;
};

}  // namespace carrel::opds
