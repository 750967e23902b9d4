#include "publication/transport.hpp"

#include <algorithm>
#include <climits>
#include <cmath>

#include "publication/open.hpp"
#include "publication/sanitise.hpp"
#include "publication/unicode.hpp"
#include "server/core/json.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::size_t most_toc_bytes = 2 << 20;
constexpr std::size_t long_text = 64 << 10, line = 1200, short_text = 300;
constexpr std::size_t most_toc = 10'000, most_items = 1000, most_chapters = 5000, most_facts = 200;
constexpr std::int64_t longest_sound = 1'000'000'000;  // ms

json::array people_json(const std::vector<person>& people) {
  json::array out;
  for (const person& p : people) out.push_back(json::object{{"name", p.name}, {"sort", p.sort}, {"role", p.role}});
  return out;
}

std::string_view name_of(direction d) {
  switch (d) {
    case direction::ltr: return "ltr";
    case direction::rtl: return "rtl";
    case direction::unknown: break;
  }
  return "";
}

json::object about_json(const metadata& m) {
  json::object out;
  out.set("title", m.title).set("subtitle", m.subtitle).set("title_sort", m.title_sort);
  out.set("authors", people_json(m.authors)).set("contributors", people_json(m.contributors));
  out.set("series", m.series).set("series_index_text", m.series_index_text);
  if (m.series_index) out.set("series_index", *m.series_index);
  out.set("languages", m.languages).set("publisher", m.publisher).set("published_on", m.published_on);
  out.set("description_html", m.description_html).set("description_text", m.description_text).set("subjects", m.subjects);
  if (m.rating) out.set("rating", *m.rating);
  json::array identifiers;
  for (const auto& [scheme, value] : m.identifiers) identifiers.push_back(json::array{scheme, value});
  out.set("identifiers", std::move(identifiers)).set("reading", name_of(m.reading));
  out.set("fixed_layout", m.fixed_layout).set("is_kepub", m.is_kepub);
  out.set("page_count", m.page_count).set("page_count_source", m.page_count_source);
  json::array toc;
  std::size_t bytes = 0;
  for (const toc_entry& e : m.toc) {
    bytes += e.title.size() + e.href.size() + 16;
    if (bytes > most_toc_bytes) break;
    toc.push_back(json::array{e.title, e.href, e.depth});
  }
  json::array chapters;
  for (const chapter& c : m.chapters) chapters.push_back(json::array{c.title, c.start, c.end});
  json::array facts;
  for (const auto& [key, value] : m.facts) facts.push_back(json::array{key, value});
  out.set("toc", std::move(toc)).set("genres", m.genres).set("duration", m.duration).set("chapters", std::move(chapters));
  return out.set("facts", std::move(facts)).set("drm", m.drm).set("epub_version", m.epub_version);
}

// Every fault of the sender ends here.
struct broken {};

bool is_presentable(std::string_view s, bool lines) {
  return std::none_of(s.begin(), s.end(), [&](char c) { return is_control(c) && !(lines && c == '\n'); });
}

class taker {
 public:
  explicit taker(const json::object& in) : in_(in) {}

  std::string text(std::string_view name, std::size_t most = line, bool lines = false) const {
    std::string out;
    if (!in_.take(name, out)) throw broken{};
    return checked(std::move(out), most, lines);
  }
  bool flag(std::string_view name) const {
    bool out = false;
    if (!in_.take(name, out)) throw broken{};
    return out;
  }
  std::int64_t integer(std::string_view name, std::int64_t most) const {
    std::int64_t out = 0;
    if (!in_.take(name, out) || out < 0 || out > most) throw broken{};
    return out;
  }
  int number(std::string_view name, int most) const { return static_cast<int>(integer(name, most)); }
  std::optional<double> real(std::string_view name, double most) const {
    if (in_.find(name) == nullptr) return std::nullopt;
    double out = 0;
    if (!in_.take(name, out) || !std::isfinite(out) || out < 0 || out > most) throw broken{};
    return out;
  }
  const json::array& list(std::string_view name, std::size_t most = most_items) const {
    const json::value* v = in_.find(name);
    if (v == nullptr || v->as_array() == nullptr || v->as_array()->size() > most) throw broken{};
    return *v->as_array();
  }
  std::vector<std::string> texts(std::string_view name, std::size_t most = short_text) const {
    std::vector<std::string> out;
    for (const json::value& v : list(name)) out.push_back(text_of(v, most));
    return out;
  }

