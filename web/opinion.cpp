#include "web/opinion.hpp"

#include <algorithm>

#include "server/core/text.hpp"
#include "web/format.hpp"

namespace carrel::web {
namespace {

using publication::reading_state;

constexpr int stars = publication::most_halves / 2;

// "4½"
std::string count_of(const messages& say, int halves) {
  std::string whole = halves == 1 ? "" : say.number(halves / 2);
  return whole + (halves % 2 == 1 ? "½" : "");
}

view state_button(const std::string& value, const std::string& label, bool pressed) {
  view out;
  out.set("value", value).set("label", label).set("pressed", pressed ? "true" : "false");
  return out;
}

std::vector<view> state_buttons(const messages& say, const library::opinion& o) {
  std::vector<view> out;
  for (reading_state s :
       {reading_state::wanted, reading_state::reading, reading_state::read, reading_state::abandoned, reading_state::unread})
    out.push_back(state_button(std::string(publication::name_of(s)), state_words(say, s), o.state == s));
  out.push_back(state_button("", say.text("opinion.by_devices"), !o.state));
  return out;
}

std::vector<view> star_buttons(const messages& say, int halves) {
  std::vector<view> out;
  for (int star = 1; star <= stars; ++star) {
    view one;
    one.set("value", star).set("label", stars_words(say, 2 * star)).set("pressed", halves == 2 * star ? "true" : "false");
    one.set("shape", halves >= 2 * star ? "full" : halves == 2 * star - 1 ? "half" : "empty");
    out.push_back(one);
  }
  return out;
}

// The button that takes half a star away or adds it.
void fill_half(const messages& say, int halves, view& into) {
  into.set("half_value", false);
  if (halves < 2 && halves != 1) return;
  int other = halves % 2 == 0 ? halves - 1 : halves + 1;
  into.set("half_value", publication::stars_text(other)).set("half_label", stars_words(say, other));
  into.set("half_sign", other < halves ? "−½" : "+½");
}

std::string days_words(const messages& say, const library::opinion& o) {
  std::vector<std::string> out;
  if (!o.started.empty()) out.push_back(say.say("opinion.started_on", {{"day", date_text(say, o.started)}}));
  if (!o.finished.empty()) out.push_back(say.say("opinion.finished_on", {{"day", date_text(say, o.finished)}}));
  return join(out, " · ");
}

std::vector<view> paragraphs(const std::string& text) {
  std::vector<view> out;
  for (const std::string& line : split(text, '\n')) {
    view one;
    one.set("line", line);
    if (!line.empty()) out.push_back(one);
  }
  return out;
}

}  // namespace

std::string state_words(const messages& say, reading_state s) {
  return say.text("opinion.state." + std::string(publication::name_of(s)));
}

std::string stars_words(const messages& say, int halves) {
  return halves == 0 ? std::string() : say.say("opinion.stars", {{"n", count_of(say, halves)}});
}

std::string mark_words(const messages& say, const library::book_mark& m) {
  std::string out = m.state == reading_state::unread ? std::string() : state_words(say, m.state);
  if (m.rating == 0) return out;
  if (!out.empty()) out += " · ";
  for (int star = 1; star <= m.rating / 2; ++star) out += "★";
  return out + (m.rating % 2 == 1 ? "½" : "");
}

void fill_opinion(const messages& say, const library::opinion& o, const library::book_mark& mark, view& into) {
  into.set("state_buttons", state_buttons(say, o)).set("star_buttons", star_buttons(say, o.rating));
  bool devices_tell = mark.state != o.state.value_or(reading_state::unread);
  into.set("state_note", devices_tell ? say.say("opinion.devices_tell", {{"state", state_words(say, mark.state)}}) : "");
  into.set("stars_words", stars_words(say, o.rating)).set("days_words", days_words(say, o));
  into.set("review", paragraphs(o.review));
  fill_half(say, o.rating, into);
}

}  // namespace carrel::web
