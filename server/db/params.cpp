#include <cmath>

#include "server/core/text.hpp"
#include "server/db/timestamp.hpp"
#include "server/db/tx.hpp"

namespace carrel::db {

param to_param(std::string_view s) { return std::string(s); }

param to_param(bool b) { return std::string(b ? "t" : "f"); }

param to_param(double d) {
  if (std::isnan(d)) return std::string("NaN");
  if (std::isinf(d)) return std::string(d > 0 ? "Infinity" : "-Infinity");
  return shortest(d);
}

param to_param(const uuid& id) { return id.text(); }

param to_param(const bytes& b) { return "\\x" + hex(b.raw); }

param to_param(instant at) {
  if (at == instant::max()) return std::string("infinity");
  if (at == instant::min()) return std::string("-infinity");
  return timestamp_text(at);
}

param to_param(std::chrono::sys_seconds at) { return to_param(std::chrono::time_point_cast<std::chrono::microseconds>(at)); }

void array_text::add_plain(std::string_view text) {
  out_ += out_.empty() ? '{' : ',';
  out_ += text;
}

void array_text::add(std::string_view text) {
  out_ += out_.empty() ? "{\"" : ",\"";
  std::size_t from = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '"' && text[at] != '\\') continue;
    out_.append(text, from, at - from) += '\\';
    from = at;
  }
  out_.append(text, from) += '"';
}

void array_text::add(const uuid& id) {
  out_ += out_.empty() ? '{' : ',';
  id.append_to(out_);
}

}  // namespace carrel::db