  static std::string text_of(const json::value& v, std::size_t most, bool lines = false) {
    if (v.as_text() == nullptr) throw broken{};
    return checked(*v.as_text(), most, lines);
  }
  static std::int64_t integer_of(const json::value& v, std::int64_t most) {
    const json::number* n = v.as_number();
    std::optional<std::int64_t> out = n == nullptr ? std::nullopt : to_integer(n->text);
    if (!out || *out < 0 || *out > most) throw broken{};
    return *out;
  }
  static const json::array& array_of(const json::value& v, std::size_t size) {
    if (v.as_array() == nullptr || v.as_array()->size() != size) throw broken{};
    return *v.as_array();
  }
  static const json::object& object_of(const json::value* v) {
    if (v == nullptr || v->as_object() == nullptr) throw broken{};
    return *v->as_object();
  }

 private:
  static std::string checked(std::string s, std::size_t most, bool lines) {
    if (s.size() > most || !is_presentable(s, lines)) throw broken{};
    return s;
  }
  const json::object& in_;
};

template <class... Names>
void expect_one_of(const std::string& value, Names... names) {
  if (((value != names) && ...)) throw broken{};
}

std::vector<person> people_from(const json::array& list) {
  std::vector<person> out;
  for (const json::value& v : list) {
    taker in(taker::object_of(&v));
    out.push_back({in.text("name"), in.text("sort"), in.text("role", 16)});
  }
  return out;
}

