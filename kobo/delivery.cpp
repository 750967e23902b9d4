#include "kobo/delivery.hpp"

#include <endian.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace carrel::kobo {
namespace {

// All that a device may hold of one thing. Two doubtful ones are never equal, so `?` satisfies nothing.
template <class T>
struct possible {
  bool absent = false, unknown = false;
  std::vector<T> values;

  void add(const T& v) {
    if (std::find(values.begin(), values.end(), v) == values.end()) values.push_back(v);
  }
  bool nothing_but(const T& v) const { return !absent && !unknown && values.size() == 1 && values.front() == v; }
  bool nothing_else(const T& v) const { return !unknown && values.size() == 1 && values.front() == v; }  // if anything
  bool only_absent() const { return !unknown && values.empty(); }
  // The one thing it can be; nothing when there are several, or a doubt.
  std::optional<T> single() const {
    if (absent || unknown || values.size() != 1) return std::nullopt;
    return values.front();
  }
};

struct book_state {
  possible<content> book;
  possible<std::int64_t> state;
};

using book_map = std::unordered_map<uuid, book_state>;
using tag_map = std::unordered_map<uuid, possible<std::int64_t>>;

void apply(book_state& b, const op& o) {
  switch (o.kind) {
    case op_kind::add:
      b.book.add(o.result);
      b.state.add(o.state);
      break;
    case op_kind::meta:
    case op_kind::file: b.book.add(o.result); break;
    case op_kind::remove: b.book.absent = true; break;
    case op_kind::state: b.state.add(o.state); break;
    default: break;
  }
}

// What the base does not hold is absent until a later session says otherwise.
book_state& of(book_map& all, const uuid& id) {
  auto [at, fresh] = all.try_emplace(id);
  if (fresh) at->second.book.absent = true;
  return at->second;
}

book_map possible_books(const position_view& v) {
  book_map out;
  if (v.root) {
    for (const uuid& id : v.ever_books) of(out, id).book.unknown = true;
    return out;
  }
  out.reserve(v.base.held.books.size());
  for (const held_book& h : v.base.held.books) {
    book_state& b = out[h.id];
    if (h.sure)
      b.book.add(h.is);
    else
      b.book.unknown = true;
    if (h.state_sure)
      b.state.add(h.state);
    else
      b.state.unknown = true;
  }
  for (const uuid& id : v.base.unsure.books) of(out, id).book = {.absent = false, .unknown = true, .values = {}};
  for (const auto& [id, said] : v.base.unsure.states) {
    possible<std::int64_t>& state = of(out, id).state;
    state = {.absent = false, .unknown = !said, .values = {}};
    if (said) state.add(*said);
  }
  for (const session_content& s : v.later) {
    for (const op& o : s.ops) {
      if (about_tag(o.kind)) continue;
      book_state& b = of(out, o.id);
      apply(b, o);
      if (s.unsure.books.contains(o.id) && o.kind != op_kind::state) b.book.unknown = true;
      auto said = s.unsure.states.find(o.id);
      if (said != s.unsure.states.end() && !said->second) b.state.unknown = true;
    }
  }
  return out;
}

tag_map possible_tags(const position_view& v) {
  tag_map out;
  auto of_tag = [&](const uuid& id) -> possible<std::int64_t>& {
    auto [at, fresh] = out.try_emplace(id);
    if (fresh) at->second.absent = true;
    return at->second;
  };
  if (v.root) {
    for (const uuid& id : v.ever_tags) of_tag(id).unknown = true;
    return out;
  }
  for (const held_tag& h : v.base.held.tags) {
    possible<std::int64_t>& t = out[h.id];
    if (h.sure)
      t.add(h.revision);
    else
      t.unknown = true;
  }
  for (const uuid& id : v.base.unsure.tags) of_tag(id) = {.absent = false, .unknown = true, .values = {}};
  for (const session_content& s : v.later) {
    for (const op& o : s.ops) {
      if (!about_tag(o.kind)) continue;
      possible<std::int64_t>& t = of_tag(o.id);
      if (o.kind == op_kind::tag_deleted)
        t.absent = true;
      else
        t.add(o.result.meta);
      if (s.unsure.tags.contains(o.id)) t.unknown = true;
    }
  }
  return out;
}

template <class T>
const possible<T>& nothing() {
  static const possible<T> out{.absent = true, .unknown = false, .values = {}};
  return out;
}

bool same_file(const possible<content>& p, std::int64_t file) {
  return std::all_of(p.values.begin(), p.values.end(), [&](const content& c) { return c.file == file; });
}

// What the device will hold of a book of which nothing is said: what it surely holds, or `?`, or nothing.
std::optional<held_book> unsaid(const uuid& id, const book_state* known) {
  if (known == nullptr || known->book.only_absent()) return std::nullopt;
  held_book h{.id = id, .is = {}, .state = 0, .sure = false, .state_sure = false};
  if (std::optional<content> is = known->book.single()) {
    h.is = *is;
    h.sure = true;
  }
  if (std::optional<std::int64_t> state = known->state.single()) {
    h.state = *state;
    h.state_sure = true;
  }
  return h;
}

template <class T>
void sort_by_id(std::vector<T>& all) {
  std::sort(all.begin(), all.end(), [](const T& a, const T& b) { return a.id < b.id; });
}

}  // namespace

