#pragma once
// A talk with one metadata source about one book, as plain values: what to ask next, what the answer says. No sockets, no clock,
// no database, so that every reply a source may give is tested as text. Who sends the questions, waits, caches and stores is
// transport.* (metadata-providers.md 11); what the records mean for a book is score.* (9).

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/sources/record.hpp"

namespace carrel::ingest::sources {

// What is sent of a book, and nothing else (metadata-providers.md 1, rule 6).
struct question {
  std::string title, subtitle;
  std::vector<std::string> authors;  // as shown, the first one counts
  std::string isbn_13, isbn_10, asin;
  std::string language;  // BCP 47
  bool audio = false;
};

// One HTTP exchange below the source's base URL.
struct ask {
  std::string kind;    // isbn, asin, id, search: what the log and the candidate call it
  std::string target;  // path and query, percent-encoded, beginning with '/'; without keys
  std::string body;    // JSON of a POST; "" is a GET
};
struct reply {
  unsigned status = 0;
  std::string location;  // of a redirect, as sent
  std::string body;      // within metadata.max_response_bytes
};

class conversation {
 public:
  conversation() = default;
  conversation(const conversation&) = delete;
  conversation& operator=(const conversation&) = delete;
  virtual ~conversation() = default;

  // The next question; nothing once the talk is over.
  virtual std::optional<ask> next() = 0;
  // The answer to the last one: 2xx, a redirect, or 404. What is wrong in it is passed over; never throws for what a source says.
  // Everything else (429, 5xx, 401, 403, 400) is the transport's to handle and does not come here.
  virtual void answer(const reply&) = 0;
  // Best first is not promised; score.hpp orders.
  virtual std::vector<record> found() const = 0;
};

// By the names of metadata-providers.md 1: google_books, open_library, hardcover, audnexus; "custom:<name>". Null for others.
std::unique_ptr<conversation> converse(std::string_view source, const question&);

}  // namespace carrel::ingest::sources