bool is_code(std::string_view s) {
  return !s.empty() && s.size() <= 40 &&
         std::all_of(s.begin(), s.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

metadata about_from(const json::object& object) {
  taker in(object);
  metadata m;
  m.title = in.text("title");
  m.subtitle = in.text("subtitle");
  m.title_sort = in.text("title_sort");
  m.authors = people_from(in.list("authors"));
  m.contributors = people_from(in.list("contributors"));
  m.series = in.text("series");
  m.series_index_text = in.text("series_index_text", 100);
  m.series_index = in.real("series_index", 99'999);
  m.languages = in.texts("languages", 64);
  for (const std::string& l : m.languages) {
    if (language_tag(l) != l) throw broken{};
  }
  m.publisher = in.text("publisher");
  m.published_on = in.text("published_on", 10);
  if (!m.published_on.empty() && date(m.published_on) != m.published_on) throw broken{};
  m.description_html = in.text("description_html", long_text, true);
  m.description_text = in.text("description_text", long_text, true);
  if (!is_sanitised(m.description_html)) throw broken{};
  m.subjects = in.texts("subjects");
  m.rating = in.real("rating", 5);
  for (const json::value& v : in.list("identifiers", 100)) {
    const json::array& pair = taker::array_of(v, 2);
    m.identifiers.emplace_back(taker::text_of(pair[0], 40), taker::text_of(pair[1], short_text));
  }
  std::string reading = in.text("reading", 3);
  expect_one_of(reading, "", "ltr", "rtl");
  m.reading = reading == "rtl" ? direction::rtl : reading == "ltr" ? direction::ltr : direction::unknown;
  m.fixed_layout = in.flag("fixed_layout");
  m.is_kepub = in.flag("is_kepub");
  m.page_count = in.number("page_count", 1'000'000);
  m.page_count_source = in.text("page_count_source", 20);
  expect_one_of(m.page_count_source, "", "page_list", "counted", "calibre", "estimate");
  for (const json::value& v : in.list("toc", most_toc)) {
    const json::array& entry = taker::array_of(v, 3);
    m.toc.push_back(
        {taker::text_of(entry[0], 500), taker::text_of(entry[1], 2000), static_cast<int>(taker::integer_of(entry[2], 64))});
  }
  m.genres = in.texts("genres");
  m.duration = in.integer("duration", longest_sound);
  for (const json::value& v : in.list("chapters", most_chapters)) {
    const json::array& c = taker::array_of(v, 3);
    m.chapters.push_back(
        {taker::text_of(c[0], 500), taker::integer_of(c[1], longest_sound), taker::integer_of(c[2], longest_sound)});
  }
  for (const json::value& v : in.list("facts", most_facts)) {
    const json::array& pair = taker::array_of(v, 2);
    std::string key = taker::text_of(pair[0], 40);
    if (!is_code(key)) throw broken{};
    m.facts.emplace_back(std::move(key), taker::text_of(pair[1], long_text, true));
  }
  m.drm = in.text("drm", 10);
  expect_one_of(m.drm, "", "lcp", "apple", "kobo", "adept", "amazon", "audible", "unknown");
  m.epub_version = in.text("epub_version", 20);
  return m;
}

json::array warnings_json(const std::vector<warning>& all) {
  json::array out;
  for (const warning& w : all) out.push_back(json::object{{"code", w.code}, {"detail", w.detail}});
  return out;
}

std::vector<warning> warnings_from(const taker& in) {
  std::vector<warning> out;
  for (const json::value& v : in.list("warnings")) {
    taker w(taker::object_of(&v));
    warning one{w.text("code", 40), w.text("detail", short_text)};
    if (!is_code(one.code)) throw broken{};
    out.push_back(std::move(one));
  }
  return out;
}

json::object picture_json(const cover_image& c) {
  return json::object{{"mime", c.mime}, {"width", c.width}, {"height", c.height}};
}

cover_image picture_from(const json::object& object) {
  taker in(object);
  cover_image c{
      .bytes = {}, .mime = in.text("mime", 20), .width = in.number("width", 20'000), .height = in.number("height", 20'000)};
  expect_one_of(c.mime, "image/jpeg", "image/png", "image/webp", "image/gif");
  return c;
}

opened opened_from(const json::object& object) {
  taker in(object);
  opened out;
  out.format = in.text("format", 10);
  if (find_kind(out.format) == nullptr) throw broken{};
  out.content_hash = in.text("content_hash", 64);
  if (!out.content_hash.empty() &&
      (out.content_hash.size() != 64 || !unhex(out.content_hash) || lower_ascii(out.content_hash) != out.content_hash))
    throw broken{};
  out.described = in.flag("described");
  out.about = about_from(taker::object_of(object.find("about")));
  if (out.about.title.empty()) throw broken{};
  if (const json::value* v = object.find("cover")) out.cover = picture_from(taker::object_of(v));
  out.warnings = warnings_from(in);
  return out;
}

told told_from(const json::object& object) {
  constexpr std::int64_t latest = 253'402'300'799;  // the end of the year 9999
  taker in(object);
  told out;
  out.about = about_from(taker::object_of(object.find("about")));
  out.cover = in.text("cover", short_text);
  if (object.find("added_at") != nullptr) out.added_at = instant(std::chrono::seconds(in.integer("added_at", latest)));
  out.warnings = warnings_from(in);
  return out;
}

kepub::made made_from(const json::object& object) {
  taker in(object);
  kepub::made out;
  out.copied = in.flag("copied");
  out.spans = static_cast<std::uint64_t>(in.number("spans", INT_MAX));
  out.warnings = warnings_from(in);
  return out;
}

// What `from` makes of it, or the refusal that was sent instead.
template <class T>
result<T, refusal> received(std::string_view text, T (*from)(const json::object&)) {
  const refusal crash{"inspection_crash", ""};
  if (text.size() > longest_transport) return crash;
  result<json::object> parsed = json::read_object(text);
  if (!parsed) return crash;
  try {
    if (parsed->find("refused") == nullptr) return from(*parsed);
    taker in(*parsed);
    refusal r{in.text("refused", 40), in.text("detail", line)};
    return is_code(r.code) ? r : crash;
  } catch (const broken&) {
    return crash;
  }
}

}  // namespace

std::string to_json(const opened& o) {
  json::object out;
  out.set("format", o.format).set("content_hash", o.content_hash).set("described", o.described).set("about", about_json(o.about));
  if (o.cover) out.set("cover", picture_json(*o.cover));
  return json::dump(out.set("warnings", warnings_json(o.warnings)));
}

std::string to_json(const cover_image& c) { return json::dump(picture_json(c)); }

std::string to_json(const told& t) {
  json::object out{{"about", about_json(t.about)}, {"cover", t.cover}, {"warnings", warnings_json(t.warnings)}};
  if (t.added_at) out.set("added_at", unix_seconds(*t.added_at));
  return json::dump(out);
}

std::string to_json(const kepub::made& m) {
  json::object out{{"copied", m.copied}, {"spans", m.spans}, {"warnings", warnings_json(m.warnings)}};
  return json::dump(out);
}

std::string to_json(const refusal& r) { return json::dump(json::object{{"refused", r.code}, {"detail", r.detail}}); }

result<opened, refusal> from_json(std::string_view text) { return received(text, opened_from); }
result<cover_image, refusal> picture_from_json(std::string_view text) { return received(text, picture_from); }
result<told, refusal> told_from_json(std::string_view text) { return received(text, told_from); }
result<kepub::made, refusal> made_from_json(std::string_view text) { return received(text, made_from); }

}  // namespace carrel::publication
