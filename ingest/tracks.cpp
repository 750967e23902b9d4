#include "ingest/tracks.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <numeric>
#include <set>

#include "publication/likeness.hpp"
#include "publication/names.hpp"
#include "publication/natural_order.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest {
namespace {

// Best first: of one name in two formats the first is the one that is played.
constexpr std::array<std::string_view, 17> extensions{"m4b", "m4a", "mp3",  "flac", "opus", "ogg", "oga",   "aac", "wav",
                                                      "wma", "aif", "aiff", "mka",  "webm", "aax", "webma", "aa"};
constexpr double same_book = 0.8;  // A2.4

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "cd1", "disc 02": a word of these and up to three digits.
std::optional<int> disc_number(std::string_view name) {
  std::string low = lower_ascii(trim(name));
  for (std::string_view word : {"cd", "disc", "disk", "part", "teil"}) {
    if (!low.starts_with(word)) continue;
    std::string_view rest = std::string_view(low).substr(word.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(" ._-#"), rest.size()));
    bool number = !rest.empty() && rest.size() <= 3 && std::all_of(rest.begin(), rest.end(), is_digit);
    if (number) return static_cast<int>(*to_integer(rest));
  }
  return std::nullopt;
}

// "The Book" of "The Book (Disc 2)" and "The Book, CD 1".
std::string without_disc(const std::string& album) {
  constexpr std::string_view marks = " ,;:-([{)]}";
  std::string_view left = trim(album);
  std::size_t at = left.size();
  for (int words = 1; words <= 2 && at != 0; ++words) {
    at = left.rfind(' ', at - 1);
    if (at == std::string_view::npos) break;
    std::string_view end = left.substr(at);
    end.remove_prefix(std::min(end.find_first_not_of(marks), end.size()));
    end.remove_suffix(end.size() - std::min(end.find_last_not_of(marks) + 1, end.size()));
    std::size_t rest = left.substr(0, at).find_last_not_of(marks);
    if (disc_number(end) && rest != std::string_view::npos) return std::string(left.substr(0, rest + 1));
  }
  return album;
}

// "The Book (Disc 2)" and "The Book, CD 1" are the album "The Book".
std::string album_key(const std::string& album) {
  std::vector<std::string> words = split(publication::fold(album), ' ');
  if (words.size() > 2 && disc_number(words[words.size() - 2] + words.back())) words.resize(words.size() - 2);
  if (words.size() > 1 && disc_number(words.back())) words.pop_back();
  return join(words, " ");
}

std::string folder_of(const std::string& path) {
  std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string stem_of(const std::string& path) { return lower_ascii(folder_of(path) + "/" + publication::file_stem(path)); }

std::size_t rank_of(const std::string& path) {
  auto at = std::find(extensions.begin(), extensions.end(), publication::file_extension(path));
  return static_cast<std::size_t>(at - extensions.begin());
}

using list = std::vector<recording*>;

// The first number of a name, without what is the same in all of them: title, author and series may have numbers, too.
std::optional<int> number_in(std::string name, const std::vector<std::string>& known) {
  name = publication::fold(name);
  for (const std::string& text : known) {
    std::size_t at = text.empty() ? std::string::npos : name.find(text);
    if (at != std::string::npos) name.erase(at, text.size());
  }
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (!is_digit(name[i])) continue;
    std::size_t end = i;
    while (end < name.size() && is_digit(name[end])) ++end;
    std::string_view digits = std::string_view(name).substr(i, end - i);
    bool year = digits.size() == 4 && digits >= "1000" && digits <= "2100";
    if (digits.size() <= 4 && !year) return static_cast<int>(*to_integer(digits));
    i = end;
  }
  return std::nullopt;
}

using place = std::pair<int, int>;

// Places that all have and no two share; nothing else is an order.
template <class Place>
bool sort_by(list& all, Place place_of) {
  std::map<place, recording*> sorted;
  for (recording* r : all) {
    std::optional<place> at = place_of(*r);
    if (!at || !sorted.emplace(*at, r).second) return false;
  }
  std::transform(sorted.begin(), sorted.end(), all.begin(), [](const auto& s) { return s.second; });
  return true;
}

