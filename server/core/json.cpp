#include "server/core/json.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <cmath>

#include "server/core/text.hpp"

namespace carrel::json {
namespace {

// Builds a value from the events of Boost.JSON's parser, keeping the text of numbers.
class builder {
 public:
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_object_size = 1000;  // each member is compared with those before it
  static constexpr std::size_t max_string_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = SIZE_MAX;
  using code = boost::system::error_code;
  using view = boost::json::string_view;

  value done;

  bool on_document_begin(code&) { return true; }
  bool on_document_end(code&) { return true; }
  bool on_object_begin(code&) { return stack_.push_back({object{}, {}, {}, true}), true; }
  bool on_object_end(std::size_t, code&) { return close(); }
  bool on_array_begin(code&) { return stack_.push_back({{}, array{}, {}, false}), true; }
  bool on_array_end(std::size_t, code&) { return close(); }
  bool on_key_part(view s, std::size_t, code&) { return text_.append(s.data(), s.size()), true; }
  bool on_key(view s, std::size_t, code&) {
    text_.append(s.data(), s.size());
    stack_.back().key = std::exchange(text_, {});
    return true;
  }
  bool on_string_part(view s, std::size_t, code&) { return text_.append(s.data(), s.size()), true; }
  bool on_string(view s, std::size_t, code&) {
    text_.append(s.data(), s.size());
    return put(value(std::exchange(text_, {})));
  }
  bool on_number_part(view s, code&) { return text_.append(s.data(), s.size()), true; }
  bool on_int64(std::int64_t, view s, code&) { return number_end(s); }
  bool on_uint64(std::uint64_t, view s, code&) { return number_end(s); }
  bool on_double(double, view s, code&) { return number_end(s); }
  bool on_bool(bool b, code&) { return put(value(b)); }
  bool on_null(code&) { return put(value()); }
  bool on_comment_part(view, code&) { return true; }
  bool on_comment(view, code&) { return true; }

 private:
  struct level {
    object members;
    array items;
    std::string key;
    bool is_object;
  };

  bool number_end(view s) {
    text_.append(s.data(), s.size());
    return put(value(number{std::exchange(text_, {})}));
  }
  bool put(value v) {
    if (stack_.empty())
      done = std::move(v);
    else if (stack_.back().is_object)
      stack_.back().members.set(std::move(stack_.back().key), std::move(v));
    else
      stack_.back().items.push_back(std::move(v));
    return true;
  }
  bool close() {
    level top = std::move(stack_.back());
    stack_.pop_back();
    return top.is_object ? put(value(std::move(top.members))) : put(value(std::move(top.items)));
  }

