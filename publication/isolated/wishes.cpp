#include "publication/isolated/wishes.hpp"

#include <cmath>

#include "publication/kepub/spans.hpp"
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

json::object json_of(const locator::readium_locator& l) {
  json::object out{{"href", l.href}, {"before", l.before}, {"highlight", l.highlight}, {"after", l.after}};
  if (l.progression) out.set("progression", *l.progression);
  if (l.total_progression) out.set("total", *l.total_progression);
  return out;
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

bool take_span(const json::object& in, std::string_view name, std::string& out) {
  return take_text(in, name, out) && kepub::parse_span(out);
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

std::optional<locator::readium_locator> locator_from(const json::object& in) {
  locator::readium_locator out;
  bool good = take_text(in, "href", out.href) && take_text(in, "before", out.before) &&
              take_text(in, "highlight", out.highlight) && take_text(in, "after", out.after);
  double fraction = 0;
  if (in.find("progression") != nullptr) {
    good = good && take_fraction(in, "progression", fraction);
    out.progression = fraction;
  }
  if (in.find("total") != nullptr) {
    good = good && take_fraction(in, "total", fraction);
    out.total_progression = fraction;
  }
  return good ? std::optional(std::move(out)) : std::nullopt;
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
                                 {"css", o.css},
                                 {"metadata", o.metadata}});
}

result<conversion_wish, refusal> conversion_from_json(std::string_view text) {
  result<json::object> in = json::read_object(text);
  conversion_wish out;
  kepub::options& o = out.how;
  std::uint64_t hyphenation = 0;
  bool good = in && in->take("to", out.to) && take_count(*in, "hyphenation", hyphenation) && hyphenation <= 2 &&
              in->take("title_page", o.title_page) && take_count(*in, "max_size", o.max_size) &&
              in->take("smart_punctuation", o.smart_punctuation) && in->take("fullscreen_fix", o.fullscreen_fix) &&
              in->take("css", o.css) && in->take("metadata", o.metadata);
  if (!good) return broken;
  o.hyphenation = static_cast<kepub::hyphens>(hyphenation);
  return out;
}

std::string wish_json(const copy_wish& w) { return json::dump(json::object{{"to", w.to}, {"metadata", w.metadata}}); }

result<copy_wish, refusal> copy_from_json(std::string_view text) {
  result<json::object> in = json::read_object(text);
  copy_wish out;
  return in && in->take("to", out.to) && in->take("metadata", out.metadata) ? result<copy_wish, refusal>(std::move(out)) : broken;
}

std::string copied_json(bool written) { return json::dump(json::object{{"written", written}}); }

result<bool, refusal> copied_from_json(std::string_view text) {
  result<json::object> in = text.size() > longest_transport ? result<json::object>(error{}) : json::read_object(text);
  if (!in) return broken;
  if (std::string code, detail; in->take("refused", code) && in->take("detail", detail)) return refusal{code, detail};
  bool written = false;
  return in->take("written", written) ? result<bool, refusal>(written) : broken;
}

std::string wish_json(const place_wish& w) {
  json::object out{{"xpointer", w.xpointer}, {"counted", w.counted}, {"measure", base64(w.measure)}};
  if (w.position) out.set("position", json_of(*w.position));
  if (w.readium) out.set("readium", json_of(*w.readium));
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
  if (const json::object* l = object_in(*in, "readium")) {
    out.readium = locator_from(*l);
    if (!out.readium) return broken;
  }
  return out;
}

std::string wish_json(const std::vector<std::string>& quotes) { return json::dump(json::object{{"quotes", quotes}}); }

result<std::vector<std::string>, refusal> quotes_from_json(std::string_view text) {
  result<json::object> in = json::read_object(text);
  std::vector<std::string> out;
  return in && in->take("quotes", out) ? result<std::vector<std::string>, refusal>(std::move(out)) : broken;
}

std::string found_quotes_json(const std::vector<std::optional<locator::found_quote>>& found) {
  json::array all;
  for (const std::optional<locator::found_quote>& q : found) {
    json::object out;
    if (q)
      out =
          json::object{{"href", q->href},      {"progress", q->progress}, {"first", q->first.span}, {"begin", q->first.character},
                       {"last", q->last.span}, {"end", q->last.character}};
    all.push_back(std::move(out));
  }
  return json::dump(json::object{{"found", std::move(all)}});
}

result<std::vector<std::optional<locator::found_quote>>, refusal> found_quotes_from_json(std::string_view text,
                                                                                         std::size_t quotes) {
  if (text.size() > longest_transport) return broken;
  result<json::object> in = json::read_object(text);
  if (!in) return broken;
  if (std::string code, detail; in->take("refused", code) && in->take("detail", detail)) return refusal{code, detail};
  const json::value* all = in->find("found");
  if (all == nullptr || all->as_array() == nullptr || all->as_array()->size() != quotes) return broken;
  std::vector<std::optional<locator::found_quote>> out;
  for (const json::value& v : *all->as_array()) {
    if (v.as_object() == nullptr) return broken;
    const json::object& one = *v.as_object();
    locator::found_quote q;
    if (one.find("href") == nullptr) {
      out.emplace_back();
      continue;
    }
    bool good = take_text(one, "href", q.href) && take_fraction(one, "progress", q.progress) &&
                take_span(one, "first", q.first.span) && take_count(one, "begin", q.first.character) &&
                take_span(one, "last", q.last.span) && take_count(one, "end", q.last.character);
    if (!good) return broken;
    out.emplace_back(std::move(q));
  }
  return out;
}

std::string wish_json(const piece_wish& w) {
  return json::dump(
      json::object{{"path", w.what.path}, {"place", w.what.place}, {"width", w.width}, {"for_readers", w.for_readers}});
}

result<piece_wish, refusal> piece_from_json(std::string_view text) {
  result<json::object> in = json::read_object(text);
  piece_wish out;
  std::uint64_t width = 0;
  bool good = in && take_text(*in, "path", out.what.path) && take_count(*in, "place", out.what.place) &&
              take_count(*in, "width", width) && width <= 20'000 && in->take("for_readers", out.for_readers);
  if (!good) return broken;
  out.width = static_cast<int>(width);
  return out;
}

std::string json_of(const piece& p) { return json::dump(json::object{{"type", p.type}}); }

result<piece, refusal> read_piece_answer(std::string_view text) {
  if (text.size() > longest_transport) return broken;
  result<json::object> in = json::read_object(text);
  if (!in) return broken;
  if (std::string code, detail; in->take("refused", code) && in->take("detail", detail)) return refusal{code, detail};
  piece out;
  bool known = in->take("type", out.type) && (out.type.empty() || out.type == "image/jxl" || out.type == "image/bmp" ||
                                              (out.type.starts_with("image/") && served_type(out.type, "") == out.type));
  return known ? result<piece, refusal>(std::move(out)) : broken;
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
