#pragma once
// Which of our books is meant by a title, authors and ISBNs that somebody wrote down elsewhere. It is never guessed: who finds
// two finds both.

#include <string>
#include <vector>

#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::library {

struct book_sought {
  std::string title;  // with or without subtitle and series in brackets
  std::vector<std::string> authors;
  std::vector<std::string> isbns;  // ISBN-13
};

struct book_match {
  std::vector<uuid> books;  // one: it is this one; several: it may be each of them, at most ten
  bool by_isbn = false;
};

// One for each, of the books that the viewer sees. An ISBN of a book of ours decides. Else title and an author have to agree:
// titles by their main part without article and series where one of the two has no subtitle, authors by their words, initials
// standing for names. The whole title wins over its main part, and what is in the library over what waits for review. The number
// of statements does not depend on how many are sought.
std::vector<book_match> match_books(db::tx&, const uuid& viewer, const std::vector<book_sought>&);

// How well two titles agree: 0 not, 1 in their main part, 2 all of it.
int title_agreement(const std::string& sought, const std::string& title, const std::string& subtitle);
bool same_person(const std::string& a, const std::string& b);  // as far as two names can tell

}  // namespace carrel::library
