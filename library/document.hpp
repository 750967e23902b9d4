#pragma once
// KOSync documents and their link to a book (kosync.md 8.6).

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/core/clock.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

// Looks a document up among all fingerprints of the books this user sees: partial, full, content, then filename. Links it when
// exactly one book matches; a manual link is never changed. Returns the book it is linked to afterwards.
std::optional<uuid> link_document(db::tx&, const uuid& user, const std::string& document);
// The same for many, whose order is that in which rows are locked.
using document_keys = std::set<std::pair<uuid, std::string>>;  // user, document
void link_documents(db::tx&, const document_keys&);
// After a file was added: every unlinked document of every user with one of the file's hashes (rule 7). How many were linked.
int link_documents_of_file(db::tx&, const uuid& file);

// By hand: wins for ever. False when the user has no such document or does not see the book.
bool link_by_hand(db::tx&, const uuid& user, const std::string& document, const uuid& book);
bool unlink(db::tx&, const uuid& user, const std::string& document);

struct suggestion {
  uuid book;
  std::string title;
  double score = 0;
};
struct unknown_document {
  std::string document, device, title, authors, file_name;
  double percentage = 0;
  instant at{};
  std::vector<suggestion> suggestions;  // by title and author that the client sent; never linked by themselves
};
std::vector<unknown_document> unknown_documents(db::tx&, const uuid& user, int most);

}  // namespace carrel::library