  std::vector<level> stack_;
  std::string text_;
};

}  // namespace

object::object() = default;
object::object(const object&) = default;
object::object(object&&) noexcept = default;
object& object::operator=(const object&) = default;
object& object::operator=(object&&) noexcept = default;
object::~object() = default;

bool object::empty() const { return members_.empty(); }
std::size_t object::size() const { return members_.size(); }
const std::vector<std::pair<std::string, value>>& object::members() const { return members_; }

object::object(std::initializer_list<member> members) {
  members_.reserve(members.size());
  for (const member& m : members) members_.emplace_back(std::move(m.name), std::move(m.v));
}

object& object::set(std::string name, value v) {
  auto at = std::find_if(members_.begin(), members_.end(), [&](const auto& m) { return m.first == name; });
  if (at != members_.end())
    at->second = std::move(v);
  else
    members_.emplace_back(std::move(name), std::move(v));
  return *this;
}

object& object::set_if(std::string name, std::optional<value> v) {
  if (v) set(std::move(name), std::move(*v));
  return *this;
}

const value* object::find(std::string_view name) const {
  auto at = std::find_if(members_.begin(), members_.end(), [&](const auto& m) { return m.first == name; });
  return at == members_.end() ? nullptr : &at->second;
}

value object::take(std::string_view name) {
  auto at = std::find_if(members_.begin(), members_.end(), [&](const auto& m) { return m.first == name; });
  return at == members_.end() ? value() : std::move(at->second);
}

bool object::take(std::string_view name, std::string& out) const {
  const value* v = find(name);
  const std::string* s = v ? v->as_text() : nullptr;
  if (s) out = *s;
  return s != nullptr;
}

bool object::take(std::string_view name, bool& out) const {
  const value* v = find(name);
  const bool* b = v ? v->as_bool() : nullptr;
  if (b) out = *b;
  return b != nullptr;
}

bool object::take(std::string_view name, double& out) const {
  const value* v = find(name);
  const number* n = v ? v->as_number() : nullptr;
  std::optional<double> d = n ? to_double(n->text) : std::nullopt;
  if (d) out = *d;
  return d.has_value();
}

bool object::take(std::string_view name, std::int64_t& out) const {
  const value* v = find(name);
  const number* n = v ? v->as_number() : nullptr;
  std::optional<std::int64_t> i = n ? to_integer(n->text) : std::nullopt;
  if (i) out = *i;
  return i.has_value();
}

bool object::take(std::string_view name, std::vector<std::string>& out) const {
  const value* v = find(name);
  const array* items = v ? v->as_array() : nullptr;
  if (!items) return false;
  std::vector<std::string> texts;
  for (const value& item : *items) {
    if (!item.as_text()) return false;
    texts.push_back(*item.as_text());
  }
  out = std::move(texts);
  return true;
}

value::value(double d) {
  if (std::isfinite(d)) data_ = number{shortest(d)};
}

namespace {

// Boost.JSON calls most lone surrogates a plain syntax error. This says whether the escapes are all that is wrong: the text
// with each lone surrogate escape replaced, or nothing when there is none.
std::optional<std::string> without_lone_surrogates(std::string_view in) {
  auto unit = [&](std::size_t at) -> unsigned {  // of the escape at `at`, or 0
    if (at + 6 > in.size() || in[at] != '\\' || in[at + 1] != 'u') return 0;
    std::optional<std::string> two = unhex(in.substr(at + 2, 4));
    return two ? static_cast<unsigned char>((*two)[0]) * 256U + static_cast<unsigned char>((*two)[1]) : 0;
  };
  auto leading = [](unsigned u) { return u >= 0xd800 && u < 0xdc00; };
  auto trailing = [](unsigned u) { return u >= 0xdc00 && u < 0xe000; };
  std::string out;
  bool found = false;
  for (std::size_t i = 0; i < in.size();) {
    if (in[i] != '\\' || i + 1 == in.size()) {
      out += in[i++];
    } else if (leading(unit(i)) && trailing(unit(i + 6))) {
      out += in.substr(i, 12);
      i += 12;
    } else if (leading(unit(i)) || trailing(unit(i))) {
      out += "\\ufffd";
      found = true;
      i += 6;
    } else {
      out += in.substr(i, 2);
      i += 2;
    }
  }
  return found ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace

result<value, failure> parse(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = 32;
  boost::json::basic_parser<builder> parser(options);
  boost::system::error_code bad;
  std::size_t used = parser.write_some(false, text.data(), text.size(), bad);
  if (bad == boost::json::error::too_deep) return failure::too_deep;
  if (bad) {
    std::optional<std::string> repaired = without_lone_surrogates(text);
    return repaired && parse(*repaired) ? failure::lone_surrogate : failure::syntax;
  }
  if (used < text.size() && !trim(text.substr(used)).empty()) return failure::syntax;
  return std::move(parser.handler().done);
}

result<object> read_object(std::string_view text) {
  result<value, failure> v = parse(text);
  if (!v) return error{"json", "cannot be read as JSON"};
  if (!v->as_object()) return error{"object", "is not a JSON object"};
  return object(*v->as_object());
}

void append_string(std::string& out, std::string_view in) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string repaired;
  if (!valid_utf8(in)) in = repaired = replace_invalid_utf8(in);
  out += '"';
  for (char c : in) {
    auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (u < 0x20 || u == 0x7f) {
      out += "\\u00";
      out += digits[u >> 4];
      out += digits[u & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void append(std::string& out, const value& v) {
  if (v.is_null()) {
    out += "null";
  } else if (const bool* b = v.as_bool()) {
    out += *b ? "true" : "false";
  } else if (const number* n = v.as_number()) {
    out += n->text;
  } else if (const std::string* s = v.as_text()) {
    append_string(out, *s);
  } else if (const array* a = v.as_array()) {
    out += '[';
    bool first = true;
    for (const value& item : *a) {
      if (!std::exchange(first, false)) out += ',';
      append(out, item);
    }
    out += ']';
  } else if (const object* o = v.as_object()) {
    out += '{';
    bool first = true;
    for (const auto& [name, member] : o->members()) {
      if (!std::exchange(first, false)) out += ',';
      append_string(out, name);
      out += ':';
      append(out, member);
    }
    out += '}';
  }
}

std::string dump(const value& v) {
  std::string out;
  append(out, v);
  return out;
}

}  // namespace carrel::json
