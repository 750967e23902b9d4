#include "opds/book_place.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "opds/formats.hpp"
#include "server/core/text.hpp"

namespace carrel::opds {
namespace {

namespace locator = publication::locator;

double seconds(std::int64_t milliseconds) { return static_cast<double>(milliseconds) / 1000; }
double seconds_long(const placed_book& b) { return seconds(b.sound.length); }
bool is_sound(const placed_book& b) { return !b.sound.tracks.empty(); }

std::string percent_text(double fraction) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f %%", fraction * 100);
  return text;
}

// At most three decimals.
std::string seconds_text(double seconds) { return shortest(std::round(seconds * 1000) / 1000); }

// The documents by their weights stand in for their lengths as long as these are not known.
locator::measure weights_of(const publication::outline& o) {
  std::vector<locator::measured_document> out;
  out.reserve(o.order.size());
  for (const publication::outline_item& i : o.order) out.push_back({.path = i.path, .nw = i.packed});
  return locator::measure(std::move(out));
}

locator::measure measure_of(const placed_book& b) { return b.lengths ? *b.lengths : weights_of(*b.inside); }

understood_place at_page(int page, double progression) { return {.progression = progression, .progress = std::to_string(page)}; }

understood_place at_time(double seconds, double progression) {
  return {.progression = progression, .progress = seconds_text(seconds)};
}

understood_place at_fraction(const placed_book& b, double fraction) {
  if (b.pages() > 0) return at_page(locator::page_at(fraction, b.pages()), fraction);
  if (is_sound(b)) return at_time(fraction * seconds_long(b), fraction);
  return {.progression = fraction, .progress = percent_text(fraction)};
}

bool is_path(const std::string& reference) {
  return !reference.empty() && reference.front() != '#' && reference.find("://") == std::string::npos;
}

result<understood_place> understand_page(const placed_book& b, const locator_document& d) {
  std::optional<std::int64_t> page = d.position;
  std::optional<double> named = number_in_fragment(d.fragments, "page");
  if (!page && named) page = static_cast<std::int64_t>(*named);
  if (!page && d.total_progression) return at_fraction(b, *d.total_progression);
  if (!page || *page < 1 || *page > b.pages()) return error{"locator.locations.position", "not a page of this book"};
  auto number = static_cast<int>(*page);
  return at_page(number, locator::fraction_at(number, b.pages()));
}

// What is one track cannot mean another.
const library::recorded_track* track_meant(const placed_book& b, const std::string& href) {
  const std::vector<library::recorded_track>& all = b.sound.tracks;
  auto found = std::find_if(all.begin(), all.end(), [&](const library::recorded_track& t) {
    return href.find("/opds/audio/" + t.file.text() + "/") != std::string::npos;
  });
  if (found != all.end()) return &*found;
  return all.size() == 1 ? &all.front() : nullptr;
}

// A time of a track that is named, or of the whole.
std::optional<double> time_meant(const placed_book& b, const std::vector<std::string>& references) {
  for (const std::string& r : references) {
    std::optional<double> at = number_in_fragment({r}, "t");
    const library::recorded_track* track = track_meant(b, r);
    if (at && track != nullptr) *at += seconds(track->start);
    if (at && *at <= seconds_long(b)) return at;
  }
  return std::nullopt;
}

result<understood_place> understand_time(const placed_book& b, const locator_document& d) {
  const library::recorded_track* track = track_meant(b, d.href);
  std::optional<double> at = number_in_fragment(d.fragments, "t");
  if (track != nullptr && !at && d.progression) at = *d.progression * seconds(track->length);
  if (track != nullptr && at && *at <= seconds(track->length)) {
    double all = seconds(track->start) + *at;
    return at_time(all, std::min(all / seconds_long(b), 1.0));
  }
  if (d.total_progression) return at_fraction(b, *d.total_progression);
  return track == nullptr ? error{"locator.href", "not a track of this book"}
                          : error{"locator.locations.fragments", "not a time of this track"};
}

void fill_time(locator_document& out, const visit& v, const placed_book& b, double fraction) {
  double at = fraction * seconds_long(b);
  const library::recorded_track& track = track_at(b.sound, static_cast<std::int64_t>(at * 1000));
  double in_track = std::clamp(at - seconds(track.start), 0.0, seconds(track.length));
  auto file = std::find_if(b.book.files.begin(), b.book.files.end(), [&](const auto& f) { return f.id == track.file; });
  out.href = v.at.track(track.file);
  out.type = media_type(file == b.book.files.end() ? *b.file : *file);
  out.progression = in_track / seconds(track.length);
  out.fragments = {"t=" + seconds_text(in_track)};
}

result<understood_place> understand_text(const placed_book& b, const locator_document& d) {
  std::optional<std::size_t> item = document_meant(b, d.href);
  if (item && d.progression) {
    locator::measure lengths = measure_of(b);
    const std::string& path = b.inside->order[*item].path;
    std::optional<std::size_t> measured = lengths.document_named(path);
    std::optional<locator::position> at = measured ? lengths.at_fraction_of(*measured, *d.progression) : std::nullopt;
    understood_place out{.progression = at ? at->total_fraction : d.total_progression.value_or(0), .progress = path};
    out.at = {.href = path, .progression = d.progression, .before = d.before, .highlight = d.highlight, .after = d.after};
    return out;
  }
  if (d.total_progression) return at_fraction(b, *d.total_progression);
  return item ? error{"locator.locations.progression", "missing"} : error{"locator.href", "not a document of this book"};
}

void name_device(const library::told_place& p, const uuid& book, app_device& out) {
  out.name = p.device.empty() ? "Carrel" : p.device;
  if (p.by_app)
    out.id = p.device_id.value_or(out.name);
  else
    out.id = "urn:uuid:" + p.device_id.value_or(uuid::of_name(book, out.name).text());
}

// What an app said of a book's text, whichever of the two forms it used.
std::optional<locator_document> said_locator(const library::told_place& p) {
  if (!p.by_app) return std::nullopt;
  result<locator_document> out = read_locator(p.received, p.at);
  return out ? std::optional(std::move(*out)) : std::nullopt;
}

// The last position that begins in front of it.
std::int64_t position_at(const std::vector<listed_position>& all, std::size_t item, double progression) {
  auto after = std::find_if(all.begin(), all.end(), [&](const listed_position& p) {
    return p.item > item || (p.item == item && p.progression > progression);
  });
  return std::max<std::int64_t>(after - all.begin(), 1);
}

void fill_text(locator_document& out, const visit& v, const manifest_source& from, const placed_book& b,
               const library::told_place& p) {
  std::optional<locator_document> said = said_locator(p);
  std::optional<std::size_t> item;
  double progression = 0;
  if (said && said->progression && (item = document_meant(b, said->href))) {
    progression = *said->progression;
    out.title = said->title;
    out.before = said->before;
    out.highlight = said->highlight;
    out.after = said->after;
  } else if (!p.href.empty() && (item = document_meant(b, p.href))) {
    progression = p.in_document;
    out.before = p.before;
    out.after = p.after;
  } else {
    locator::measure lengths = measure_of(b);
    std::optional<locator::position> at = lengths.at_fraction(p.fraction);
    if (at) item = document_meant(b, at->href);
    if (at && item) progression = at->item_fraction;
  }
  std::size_t found = item.value_or(0);
  out.href = locator_href(v, from, found);
  out.type = locator_type_of(from, found);
  out.progression = progression;
  out.position = position_at(positions_of(*b.inside), found, progression);
}

}  // namespace

