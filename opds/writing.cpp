#include "opds/writing.hpp"

#include "opds/atom_writer.hpp"
#include "opds/json_writer.hpp"

namespace carrel::opds {
namespace {

bool is_json(const visit& v) { return v.at.form() == form::json; }

}  // namespace

std::string written(const visit& v, const feed& f) { return is_json(v) ? json_feed(f) : atom(f); }

std::string written(const visit& v, const complete_entry& e) {
  return is_json(v) ? json_publication(e.book, e.tag_scheme, v.at.auth_document()) : atom(e);
}

entry_text written(const visit& v, const book_entry& e) {
  std::string scheme = v.at.tag_scheme();
  if (!is_json(v)) return atom_entry(e, scheme);
  return {.text = json_publication(e, scheme, v.at.auth_document())};
}

}  // namespace carrel::opds