void put_in_order(list& all, const std::string& title) {
  bool discs = std::all_of(all.begin(), all.end(), [](const recording* r) { return r->disc.has_value(); });
  if (sort_by(all,
              [&](const recording& r) { return r.track ? std::optional(place(discs ? *r.disc : 0, *r.track)) : std::nullopt; }))
    return;
  std::vector<std::string> known{publication::fold(title), publication::fold(all.front()->author),
                                 publication::fold(all.front()->album)};
  if (sort_by(all, [&](const recording& r) -> std::optional<place> {
        std::optional<int> number = number_in(publication::file_stem(r.path), known);
        if (!number) return std::nullopt;
        return place(disc_number(folder_of(r.path)).value_or(0), *number);
      }))
    return;
  std::sort(all.begin(), all.end(),
            [](const recording* a, const recording* b) { return publication::in_natural_order(a->path, b->path); });
}

// Of one name in several formats one is played; the others are formats of the same. What is gone and has its place yet is
// another.
list one_of_each(const list& all) {
  std::map<std::pair<std::string, bool>, recording*> best;
  for (recording* r : all) {
    auto [at, fresh] = best.try_emplace({stem_of(r->path), r->gone}, r);
    if (!fresh && rank_of(r->path) < rank_of(at->second->path)) at->second = r;
  }
  list out;
  for (auto& [stem, r] : best) out.push_back(r);
  return out;
}

bool are_as_long(std::int64_t a, std::int64_t b) { return a > 0 && b > 0 && std::abs(a - b) * 20 <= std::max(a, b); }

std::int64_t length_of(const list& all) {
  return std::accumulate(all.begin(), all.end(), std::int64_t{0},
                         [](std::int64_t n, const recording* r) { return n + r->length; });
}

// Two discs that are brought one after the other may count their tracks from 1 both; the same recording is as long as it was.
bool takes_place_of(const recording& fresh, const recording& old) {
  bool same_number = fresh.track && old.track && *fresh.track == *old.track && fresh.disc == old.disc;
  bool same_name = stem_of(fresh.path) == stem_of(old.path);
  return (same_number || same_name) && (old.withdrawn || are_as_long(fresh.length, old.length));
}

// Somebody encoded a book anew and put it where it lay before: what came is the same book, and not more of it.
void find_outdated(const list& all) {
  list fresh, gone;
  bool stays = false;
  for (recording* r : all) {
    if (!r->gone && !r->was_sorted) fresh.push_back(r);
    if (r->gone) gone.push_back(r);
    stays = stays || (!r->gone && r->was_sorted);
  }
  bool withdrawn = std::all_of(gone.begin(), gone.end(), [](const recording* r) { return r->withdrawn; });
  bool whole = !fresh.empty() && !stays && (withdrawn || are_as_long(length_of(fresh), length_of(gone)));
  for (recording* old : gone)
    old->outdated =
        whole || std::any_of(fresh.begin(), fresh.end(), [&](const recording* r) { return takes_place_of(*r, *old); });
}

void number(list all, const std::string& title) {
  for (recording* r : all) {
    r->position = 0;
    r->leads = false;
  }
  find_outdated(all);
  std::erase_if(all, [](const recording* r) { return r->outdated; });
  list played = one_of_each(all);
  if (played.empty()) return;
  put_in_order(played, title);
  int position = 0;
  for (recording* r : played) r->position = ++position;
  auto leader =
      std::find_if(played.begin(), played.end(), [](const recording* r) { return !r->album.empty() && !r->author.empty(); });
  if (leader == played.end())
    leader = std::find_if(played.begin(), played.end(), [](const recording* r) { return !r->album.empty(); });
  recording* first = leader == played.end() ? played.front() : *leader;
  first->leads = true;
  bool differ = std::any_of(played.begin(), played.end(), [&](const recording* r) { return r->album != first->album; });
  first->title = differ && !first->album.empty() ? without_disc(first->album) : "";
}

