#include "opds/entries.hpp"

#include <algorithm>

#include "opds/books.hpp"
#include "opds/writing.hpp"

namespace carrel::opds {
namespace {

// Every address in an entry begins with the base, carries the page size that was asked for, or is signed for the window.
std::string form_of(const visit& v) {
  std::string out = v.koreader ? "k" : "a";
  if (v.at.form() == form::json) out += 'j';
  out += code_of(v.tongue);
  out += std::to_string(v.page_size_asked.value_or(0));
  out += ' ' + std::to_string(v.signing.window) + ' ' + v.at.base();
  return out;
}

}  // namespace

// No app streams pages in OPDS 2.0 (opds.md 9.3).
entry_shelf::entry_shelf(shared_state& s, const visit& v) : state_(&s), form_(form_of(v)) {
  if (v.at.form() == form::atom) streamed_ = s.streamed;
}

std::string entry_shelf::key(const library::book_stamp& b) const {
  std::string out(reinterpret_cast<const char*>(b.id.bytes.data()), b.id.bytes.size());
  out += std::to_string(b.version) + ' ' + form_;
  return out;
}

entry_ref entry_shelf::find(const library::book_stamp& b) const { return state_->entries.find(key(b)); }

// Its pages may become known without a change of the book, and its reader turns them.
bool entry_shelf::may_stream(const library::book& b) const {
  return std::any_of(b.files.begin(), b.files.end(), [&](const library::book_file& f) {
    return std::find(streamed_.begin(), streamed_.end(), f.format) != streamed_.end();
  });
}

entry_ref entry_shelf::write(const visit& v, const library::streamed_book& s) const {
  const library::book& b = s.about;
  auto made = std::make_shared<const entry_text>(written(v, partial_entry(v, b, s.stream)));
  if (may_stream(b)) return made;
  // The version that was read, which may be newer than that of the outline.
  state_->entries.keep(key({.id = b.id, .version = b.version}), made, made->text.size());
  return made;
}

entry_parts gather(db::tx& tx, const uuid& viewer, std::vector<library::book_stamp> order, const entry_shelf& shelf) {
  entry_parts out{.order = std::move(order), .kept = {}, .read = {}};
  std::vector<uuid> missing;
  for (const library::book_stamp& b : out.order) {
    out.kept.push_back(shelf.find(b));
    if (!out.kept.back()) missing.push_back(b.id);
  }
  if (!missing.empty()) out.read = library::load_streamed(tx, viewer, missing, shelf.streamed_formats());
  return out;
}

std::vector<entry_ref> entries_of(const visit& v, const entry_shelf& shelf, const entry_parts& parts) {
  std::vector<entry_ref> out;
  out.reserve(parts.order.size());
  auto next = parts.read.begin();
  for (std::size_t i = 0; i < parts.order.size(); ++i) {
    if (parts.kept[i]) {
      out.push_back(parts.kept[i]);
    } else if (next != parts.read.end() && next->about.id == parts.order[i].id) {
      out.push_back(shelf.write(v, *next++));
    }
  }
  return out;
}

}  // namespace carrel::opds
