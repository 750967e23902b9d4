#include "publication/locator/cfi.hpp"

#include <algorithm>

#include "publication/locator/numbers.hpp"
#include "publication/unicode_tools.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::locator {
namespace {

constexpr std::size_t longest_cfi = 16 << 10;

class reader {
 public:
  explicit reader(std::string_view in) : in_(in) {}

  bool done() const { return in_.empty(); }
  char next() const { return in_.empty() ? '\0' : in_.front(); }
  bool take(char c) {
    if (next() != c) return false;
    in_.remove_prefix(1);
    return true;
  }

  std::optional<std::uint64_t> number() {
    std::size_t digits = std::min(in_.find_first_not_of("0123456789"), in_.size());
    std::optional<std::uint64_t> out = decimal(in_.substr(0, digits));
    in_.remove_prefix(digits);
    return out;
  }

  // "[...]" when there is one, without its parameters; '^' makes the next character a plain one. False when it does not end.
  bool assertion(std::string& out) {
    if (!take('[')) return true;
    bool parameters = false;
    while (!done() && next() != ']') {
      parameters = parameters || next() == ';';
      if (take('^') && done()) return false;
      if (!parameters) out += next();
      in_.remove_prefix(1);
    }
    return take(']');
  }

 private:
  std::string_view in_;
};

bool is_number_part(char c) { return (c >= '0' && c <= '9') || c == '.' || c == '@' || c == ':'; }

// Steps up to what is neither a step nor an indirection. False for what cannot stand there.
bool read_path(reader& in, cfi& out, int& depth) {
  std::string ignored;
  while (!in.done() && in.next() != ',') {
    if (in.take('!')) {
      ++depth;
    } else if (in.take('/')) {
      cfi_step step;
      std::optional<std::uint64_t> n = in.number();
      if (!n || !in.assertion(step.id)) return false;
      step.number = *n;
      if (depth < 2) (depth == 0 ? out.package : out.document).push_back(std::move(step));
    } else if (in.take(':')) {
      std::optional<std::uint64_t> n = in.number();
      if (!n || !in.assertion(ignored)) return false;
      if (depth == 1) out.offset = n;
    } else if (in.take('~') || in.take('@')) {
      while (is_number_part(in.next())) in.take(in.next());
      if (!in.assertion(ignored)) return false;
    } else {
      return false;
    }
  }
  return true;
}

std::size_t units_of(UChar32 c) { return c > 0xffff ? 2 : 1; }

std::uint64_t count_units(std::string_view s) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < s.size();) out += units_of(next_code_point(s, i));
  return out;
}

// Texts of an element between two of its children, which are one chunk for a CFI.
std::vector<number> chunk_of(const document& d, number parent, std::uint64_t after) {
  std::vector<number> out = d.texts_of(parent);
  std::erase_if(out, [&](number t) { return d.texts()[t].after != after; });
  return out;
}

std::uint64_t end_of(const document& d, number e) {
  number end = d.elements()[e].end;
  return end < d.elements().size() ? d.elements()[end].nw : d.nw();
}

resolved in_chunk(const document& d, number parent, std::uint64_t after, std::uint64_t offset) {
  std::vector<number> texts = chunk_of(d, parent, after);
  for (number t : texts) {
    std::string_view raw = d.raw(t);
    for (std::size_t i = 0; i < raw.size();) {
      std::size_t from = i, units = units_of(next_code_point(raw, i));
      if (offset < units) return {.nw = d.nw_at({.text = t, .byte = from})};
      offset -= units;
    }
  }
  quality how = offset == 0 ? quality::exact : quality::element;
  if (!texts.empty()) return {.nw = d.nw_at({.text = texts.back(), .byte = d.raw(texts.back()).size()}), .how = how};
  // A chunk without text stands where the child behind it begins.
  std::optional<number> next = d.child(parent, after + 1);
  if (next) return {.nw = d.elements()[*next].nw, .how = how};
  bool beyond = after > 0 && !d.child(parent, after);
  return {.nw = end_of(d, parent), .how = beyond ? quality::element : how, .whole = !beyond};
}

}  // namespace

std::optional<cfi> parse_cfi(std::string_view s) {
  s = trim(s);
  if (s.size() > longest_cfi) return std::nullopt;
  if (s.starts_with("epubcfi(")) {
    if (!s.ends_with(')')) return std::nullopt;
    s = s.substr(8, s.size() - 9);
  }
  cfi out;
  reader in(s);
  int depth = 0;
  if (in.next() != '/' || !read_path(in, out, depth)) return std::nullopt;
  // A range: what both ends share, the start, the end.
  if (in.take(',') && (!read_path(in, out, depth) || in.next() != ',')) return std::nullopt;
  out.deeper = depth > 1;
  bool good = depth > 0 && out.package.size() >= 2;
  return good ? std::optional(std::move(out)) : std::nullopt;
}

resolved resolve(const document& d, const cfi& c) {
  number at = 0;
  bool in_body = d.body() == at;
  auto stopped = [&] {
    return resolved{.nw = d.elements()[at].nw, .how = in_body ? quality::element : quality::item, .whole = false};
  };
  for (std::size_t i = 0; i < c.document.size(); ++i) {
    const cfi_step& s = c.document[i];
    std::optional<number> named = s.id.empty() ? std::nullopt : d.with_id(s.id);
    if (named) {
      at = *named;  // the number may be of another edition
    } else if (s.number % 2 == 0) {
      std::optional<number> child = d.child(at, s.number / 2);
      if (!child) return stopped();
      at = *child;
    } else {
      if (i + 1 < c.document.size() || !in_body) return stopped();
      return in_chunk(d, at, s.number / 2, c.offset.value_or(0));
    }
    in_body = at == d.body() || named || in_body;
  }
  if (!in_body) return stopped();
  if (c.deeper) return {.nw = d.elements()[at].nw, .how = quality::element};
  // Of an element 0 is its front and 1 its back, as of a picture.
  bool behind = c.offset.value_or(0) > 0;
  return {.nw = behind ? end_of(d, at) : d.elements()[at].nw};
}

std::string write_cfi_steps(const document& d, std::uint64_t nw) {
  std::optional<spot> s = d.at(nw);
  number e = s ? d.texts()[s->text].parent : d.body();
  if (e == none) return {};
  std::string out;
  if (s) {
    std::uint64_t after = d.texts()[s->text].after, units = count_units(d.raw(s->text).substr(0, s->byte));
    for (number t : chunk_of(d, e, after)) {
      if (t < s->text) units += count_units(d.raw(t));
    }
    out = "/" + std::to_string(2 * after + 1) + ":" + std::to_string(units);
  }
  std::vector<std::string> steps;
  for (; d.elements()[e].parent != none; e = d.elements()[e].parent)
    steps.push_back("/" + std::to_string(2 * std::uint64_t{d.elements()[e].position}));
  std::string path;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) path += *step;
  return path + out;
}

}  // namespace carrel::publication::locator