bool about_tag(op_kind k) { return k >= op_kind::tag_new; }

book_plan plan_books(const position_view& v, const std::vector<target_book>& wanted, bool with_states) {
  book_map known = possible_books(v);
  std::vector<op> added, changed, removed, states;
  book_plan out;
  std::unordered_set<uuid> met;  // of those that are known
  met.reserve(known.size());
  out.held.reserve(wanted.size());
  if (known.empty()) added.reserve(wanted.size()), out.added.reserve(wanted.size());
  for (const target_book& w : wanted) {
    auto at = known.find(w.id);
    if (at != known.end()) met.insert(w.id);
    const book_state* b = at == known.end() ? nullptr : &at->second;
    if (w.pending) {
      if (std::optional<held_book> h = unsaid(w.id, b)) out.held.push_back(*h);
      continue;
    }
    out.held.push_back({.id = w.id, .is = w.is, .state = with_states ? w.state : 0});
    const possible<content>& is = b ? b->book : nothing<content>();
    if (is.absent || is.unknown) {
      added.push_back({.kind = op_kind::add, .id = w.id, .result = w.is, .state = out.held.back().state});
      out.added.insert(w.id);
      continue;
    }
    if (!is.nothing_but(w.is)) {
      op_kind kind = same_file(is, w.is.file) ? op_kind::meta : op_kind::file;
      changed.push_back({.kind = kind, .id = w.id, .result = w.is, .state = 0});
    }
    if (!with_states) {
      std::optional<std::int64_t> state = b->state.single();
      out.held.back().state = state.value_or(0);
      out.held.back().state_sure = state.has_value();
    } else if (!b->state.nothing_but(w.state)) {
      states.push_back({.kind = op_kind::state, .id = w.id, .result = {}, .state = w.state});
    }
  }
  for (const auto& [id, b] : known) {
    if (!met.contains(id) && !b.book.only_absent())
      removed.push_back({.kind = op_kind::remove, .id = id, .result = {}, .state = 0});
  }
  sort_by_id(removed);  // the same list whenever it is made
  sort_by_id(out.held);
  out.ops = std::move(added);
  for (const std::vector<op>* more : {&changed, &removed, &states}) out.ops.insert(out.ops.end(), more->begin(), more->end());
  return out;
}

tag_plan plan_tags(const position_view& v, const std::vector<target_tag>& wanted, const std::unordered_set<uuid>& added) {
  tag_map known = possible_tags(v);
  std::vector<op> made, changed, deleted;
  tag_plan out;
  std::unordered_set<uuid> met;
  for (const target_tag& w : wanted) {
    met.insert(w.id);
    auto at = known.find(w.id);
    const possible<std::int64_t>& is = at == known.end() ? nothing<std::int64_t>() : at->second;
    // The device has dropped an item that it did not know; a member that is added now was such a one.
    bool said_again = std::any_of(w.members.begin(), w.members.end(), [&](const uuid& id) { return added.contains(id); });
    bool lacks = is.absent || is.unknown;
    if (lacks && w.members.empty() && is.only_absent()) continue;  // a collection without books is not begun (11)
    out.held.push_back({.id = w.id, .revision = w.revision});
    if (lacks && !(w.members.empty() && is.nothing_else(w.revision))) out.idle = false;
    if (lacks)
      made.push_back({.kind = op_kind::tag_new, .id = w.id, .result = {w.revision, 0}, .state = 0});
    else if (said_again || !is.nothing_but(w.revision))
      changed.push_back({.kind = op_kind::tag_changed, .id = w.id, .result = {w.revision, 0}, .state = 0});
  }
  for (const auto& [id, is] : known) {
    if (!met.contains(id) && !is.only_absent())
      deleted.push_back({.kind = op_kind::tag_deleted, .id = id, .result = {}, .state = 0});
  }
  out.idle = out.idle && changed.empty() && deleted.empty();
  sort_by_id(deleted);
  sort_by_id(out.held);
  out.ops = std::move(made);
  for (const std::vector<op>* more : {&changed, &deleted}) out.ops.insert(out.ops.end(), more->begin(), more->end());
  return out;
}

namespace {

void put(std::string& out, const uuid& id) { out.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()); }

