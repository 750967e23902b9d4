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

std::string array_literal(const std::vector<param>& items) {
  std::size_t size = 2;
  for (const param& item : items) size += item ? item->size() + 3 : 5;
  std::string out;
  out.reserve(size);
  out += '{';
  for (const param& item : items) {
    if (out.size() > 1) out += ',';
    if (!item) {
      out += "NULL";
      continue;
    }
    out += '"';
    std::string_view rest = *item;
    for (std::size_t at; (at = rest.find_first_of(R"("\)")) != rest.npos; rest.remove_prefix(at + 1))
      out.append(rest.substr(0, at)).append({'\\', rest[at]});
    out.append(rest);
    out += '"';
  }
  out += '}';
  return out;
}

}  // namespace carrel::db