// What was sorted before stays where it is; what came later goes to those of its album.
void divide(std::vector<recording>& all, bool loose) {
  std::map<std::string, std::string> parts;  // by album
  std::set<std::string> albums;
  for (const recording& r : all) {
    std::string key = r.is_sound ? album_key(r.album) : "";
    if (key.empty()) continue;
    albums.insert(key);
    if (r.was_sorted) parts.try_emplace(key, r.part);
  }
  bool one_book = albums.size() <= 1 && !loose;
  bool first_is_taken = std::any_of(parts.begin(), parts.end(), [](const auto& p) { return p.second.empty(); });
  for (recording& r : all) {
    if (!r.is_sound || r.was_sorted) continue;
    std::string key = album_key(r.album);
    if (auto at = parts.find(key); at != parts.end())
      r.part = at->second;
    else if (key.empty())
      r.part = loose ? "file " + r.path : "";
    else
      r.part = one_book && !first_is_taken ? "" : "album " + key;
  }
}

bool are_one_book(const recording& text, const std::string& title) {
  std::string named = publication::guess_from_name(text.path).title;
  auto like = [&](const std::string& own) { return !own.empty() && publication::title_likeness(title, own) >= same_book; };
  return !title.empty() && (like(text.album) || like(named));
}

// A2.4: the title decides, unless there is one recording and one text. `title` is what the folder says.
void place_formats(std::vector<recording>& all, const std::string& title) {
  std::map<std::string, std::string> titles;  // by part
  int played = 0;
  std::set<std::string> texts;
  for (const recording& r : all) {
    if (r.is_sound && (r.leads || !titles.contains(r.part))) titles[r.part] = r.album;
    played += r.is_sound && r.position > 0 ? 1 : 0;
    if (!r.is_sound) texts.insert(publication::file_stem(r.path));
  }
  for (recording& r : all) {
    if (r.is_sound || r.was_sorted) continue;
    auto same = std::find_if(titles.begin(), titles.end(), [&](const auto& t) { return are_one_book(r, t.second); });
    bool only_book = titles.size() == 1 && (are_one_book(r, title) || (played == 1 && texts.size() == 1));
    if (only_book) same = titles.begin();
    r.part = same != titles.end() ? same->first : "text " + publication::file_stem(r.path);
  }
}

}  // namespace

bool is_recording(std::string_view path) {
  return std::find(extensions.begin(), extensions.end(), publication::file_extension(path)) != extensions.end();
}

const std::string& recording_pattern() {
  static const std::string all = "[.](" + join(std::vector<std::string>(extensions.begin(), extensions.end()), "|") + ")$";
  return all;
}

bool is_disc_folder(std::string_view name) { return disc_number(name).has_value(); }

bool is_helper(std::string_view name) {
  std::string low = lower_ascii(name);
  return low == "desc.txt" || low == "reader.txt" || low.ends_with(".cue");
}

std::optional<int> track_number(const std::string& text) {
  std::optional<std::int64_t> n = to_integer(text);
  return n && *n >= 0 && *n <= 100'000 ? std::optional(static_cast<int>(*n)) : std::nullopt;
}

void describe(recording& r, const publication::opened& seen) {
  std::string own;
  for (const auto& [key, value] : seen.about.facts) {
    if (key == "disc") r.disc = track_number(value);
    if (key == "track") r.track = track_number(value);
    if (key == "track_title") own = value;
  }
  bool untitled = std::any_of(seen.warnings.begin(), seen.warnings.end(),
                              [](const publication::warning& w) { return w.code == "metadata_missing_title"; });
  if (!untitled && own != seen.about.title) r.album = seen.about.title;
  if (!seen.about.authors.empty()) r.author = seen.about.authors.front().name;
  r.length = seen.about.duration;
}

std::string delivered_name(int position, std::size_t of, const std::string& original_name, const std::string& extension) {
  std::string number = std::to_string(position);
  std::size_t width = std::max<std::size_t>(std::to_string(of).size(), 2);
  number.insert(0, width - std::min(number.size(), width), '0');
  return number + " - " + publication::clean_name(publication::file_stem(original_name)) + extension;
}

void sort_recordings(std::vector<recording>& all, bool loose, const std::string& title) {
  divide(all, loose);
  std::map<std::string, list> parts;
  for (recording& r : all) {
    if (r.is_sound) parts[r.part].push_back(&r);
  }
  for (auto& [part, files] : parts) number(files, title);
  place_formats(all, title);
}

}  // namespace carrel::ingest
