#include "publication/isolated/wishes.hpp"

#include <cmath>

#include "publication/transport.hpp"
#include "server/core/json.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::isolated {
namespace {

using locator::pointer_form;
using locator::position;
using locator::quality;

constexpr std::size_t longest_text = 16 << 10;
const refusal broken{"inspection_crash", "what was asked or answered"};

json::object json_of(const position& p) {
  return {{"index", p.spine_index},      {"href", p.href},     {"nw", p.nw_offset}, {"in_document", p.item_fraction},
          {"in_book", p.total_fraction}, {"before", p.before}, {"after", p.after},  {"quality", locator::to_string(p.how)}};
}

bool take_count(const json::object& in, std::string_view name, std::uint64_t& out) {
  std::int64_t n = 0;
  if (!in.take(name, n) || n < 0) return false;
  out = static_cast<std::uint64_t>(n);
  return true;
}

bool take_fraction(const json::object& in, std::string_view name, double& out) {
  return in.take(name, out) && out >= 0 && out <= 1;
}

bool take_text(const json::object& in, std::string_view name, std::string& out) {
  return in.take(name, out) && out.size() <= longest_text;
}

const json::object* object_in(const json::object& in, std::string_view name) {
  const json::value* v = in.find(name);
  return v == nullptr ? nullptr : v->as_object();
}

std::optional<position> position_from(const json::object& in) {
  position p;
  std::uint64_t index = 0;
  std::string how;
  bool good = take_count(in, "index", index) && take_count(in, "nw", p.nw_offset) && take_text(in, "href", p.href) &&
              take_fraction(in, "in_document", p.item_fraction) && take_fraction(in, "in_book", p.total_fraction) &&
              take_text(in, "before", p.before) && take_text(in, "after", p.after) && in.take("quality", how);
  std::optional<quality> known = locator::quality_named(how);
  if (!good || !known) return std::nullopt;
  p.spine_index = static_cast<std::size_t>(index);
  p.how = *known;
  return p;
}

}  // namespace

std::string wish_json(const conversion_wish& w) {
  const kepub::options& o = w.how;
  return json::dump(json::object{{"to", w.to},
                                 {"hyphenation", static_cast<int>(o.hyphenation)},
                                 {"title_page", o.title_page},
                                 {"max_size", o.max_size},
                                 {"smart_punctuation", o.smart_punctuation},
                                 {"fullscreen_fix", o.fullscreen_fix},
                                 {"css", o.css}});
}

result<conversion_wish, refusal> conversion_from_json(std::string_view text) {
  result<json::object> in = json::read_object(text);
  conversion_wish out;
  kepub::options& o = out.how;
  std::uint64_t hyphenation = 0;
  bool good = in && in->take("to", out.to) && take_count(*in, "hyphenation", hyphenation) && hyphenation <= 2 &&
              in->take("title_page", o.title_page) && take_count(*in, "max_size", o.max_size) &&
              in->take("smart_punctuation", o.smart_punctuation) && in->take("fullscreen_fix", o.fullscreen_fix) &&
              in->take("css", o.css);
  if (!good) return broken;
  o.hyphenation = static_cast<kepub::hyphens>(hyphenation);
  return out;
}

std::string wish_json(const place_wish& w) {
  json::object out{{"xpointer", w.xpointer}, {"counted", w.counted}, {"measure", base64(w.measure)}};
  if (w.position) out.set("position", json_of(*w.position));
  return json::dump(out);
}

result<place_wish, refusal> wish_from_json(std::string_view text) {
  result<json::object> in = json::read_object(text);
  place_wish out;
  std::string measure;
  if (!in || !in->take("xpointer", out.xpointer) || !take_count(*in, "counted", out.counted) || !in->take("measure", measure))
    return broken;
  out.measure = base64_decode(measure).value_or("");
  if (const json::object* p = object_in(*in, "position")) {
    out.position = position_from(*p);
    if (!out.position) return broken;
  }
  return out;
}

std::string found_json(const found_place& f) {
  json::object out;
  if (f.at) out.set("at", json_of(*f.at));
  if (f.pointer)
    out.set("pointer",
            json::object{{"text", f.pointer->text}, {"form", static_cast<int>(f.pointer->form)}, {"nw", f.pointer->nw}});
  return json::dump(out);
}

result<found_place, refusal> found_from_json(std::string_view text) {
  if (text.size() > longest_transport) return broken;
  result<json::object> in = json::read_object(text);
  if (!in) return broken;
  found_place out;
  if (std::string code, detail; in->take("refused", code) && in->take("detail", detail)) return refusal{code, detail};
  if (const json::object* p = object_in(*in, "at")) {
    out.at = position_from(*p);
    if (!out.at) return broken;
  }
  if (const json::object* p = object_in(*in, "pointer")) {
    locator::written_pointer w;
    std::uint64_t form = 0;
    if (!take_text(*p, "text", w.text) || !take_count(*p, "form", form) || form > 2 || !take_count(*p, "nw", w.nw)) return broken;
    w.form = static_cast<pointer_form>(form);
    out.pointer = std::move(w);
  }
  return out;
}

}  // namespace carrel::publication::isolated
