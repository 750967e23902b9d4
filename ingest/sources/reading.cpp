#include "ingest/sources/reading.hpp"

#include <algorithm>
#include <cmath>

#include "server/core/text.hpp"

namespace carrel::ingest::sources {
namespace {

constexpr std::size_t largest_raw = 256 << 10;

struct cut {
  std::size_t text, items;
};

json::value without_traps(const json::value& in, const cut& most) {
  if (const std::string* s = in.as_text()) {
    std::string out(cut_utf8(*s, most.text));
    std::erase(out, '\0');
    return out;
  }
  if (const json::number* n = in.as_number()) {
    constexpr std::size_t longest = 40;
    std::optional<double> d = to_double(n->text);
    if (!d) return {};
    return n->text.size() <= longest ? in : json::value(*d);
  }
  if (const json::array* a = in.as_array()) {
    json::array out;
    for (std::size_t i = 0; i < std::min(a->size(), most.items); ++i) out.push_back(without_traps((*a)[i], most));
    return out;
  }
  if (const json::object* o = in.as_object()) {
    json::object out;
    for (const auto& [name, v] : o->members()) {
      if (out.size() >= most.items) break;
      std::string key(cut_utf8(name, 100));
      std::erase(key, '\0');
      out.set(std::move(key), without_traps(v, most));
    }
    return out;
  }
  return in;
}

}  // namespace

node node::operator[](std::string_view name) const {
  const json::object* o = v_ ? v_->as_object() : nullptr;
  const json::value* v = o ? o->find(name) : nullptr;
  return v ? node(*v) : node();
}

std::vector<node> node::items(std::size_t most) const {
  std::vector<node> out;
  const json::array* a = v_ ? v_->as_array() : nullptr;
  if (!a) return out;
  for (std::size_t i = 0; i < std::min(a->size(), most); ++i) out.emplace_back((*a)[i]);
  return out;
}

std::string node::text() const {
  if (!v_) return {};
  if (const std::string* s = v_->as_text()) return *s;
  if (const json::number* n = v_->as_number()) return n->text;
  return {};
}

std::optional<double> node::number() const {
  if (!v_) return std::nullopt;
  if (const json::number* n = v_->as_number()) return to_double(n->text);
  if (const std::string* s = v_->as_text()) return to_double(trim(*s));
  return std::nullopt;
}

std::optional<std::int64_t> node::whole() const {
  constexpr double largest = 9e15;
  std::optional<double> d = number();
  if (!d || std::abs(*d) > largest || std::floor(*d) != *d) return std::nullopt;
  return static_cast<std::int64_t>(*d);
}

std::optional<bool> node::flag() const {
  const bool* b = v_ ? v_->as_bool() : nullptr;
  return b ? std::optional(*b) : std::nullopt;
}

std::vector<std::string> node::texts(std::size_t most) const {
  std::vector<std::string> out;
  if (v_ && v_->as_text()) return {*v_->as_text()};
  for (const node& item : items(most)) {
    std::string s = item.text();
    if (!s.empty()) out.push_back(std::move(s));
  }
  return out;
}

std::string node::first_text() const {
  std::string own = text();
  if (!own.empty()) return own;
  std::vector<std::string> all = texts(1);
  return all.empty() ? std::string() : all.front();
}

std::int64_t node::id() const {
  std::optional<std::int64_t> n = whole();
  return n && *n > 0 ? *n : 0;
}

json::value parsed(std::string_view body) {
  result<json::value, json::failure> v = json::parse(body);
  return v ? std::move(*v) : json::value();
}

json::value unwrapped(const node& n) {
  if (n.empty()) return {};
  const std::string* s = n.value()->as_text();
  return s ? parsed(*s) : *n.value();
}

json::value storable(const node& n) {
  if (n.empty()) return {};
  for (const cut& most : {cut{64 << 10, 2000}, cut{2000, 100}, cut{200, 30}}) {
    json::value out = without_traps(*n.value(), most);
    if (json::dump(out).size() <= largest_raw) return out;
  }
  return {};
}

}  // namespace carrel::ingest::sources
