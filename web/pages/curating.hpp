#pragma once
// Pages of the people who look after books: the inbox, and what is known of one book and from where.

#include "library/book.hpp"
#include "library/candidate.hpp"
#include "library/change.hpp"
#include "server/http/multipart.hpp"
#include "web/pages/pages.hpp"

namespace carrel::web {

answer lately_page(const site&, http::context&);
answer review_approve(const site&, http::context&);
answer review_reject(const site&, http::context&);
answer book_unapprove(const site&, http::context&);

answer book_metadata_page(const site&, http::context&);
answer book_take(const site&, http::context&);
answer book_lock(const site&, http::context&);
answer book_unlock(const site&, http::context&);
answer book_undo_change(const site&, http::context&);
answer candidate_reject(const site&, http::context&);
answer book_ask(const site&, http::context&);  // the metadata sources
answer candidate_restore(const site&, http::context&);
answer offered_picture(const site&, http::context&);

// The section "Metadata" of the book page.
struct book_metadata {
  library::comparison known;
  std::vector<library::change_group> changes;  // the newest
};
book_metadata load_metadata(db::tx&, const config&, const uuid& book);
void fill_metadata(const visit&, const uuid& book, const book_metadata&, view& out);

// Where a form of these pages leads: to the book in the inbox when it was sent from there.
std::string way_back(const http::form&, const uuid& book, const std::string& fallback);

}  // namespace carrel::web
