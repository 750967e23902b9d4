#include "ingest/grouping.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "ingest/tracks.hpp"
#include "publication/likeness.hpp"
#include "publication/names.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest {
namespace {

using publication::sidecar;

constexpr double same_book = 0.8;

std::string name_of(const finding& f) { return f.path.substr(f.path.rfind('/') + 1); }

bool all_formats_differ(const std::vector<finding>& files) {
  std::set<std::string> seen;
  return std::all_of(files.begin(), files.end(),
                     [&](const finding& f) { return seen.insert(publication::file_extension(f.path)).second; });
}

// Calibre's layout: a folder is a book.
bool is_one_book(const listing& l) {
  auto is_opf = [](const finding& f) { return equal_ascii_case(name_of(f), "metadata.opf"); };
  return std::any_of(l.beside.begin(), l.beside.end(), is_opf) && all_formats_differ(l.files);
}

std::vector<unit> by_stem(std::vector<finding> files) {
  std::vector<unit> out;
  std::map<std::string, std::size_t> known;
  for (finding& f : files) {
    auto [at, fresh] = known.try_emplace(publication::file_stem(f.path), out.size());
    if (fresh) out.emplace_back();
    out[at->second].files.push_back(std::move(f));
  }
  std::vector<unit> apart;
  for (unit& u : out) {
    if (all_formats_differ(u.files)) {
      apart.push_back(std::move(u));
      continue;
    }
    for (finding& f : u.files) apart.push_back({.files = {std::move(f)}, .beside = {}});
  }
  return apart;
}

// The name that a book file beside it would have.
std::string named_for(const finding& f) {
  constexpr std::string_view json = ".metadata.json";
  std::string name = lower_ascii(name_of(f));
  return name.ends_with(json) ? name.substr(0, name.size() - json.size()) : name.substr(0, name.rfind('.'));
}

// In a folder of anything, and where every recording has what belongs to it alone, each is a book of its own.
std::vector<finding> take_recordings(listing& l) {
  std::set<std::string> others, own;
  for (const finding& f : l.files) {
    if (!is_recording(f.path)) others.insert(publication::file_stem(f.path));
  }
  std::vector<finding> out, rest;
  for (const finding& f : l.beside) own.insert(named_for(f));
  auto stands_alone = [&](const finding& f) {
    std::string stem = publication::file_stem(f.path);
    return own.contains(lower_ascii(stem)) || (l.loose && others.contains(stem));
  };
  std::stable_partition(l.files.begin(), l.files.end(), [](const finding& f) { return !is_recording(f.path); });
  auto sound = std::find_if(l.files.begin(), l.files.end(), [](const finding& f) { return is_recording(f.path); });
  bool several = l.files.end() - sound > 1;
  bool all_alone = several && std::all_of(sound, l.files.end(), stands_alone);
  for (finding& f : l.files) {
    bool taken = is_recording(f.path) && !all_alone && !(l.loose && (stands_alone(f) || !several));
    (taken ? out : rest).push_back(std::move(f));
  }
  l.files = std::move(rest);
  return out;
}

// What may be another format of the recorded book (A2.4): the only one, or that with the folder's title. Whether it is shows when
// it is read.
void take_formats(unit& recorded, std::vector<unit>& others) {
  if (recorded.loose) return;
  std::string title = publication::guess_from_audiobook_folder(recorded.named).title;
  auto same = others.size() == 1 ? others.begin() : std::find_if(others.begin(), others.end(), [&](const unit& u) {
    return publication::title_likeness(publication::guess_from_name(u.files.front().path).title, title) >= same_book;
  });
  if (same == others.end()) return;
  std::move(same->files.begin(), same->files.end(), std::back_inserter(recorded.files));
  others.erase(same);
}

unit recorded_in(std::vector<finding> sound, const std::string& named) {
  unit out{.files = std::move(sound), .beside = {}, .tracks = true, .loose = false, .named = named};
  if (out.files.size() > most_tracks) out.refused = "audio_too_many_files";
  return out;
}

std::vector<unit> with_recordings(listing& l, std::vector<finding> sound) {
  std::vector<finding> helpers, books;
  for (finding& f : l.files) (is_helper(name_of(f)) && !l.loose ? helpers : books).push_back(std::move(f));
  unit recorded = recorded_in(std::move(sound), l.named);
  recorded.loose = l.loose;
  std::vector<unit> out = by_stem(std::move(books));
  take_formats(recorded, out);
  for (finding& f : helpers) recorded.beside.push_back({std::move(f), {.kind = sidecar::other}});
  out.insert(out.begin(), std::move(recorded));
  return out;
}

using by_name = std::multimap<std::string, const finding*>;

void take(unit& u, const finding& f, const std::string& stem, bool own) {
  std::optional<publication::sidecar_name> as = publication::sidecar_of(name_of(f), stem);
  bool known = std::any_of(u.beside.begin(), u.beside.end(), [&](const companion& c) { return c.what.path == f.path; });
  if (as && as->own == own && !known) u.beside.push_back({f, *as});
}

void take_own(unit& u, const by_name& beside) {
  std::set<std::string> stems;
  for (const finding& book : u.files) {
    std::string stem = publication::file_stem(book.path);
    if (!stems.insert(lower_ascii(stem)).second) continue;
    auto [first, last] = beside.equal_range(lower_ascii(stem));
    for (auto at = first; at != last; ++at) take(u, *at->second, stem, true);
  }
}

void take_companions(std::vector<unit>& all, const std::vector<finding>& beside) {
  by_name named;
  for (const finding& f : beside) named.emplace(named_for(f), &f);
  for (unit& u : all) {
    take_own(u, named);
    bool whole_folder = all.size() == 1 || (u.tracks && !u.loose);
    for (std::size_t i = 0; whole_folder && i < beside.size(); ++i) take(u, beside[i], "", false);
    std::stable_sort(u.beside.begin(), u.beside.end(), [](const companion& a, const companion& b) {
      return std::pair(a.as.kind, a.as.rank) < std::pair(b.as.kind, b.as.rank);
    });
  }
}

}  // namespace

std::vector<unit> units_of(listing l) {
  auto in_order = [](const finding& a, const finding& b) { return a.path < b.path; };
  std::sort(l.discs.begin(), l.discs.end(), in_order);
  if (!l.loose) std::move(l.discs.begin(), l.discs.end(), std::back_inserter(l.files));
  std::sort(l.files.begin(), l.files.end(), in_order);
  std::sort(l.beside.begin(), l.beside.end(), in_order);
  std::vector<unit> out;
  std::vector<finding> sound = take_recordings(l);
  if (!sound.empty())
    out = with_recordings(l, std::move(sound));
  else if (!l.files.empty() && is_one_book(l))
    out.push_back({.files = std::move(l.files), .beside = {}});
  else
    out = by_stem(std::move(l.files));
  take_companions(out, l.beside);
  if (l.loose && !l.discs.empty()) out.push_back(recorded_in(std::move(l.discs), ""));
  return out;
}

}  // namespace carrel::ingest
