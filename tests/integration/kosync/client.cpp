#include "tests/integration/kosync/client.hpp"

#include "server/core/text.hpp"
#include "tests/harness/wire.hpp"

namespace carrel::kosync::tests {

std::string reply::header(std::string_view name) const { return harness::find_header(fields, name); }

json::object reply::object() const {
  result<json::object> o = json::read_object(body);
  return o ? *o : json::object{};
}

std::string reply::text(std::string_view member) const {
  json::object o = object();
  const json::value* v = o.find(member);
  if (!v) return "";
  if (v->as_text()) return *v->as_text();
  return v->as_number() ? v->as_number()->text : "";
}

long reply::code() const {
  std::int64_t code = -1;
  object().take("code", code);
  return static_cast<long>(code);
}

reply send(unsigned port, const std::string& method, const std::string& target, const headers& h, const std::string& body) {
  std::string out = method + " " + target + " HTTP/1.1\r\nHost: library.example\r\nConnection: close\r\n";
  for (const auto& [name, value] : h) out += name + ": " + value + "\r\n";
  if (!body.empty() || method == "PUT" || method == "POST") out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  harness::answer a = harness::parse_answer(harness::exchange(port, out + "\r\n" + body));
  reply r;
  r.status = a.status;
  r.fields = std::move(a.head);
  r.body = std::move(a.body);
  return r;
}

headers reader::sign_in() const {
  return {{"x-auth-user", name}, {"x-auth-key", key}, {"Accept", "application/vnd.koreader.v1+json"}};
}

reply reader::put(const std::string& body) const {
  headers h = sign_in();
  h.emplace_back("Content-Type", "application/json");
  return send(port, "PUT", base + "/syncs/progress", h, body);
}

reply reader::get(const std::string& document) const {
  return send(port, "GET", base + "/syncs/progress/" + percent_encode(document), sign_in());
}

std::string push_body(const std::string& document, double percentage, const std::string& progress, const std::string& device,
                      const std::string& device_id) {
  json::object o;
  o.set("document", document)
      .set("percentage", percentage)
      .set("progress", progress)
      .set("device", device)
      .set("device_id", device_id);
  return json::dump(o);
}

reply reader::push(const std::string& document, double percentage, const std::string& progress, const std::string& device,
                   const std::string& device_id) const {
  return put(push_body(document, percentage, progress, device, device_id));
}

}  // namespace carrel::kosync::tests
