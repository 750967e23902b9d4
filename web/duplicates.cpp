#include "web/duplicates.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "library/store.hpp"

namespace carrel::web {
namespace {

using books_by_id = std::map<uuid, library::book>;

books_by_id load_all(db::tx& tx, const uuid& viewer, const std::vector<library::duplicate_pair>& pairs) {
  std::set<uuid> ids;
  for (const library::duplicate_pair& p : pairs) {
    ids.insert(p.book);
    ids.insert(p.other);
  }
  books_by_id out;
  for (library::book& b : library::load_books(tx, viewer, {ids.begin(), ids.end()})) out.emplace(b.id, std::move(b));
  return out;
}

std::set<std::string> formats_of(const library::book& b) {
  std::set<std::string> out;
  for (const library::book_file& f : b.files) out.insert(f.format);
  return out;
}

std::string offer_for(const library::duplicate_pair& p, const library::book& book, const library::book& other) {
  std::set<std::string> later = formats_of(book), older = formats_of(other);
  bool new_format = std::any_of(later.begin(), later.end(), [&](const std::string& f) { return !older.contains(f); });
  if (new_format && p.kind != "content") return "format";
  bool one_each = book.files.size() == 1 && other.files.size() == 1;
  bool ours = one_each && !library::is_external(book.files[0].storage_path) && !library::is_external(other.files[0].storage_path);
  if (p.kind == "content" && later == older && later.size() == 1 && ours) return "replace";
  return "merge";
}

std::vector<possible_duplicate> with_books(db::tx& tx, const uuid& viewer, const std::vector<library::duplicate_pair>& pairs) {
  books_by_id books = load_all(tx, viewer, pairs);
  std::vector<possible_duplicate> out;
  for (const library::duplicate_pair& p : pairs) {
    auto book = books.find(p.book), other = books.find(p.other);
    if (book == books.end() || other == books.end()) continue;
    out.push_back({.pair = p, .book = book->second, .other = other->second, .offer = offer_for(p, book->second, other->second)});
  }
  return out;
}

bool came_later(const library::book& a, const library::book& b) {
  bool a_waits = a.status != "organized", b_waits = b.status != "organized";
  if (a_waits != b_waits) return a_waits;
  return std::pair(a.created_at, a.id) > std::pair(b.created_at, b.id);
}

}  // namespace

possible_duplicates load_duplicates(db::tx& tx, const uuid& viewer, bool similar,
                                    const std::optional<library::duplicate_pair>& after, int most) {
  library::duplicate_page page = library::open_duplicates(tx, viewer, similar, after, most);
  return {.pairs = with_books(tx, viewer, page.pairs), .more = page.more};
}

std::vector<possible_duplicate> load_duplicates_of(db::tx& tx, const uuid& viewer, const uuid& book) {
  return with_books(tx, viewer, library::duplicates_of(tx, viewer, book));
}

std::optional<possible_duplicate> compare_books(db::tx& tx, const uuid& viewer, const uuid& a, const uuid& b) {
  std::vector<library::book> both = library::load_books(tx, viewer, {a, b});
  if (a == b || both.size() != 2) return std::nullopt;
  if (!came_later(both[0], both[1])) std::swap(both[0], both[1]);
  possible_duplicate out{.pair = {}, .book = std::move(both[0]), .other = std::move(both[1]), .offer = {}};
  out.pair = library::find_duplicate_pair(tx, viewer, a, b).value_or(library::duplicate_pair{});
  out.pair.book = out.book.id;
  out.pair.other = out.other.id;
  out.offer = offer_for(out.pair, out.book, out.other);
  return out;
}

}  // namespace carrel::web