std::optional<std::size_t> document_meant(const placed_book& b, const std::string& href) {
  if (!b.inside) return std::nullopt;
  std::string mark = "/opds/res/" + b.file->id.text() + "/";
  std::size_t cut = href.find(mark);
  return weights_of(*b.inside).document_named(cut == std::string::npos ? href : href.substr(cut + mark.size()));
}

understood_place understand(const placed_book& b, const progression_document& d) {
  std::optional<double> page = number_in_fragment(d.references, "page"), time = time_meant(b, d.references);
  if (b.pages() > 0 && page && *page >= 1 && *page <= b.pages()) return at_page(static_cast<int>(*page), d.progression);
  if (is_sound(b) && time) return at_time(*time, d.progression);
  understood_place out = at_fraction(b, d.progression);
  auto path = std::find_if(d.references.begin(), d.references.end(), is_path);
  if (b.how() != reading_as::epub || path == d.references.end()) return out;
  out.progress = *path;
  out.at.href = *path;
  return out;
}

result<understood_place> understand(const placed_book& b, const locator_document& d) {
  if (b.pages() > 0) return understand_page(b, d);
  if (is_sound(b)) return understand_time(b, d);
  if (b.inside) return understand_text(b, d);
  if (d.total_progression) return at_fraction(b, *d.total_progression);
  return error{"locator.locations.totalProgression", "missing"};
}

progression_document as_progression(const placed_book& b, const library::told_place& p) {
  progression_document out;
  result<progression_document> said = p.by_app ? read_progression(p.received, p.at) : result<progression_document>(error{});
  if (said) out = std::move(*said);
  out.modified = p.at;
  out.progression = p.fraction;
  name_device(p, b.book.id, out.device);
  if (said) return out;
  std::optional<locator_document> locator = said_locator(p);
  if (b.pages() > 0)
    out.references = {"#page=" + std::to_string(locator::page_at(p.fraction, b.pages()))};
  else if (is_sound(b))
    out.references = {"#t=" + seconds_text(p.fraction * seconds_long(b))};
  else if (std::optional<std::size_t> item = document_meant(b, !p.href.empty() ? p.href : locator ? locator->href : ""))
    out.references = {encoded_path(b.inside->order[*item].path)};
  if (locator) out.title = locator->title;
  return out;
}

locator_document as_locator(const visit& v, const placed_book& b, const library::told_place& p) {
  locator_document out;
  out.modified = p.at;
  out.total_progression = p.fraction;
  name_device(p, b.book.id, out.device);
  if (!b.file) {
    out.href = v.at.download(b.book.files.front());
    out.type = media_type(b.book.files.front());
    return out;
  }
  manifest_source from{.book = b.book, .file = *b.file, .inside = b.inside.get()};
  if (b.pages() > 0) {
    int page = locator::page_at(p.fraction, b.pages());
    auto item = static_cast<std::size_t>(page - 1);
    out.href = locator_href(v, from, item);
    out.type = locator_type_of(from, item);
    out.position = page;
    if (b.how() == reading_as::pdf) out.fragments = {"page=" + std::to_string(page)};
  } else if (b.inside) {
    fill_text(out, v, from, b, p);
  } else if (is_sound(b)) {
    fill_time(out, v, b, p.fraction);
  } else {
    out.href = v.at.download(*b.file);
    out.type = media_type(*b.file);
  }
  return out;
}

}  // namespace carrel::opds