void put(std::string& out, std::int64_t n) {
  std::uint64_t big_endian = htobe64(static_cast<std::uint64_t>(n));
  out.append(reinterpret_cast<const char*>(&big_endian), sizeof big_endian);
}

class reader {
 public:
  explicit reader(std::string_view in) : in_(in) {}
  bool done() const { return in_.empty(); }
  std::uint8_t byte() { return static_cast<std::uint8_t>(take(1)[0]); }
  uuid id() {
    uuid out;
    std::memcpy(out.bytes.data(), take(16).data(), 16);
    return out;
  }
  std::int64_t number() {
    std::uint64_t big_endian = 0;
    std::memcpy(&big_endian, take(sizeof big_endian).data(), sizeof big_endian);
    return static_cast<std::int64_t>(be64toh(big_endian));
  }

 private:
  std::string_view take(std::size_t count) {
    if (in_.size() < count) throw std::runtime_error("a stored Kobo session is damaged");
    std::string_view out = in_.substr(0, count);
    in_.remove_prefix(count);
    return out;
  }
  std::string_view in_;
};

}  // namespace

std::string pack(const std::vector<op>& ops) {
  std::string out;
  out.reserve(ops.size() * op_bytes);
  for (const op& o : ops) {
    out += static_cast<char>(o.kind);
    put(out, o.id);
    put(out, o.result.meta);
    put(out, o.result.file);
    put(out, o.state);
  }
  return out;
}

std::vector<op> unpack_ops(std::string_view packed) {
  std::vector<op> out;
  out.reserve(packed.size() / op_bytes);
  for (reader in(packed); !in.done();) {
    op o;
    std::uint8_t kind = in.byte();
    if (kind < static_cast<std::uint8_t>(op_kind::add) || kind > static_cast<std::uint8_t>(op_kind::tag_deleted))
      throw std::runtime_error("a stored Kobo session is damaged");
    o.kind = static_cast<op_kind>(kind);
    o.id = in.id();
    o.result.meta = in.number();
    o.result.file = in.number();
    o.state = in.number();
    out.push_back(o);
  }
  return out;
}

namespace {

held_book brought_by(const op& o) { return {.id = o.id, .is = o.result, .state = o.state}; }

// Sorted, as snapshots are.
std::vector<held_book> brought_by(const std::vector<op>& ops) {
  std::vector<held_book> out;
  out.reserve(ops.size());
  for (const op& o : ops) {
    if (o.kind == op_kind::add) out.push_back(brought_by(o));
  }
  sort_by_id(out);
  return out;
}

constexpr std::size_t held_book_bytes = 41, held_tag_bytes = 25;

}  // namespace

std::string pack(const snapshot& s, const std::vector<op>& ops) {
  std::vector<held_book> told = brought_by(ops);
  std::string books;
  std::int64_t count = 0;
  auto at = told.begin();
  for (const held_book& h : s.books) {
    while (at != told.end() && at->id < h.id) ++at;
    if (at != told.end() && *at == h) continue;
    books += static_cast<char>((h.sure ? 1 : 0) | (h.state_sure ? 2 : 0));
    put(books, h.id);
    put(books, h.is.meta);
    put(books, h.is.file);
    put(books, h.state);
    ++count;
  }
  std::string out;
  out.reserve(sizeof count + books.size() + s.tags.size() * held_tag_bytes);
  put(out, count);
  out += books;
  for (const held_tag& t : s.tags) {
    out += static_cast<char>(t.sure ? 1 : 0);
    put(out, t.id);
    put(out, t.revision);
  }
  return out;
}

snapshot unpack_snapshot(std::string_view packed, const std::vector<op>& ops) {
  std::vector<held_book> told = brought_by(ops);
  snapshot out;
  reader in(packed);
  std::int64_t count = in.number();
  if (count < 0 || static_cast<std::uint64_t>(count) > packed.size() / held_book_bytes)
    throw std::runtime_error("a stored Kobo session is damaged");
  out.books.reserve(static_cast<std::size_t>(count) + told.size());
  auto at = told.begin();
  for (std::int64_t i = 0; i < count; ++i) {
    held_book h;
    std::uint8_t flags = in.byte();
    h.sure = (flags & 1) != 0;
    h.state_sure = (flags & 2) != 0;
    h.id = in.id();
    h.is.meta = in.number();
    h.is.file = in.number();
    h.state = in.number();
    for (; at != told.end() && at->id < h.id; ++at) out.books.push_back(*at);
    if (at != told.end() && at->id == h.id) ++at;  // held otherwise than it was told
    out.books.push_back(h);
  }
  out.books.insert(out.books.end(), at, told.end());
  while (!in.done()) {
    held_tag t;
    t.sure = in.byte() != 0;
    t.id = in.id();
    t.revision = in.number();
    out.tags.push_back(t);
  }
  return out;
}

}  // namespace carrel::kobo
