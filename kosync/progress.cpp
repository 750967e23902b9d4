#include "kosync/progress.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "server/core/text.hpp"

namespace carrel::kosync {
namespace {

constexpr std::size_t longest_document = 256, longest_progress = 4096, longest_device = 256, longest_metadata = 1024;

bool holds_nul(std::string_view s) { return s.find('\0') != std::string_view::npos; }

// A number of old clients becomes its shortest text (kosync.md 4.3).
std::optional<std::string> progress_text(const json::value* v) {
  if (!v) return std::nullopt;
  if (v->as_text()) return *v->as_text();
  if (!v->as_number()) return std::nullopt;
  if (to_integer(v->as_number()->text)) return v->as_number()->text;
  std::optional<double> d = to_double(v->as_number()->text);
  return d ? std::optional(shortest(*d)) : std::nullopt;
}

std::optional<double> percentage_of(const json::value* v) {
  if (!v) return std::nullopt;
  if (v->as_number()) return to_double(v->as_number()->text);
  return v->as_text() ? to_double(trim(*v->as_text())) : std::nullopt;
}

// Of the metadata that newer clients add (3.1); anything but a string is as good as absent.
std::optional<std::string> metadata_text(const json::object& from, std::string_view name) {
  std::string out;
  from.take(name, out);
  if (holds_nul(out)) return std::nullopt;
  return std::string(cut_utf8(out, longest_metadata));
}

// The shortest text that reads back as the same number, without an exponent where clients with small parsers would meet one.
std::string number_text(double v) {
  bool usual = v == 0 || (std::abs(v) >= 1e-7 && std::abs(v) < 1e15);
  if (!usual) return shortest(v);
  char out[64];
  auto [end, bad] = std::to_chars(out, out + sizeof out, v, std::chars_format::fixed);
  return bad == std::errc{} ? std::string(out, end) : shortest(v);
}

// What was understood of the push, in its own form. U+0000 cannot be in it any more.
std::string payload_of(const library::position& p, bool has_metadata) {
  json::object o;
  o.set("document", p.document).set("percentage", p.percentage).set("progress", p.progress).set("device", p.device);
  if (p.device_id) o.set("device_id", *p.device_id);
  if (has_metadata) {
    json::object m;
    if (!p.file_name.empty()) m.set("filename", p.file_name);
    if (!p.title.empty()) m.set("title", p.title);
    if (!p.authors.empty()) m.set("authors", p.authors);
    o.set("metadata", std::move(m));
  }
  return json::dump(o);
}

}  // namespace

bool valid_document(std::string_view d) {
  if (d.empty() || d.size() > longest_document || !valid_utf8(d)) return false;
  for (std::size_t i = 0; i < d.size(); ++i) {
    if (is_control(d[i]) || d[i] == ':' || d[i] == '/') return false;
    if (d[i] == '\xc2' && static_cast<unsigned char>(d[i + 1]) < 0xa0) return false;  // U+0080 to U+009F
  }
  return true;
}

result<json::object, refusal> read_body(std::string_view body) {
  result<json::value, json::failure> v = json::parse(body);
  if (!v) return v.error() == json::failure::lone_surrogate ? invalid_request() : not_json();
  if (!v->as_object()) return not_an_object();
  return *v->as_object();
}

result<library::position, refusal> parse_progress(std::string_view body) {
  result<json::object, refusal> in = read_body(body);
  if (!in) return in.error();

  library::position p;
  if (!in->take("document", p.document) || p.document.empty() || p.document.find(':') != p.document.npos) return no_document();
  if (!valid_document(p.document)) return invalid_request();

  std::optional<std::string> progress = progress_text(in->find("progress"));
  if (!progress || progress->empty() || progress->size() > longest_progress || holds_nul(*progress)) return invalid_request();
  p.progress = std::move(*progress);

  std::optional<double> percentage = percentage_of(in->find("percentage"));
  if (!percentage) return invalid_request();
  p.percentage = *percentage;

  if (!in->take("device", p.device) || p.device.empty() || p.device.size() > longest_device || holds_nul(p.device))
    return invalid_request();
  if (const json::value* id = in->find("device_id"); id && !id->is_null()) {
    const std::string* text = id->as_text();
    if (!text || text->size() > longest_device || holds_nul(*text)) return invalid_request();
    p.device_id = *text;
  }

  const json::value* sent = in->find("metadata");
  const json::object* metadata = sent ? sent->as_object() : nullptr;
  if (metadata) {
    std::optional<std::string> name = metadata_text(*metadata, "filename");
    std::optional<std::string> title = metadata_text(*metadata, "title");
    std::optional<std::string> authors = metadata_text(*metadata, "authors");
    if (!name || !title || !authors) return invalid_request();
    p.file_name = std::move(*name);
    p.title = std::move(*title);
    p.authors = std::move(*authors);
  }
  p.device_key = device_key(p.device, p.device_id);
  p.payload = payload_of(p, metadata != nullptr);
  return p;
}

std::string device_key(const std::string& device, const std::optional<std::string>& device_id) {
  // Every unit with this firmware sends the same id (kosync.md 7.2).
  if (device_id && !device_id->empty() && *device_id != "crosspoint-reader") return "d:" + *device_id;
  return "n:" + device + "/" + device_id.value_or("");
}

std::string device_key(const uuid& credential) { return "c:" + credential.text(); }

std::string stored_json(const std::string& document, std::int64_t timestamp) {
  std::string out = R"({"document":)";
  json::append_string(out, document);
  out += R"(,"timestamp":)" + std::to_string(timestamp) + "}";
  return out;
}

std::string progress_json(const library::position& p) {
  std::string out = R"({"document":)";
  json::append_string(out, p.document);
  out += R"(,"percentage":)" + number_text(p.percentage) + R"(,"progress":)";
  json::append_string(out, p.progress);
  out += R"(,"device":)";
  json::append_string(out, p.device);
  if (p.device_id) {
    out += R"(,"device_id":)";
    json::append_string(out, *p.device_id);
  }
  out += R"(,"timestamp":)" + std::to_string(p.timestamp) + "}";
  return out;
}

std::string error_json(int code, std::string_view message) {
  std::string out = R"({"code":)" + std::to_string(code) + R"(,"message":)";
  json::append_string(out, message);
  return out + "}";
}

}  // namespace carrel::kosync
