#include "library/opinion.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::library {
namespace {

using publication::reading_state;

constexpr std::size_t longest_review = 20'000;

// The first moment of a day, month or year.
std::optional<instant> beginning_of(const std::string& day) {
  if (day.size() < 4) return std::nullopt;
  auto part = [&](std::size_t at, std::size_t size, std::int64_t otherwise) {
    return day.size() < at + size ? otherwise : to_integer(day.substr(at, size)).value_or(otherwise);
  };
  std::chrono::year_month_day date{std::chrono::year(static_cast<int>(part(0, 4, 1970))),
                                   std::chrono::month(static_cast<unsigned>(part(5, 2, 1))),
                                   std::chrono::day(static_cast<unsigned>(part(8, 2, 1)))};
  if (!date.ok()) return std::nullopt;
  return instant(std::chrono::sys_days(date));
}

std::optional<std::string> text_or_null(const json::value& v) {
  if (v.is_null()) return "";
  return v.as_text() ? std::optional(*v.as_text()) : std::nullopt;
}

std::optional<error> take_state(const json::value& v, opinion_change& out) {
  std::optional<std::string> name = text_or_null(v);
  std::optional<reading_state> state = name ? publication::reading_state_named(*name) : std::nullopt;
  if (!name || (!name->empty() && !state)) return error{"state", "is unread, wanted, reading, read, abandoned or null"};
  out.state = state;
  return std::nullopt;
}

std::optional<error> take_rating(const json::value& v, opinion_change& out) {
  std::optional<double> stars = v.is_null() ? 0 : v.as_number() ? to_double(v.as_number()->text) : std::nullopt;
  bool halves = stars && *stars >= 0 && *stars <= 5 && *stars * 2 == static_cast<int>(*stars * 2);
  if (!halves) return error{"rating", "is a number of stars from 0.5 to 5 in steps of 0.5, or null"};
  out.rating = static_cast<int>(*stars * 2);
  return std::nullopt;
}

std::optional<error> take_day(const std::string& field, const json::value& v, std::optional<std::string>& out) {
  std::optional<std::string> text = text_or_null(v);
  bool good = text && (text->empty() || publication::date(*text) == *text);
  if (!good) return error{field, "is a day such as 2021-03-15, a month, a year or null"};
  out = std::move(*text);
  return std::nullopt;
}

std::optional<error> take_review(const json::value& v, opinion_change& out) {
  std::optional<std::string> text = text_or_null(v);
  if (!text || text->size() > longest_review || text->find('\0') != text->npos)
    return error{"review", "is a text of at most 20,000 bytes or null"};
  std::erase(*text, '\r');  // forms send both
  out.review = std::string(trim(*text));
  return std::nullopt;
}

// What an import may say of a part that somebody said something of before.
class judge {
 public:
  judge(const publication::heard_opinion& h, const import_source& source, instant now) : source_(source), now_(now) {
    read_at_ = beginning_of(h.finished.empty() ? h.started : h.finished);
    listed_at_ = beginning_of(h.listed);
  }

  bool may_say(const said& s) const {
    if (s.by == "hand") return s.at && read_at_ && *read_at_ > *s.at;
    return !source_.old || s.by.empty() || s.by == source_.name;
  }

  said stamp() const { return {source_.name, read_at_ ? *read_at_ : listed_at_ ? *listed_at_ : now_}; }

 private:
  const import_source& source_;
  instant now_;
  std::optional<instant> read_at_, listed_at_;
};

void hear_state(opinion& o, const publication::heard_opinion& h, const judge& j) {
  if (!h.state) return;
  bool agrees = o.state == h.state;
  if (!agrees && !j.may_say(o.of_state)) return;
  if (!agrees) {
    o.state = h.state;
    o.of_state = j.stamp();
    // A book that nobody has opened: whatever a device has told is newer.
    if (*h.state == reading_state::unread) o.of_state.at.reset();
  }
  auto take = [&](std::string& to, const std::string& day) {
    if (!day.empty() && (to.empty() || j.may_say(o.of_state))) to = day;
  };
  take(o.started, h.started);
  take(o.finished, h.finished);
}

template <class T>
void hear(T& to, said& of, const T& says, const judge& j) {
  if (says == T{} || says == to || !j.may_say(of)) return;
  to = says;
  of = j.stamp();
}

}  // namespace

result<opinion_change> read_opinion_change(const json::object& in) {
  opinion_change out;
  for (const auto& [name, value] : in.members()) {
    std::optional<error> wrong;
    if (name == "state")
      wrong = take_state(value, out);
    else if (name == "rating")
      wrong = take_rating(value, out);
    else if (name == "started")
      wrong = take_day(name, value, out.started);
    else if (name == "finished")
      wrong = take_day(name, value, out.finished);
    else if (name == "review")
      wrong = take_review(value, out);
    else
      wrong = error{name, "is no field of an opinion"};
    if (wrong) return *wrong;
  }
  return out;
}

result<opinion> said_by_hand(opinion o, const opinion_change& c, instant now) {
  const said by_hand{"hand", now};
  opinion before = o;
  if (c.state) o.state = *c.state;
  if (c.started) o.started = *c.started;
  if (c.finished) o.finished = *c.finished;
  std::size_t common = std::min(o.started.size(), o.finished.size());
  if (o.started.substr(0, common) > o.finished.substr(0, common)) return error{"finished", "is before the beginning"};
  if (c.state || o.started != before.started || o.finished != before.finished) o.of_state = by_hand;
  if (c.rating) {
    o.rating = *c.rating;
    o.of_rating = by_hand;
  }
  if (c.review && *c.review != before.review) {
    o.review = *c.review;
    o.of_review = by_hand;
  }
  return o;
}

opinion said_by_import(opinion o, const publication::heard_opinion& h, const import_source& source, instant now) {
  judge j(h, source, now);
  hear_state(o, h, j);
  hear(o.rating, o.of_rating, h.rating, j);
  hear(o.review, o.of_review, h.review, j);
  return o;
}

json::object to_json(const opinion& o) {
  auto text = [](const std::string& s) { return s.empty() ? json::value() : json::value(s); };
  json::object out;
  out.set("state", o.state ? json::value(publication::name_of(*o.state)) : json::value());
  out.set("rating", o.rating == 0 ? json::value() : json::value(json::number{publication::stars_text(o.rating)}));
  out.set("started", text(o.started)).set("finished", text(o.finished)).set("review", text(o.review));
  return out;
}

json::object to_json(const book_mark& m) {
  json::object out{{"state", publication::name_of(m.state)}};
  out.set("rating", m.rating == 0 ? json::value() : json::value(json::number{publication::stars_text(m.rating)}));
  return out;
}

book_mark mark_of(const book_marks& all, const uuid& book) {
  auto at = all.find(book);
  return at == all.end() ? book_mark{} : at->second;
}

}  // namespace carrel::library
