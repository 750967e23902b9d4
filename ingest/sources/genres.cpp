#include "ingest/sources/genres.hpp"

#include <algorithm>
#include <array>

#include "ingest/sources/normalise.hpp"
#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest::sources {
namespace {

struct alias {
  std::string_view written, name;  // folded; "" is no genre
};
constexpr std::array<alias, 52> known{{{"sci fi", "Science Fiction"},
                                       {"scifi", "Science Fiction"},
                                       {"sf", "Science Fiction"},
                                       {"sci fi fantasy", "Science Fiction & Fantasy"},
                                       {"science fiction fantasy", "Science Fiction & Fantasy"},
                                       {"science fiction and fantasy", "Science Fiction & Fantasy"},
                                       {"fantasy fiction", "Fantasy"},
                                       {"fiction fantasy general", "Fantasy"},
                                       {"fiction science fiction general", "Science Fiction"},
                                       {"fiction general", "Fiction"},
                                       {"fiction in english", "Fiction"},
                                       {"mysteries", "Mystery"},
                                       {"mystery fiction", "Mystery"},
                                       {"mystery detective", "Mystery & Detective"},
                                       {"mystery and detective", "Mystery & Detective"},
                                       {"mystery and detective stories", "Mystery & Detective"},
                                       {"detective and mystery stories", "Mystery & Detective"},
                                       {"detective", "Detective"},
                                       {"crime fiction", "Crime"},
                                       {"thrillers", "Thriller"},
                                       {"suspense fiction", "Suspense"},
                                       {"horror fiction", "Horror"},
                                       {"horror tales", "Horror"},
                                       {"romances", "Romance"},
                                       {"romance fiction", "Romance"},
                                       {"love stories", "Romance"},
                                       {"historical", "Historical Fiction"},
                                       {"adventure stories", "Adventure"},
                                       {"adventure and adventurers", "Adventure"},
                                       {"action adventure", "Action & Adventure"},
                                       {"action and adventure", "Action & Adventure"},
                                       {"humor", "Humour"},
                                       {"humorous stories", "Humour"},
                                       {"biography autobiography", "Biography"},
                                       {"biography and autobiography", "Biography"},
                                       {"biographies", "Biography"},
                                       {"biographies memoirs", "Biography"},
                                       {"memoirs", "Memoir"},
                                       {"non fiction", "Nonfiction"},
                                       {"ya", "Young Adult"},
                                       {"young adult fiction", "Young Adult"},
                                       {"children s fiction", "Children"},
                                       {"juvenile fiction", "Children"},
                                       {"children s stories", "Children"},
                                       {"comics graphic novels", "Comics & Graphic Novels"},
                                       {"comics and graphic novels", "Comics & Graphic Novels"},
                                       {"accessible book", ""},
                                       {"protected daisy", ""},
                                       {"in library", ""},
                                       {"large type books", ""},
                                       {"open library staff picks", ""},
                                       {"lending library", ""}}};

std::string shown(const std::string& written, const genre_aliases& own) {
  std::string name = one_line(written, 100), folded = publication::fold(name);
  if (auto at = own.find(folded); at != own.end()) return one_line(at->second, 100);
  auto at = std::find_if(known.begin(), known.end(), [&](const alias& a) { return a.written == folded; });
  if (at != known.end()) return std::string(at->name);
  return folded.empty() || folded == "general" ? std::string() : name;
}

bool is_fiction(const std::string& genre) { return same_text(genre, "fiction"); }

// Fiction says something only where nothing else does.
std::vector<std::string> chosen(const std::vector<std::string>& names, const genre_aliases& own, std::size_t most) {
  std::vector<std::string> out;
  for (const std::string& name : names) add_names(out, {shown(name, own)}, most + 1);
  if (out.size() > 1) std::erase_if(out, is_fiction);
  if (out.size() > most) out.resize(most);
  return out;
}

// "nyt:...", "series=...", "20th century": marks for machines, and what tells the time of a book.
bool is_mark(const std::string& subject) { return subject.find_first_of(":=0123456789") != std::string::npos; }

std::string title_case(const std::string& text) {
  constexpr std::array<std::string_view, 9> small{"and", "or", "of", "the", "in", "on", "for", "to", "a"};
  std::vector<std::string> words = split(text, ' ');
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string& w = words[i];
    if (i > 0 && std::find(small.begin(), small.end(), w) != small.end()) continue;
    std::size_t letter = w.find_first_not_of("(\"'&");
    if (letter != std::string::npos && w[letter] >= 'a' && w[letter] <= 'z') w[letter] = static_cast<char>(w[letter] - 32);
  }
  return join(words, " ");
}

}  // namespace

std::vector<std::string> genres_of_paths(const std::vector<std::string>& paths, const genre_aliases& own) {
  std::vector<std::string> parts;
  for (const std::string& path : paths) {
    for (std::string& part : split(cut_utf8(path, 1000), '/')) parts.push_back(std::move(part));
  }
  return chosen(parts, own, most_genres);
}

std::vector<std::string> genres_of_subjects(const std::vector<std::string>& subjects, const genre_aliases& own) {
  constexpr std::size_t most = 5;
  struct counted {
    std::string name, folded;
    int times = 0;
  };
  std::vector<counted> names;
  for (const std::string& subject : subjects) {
    if (is_mark(subject)) continue;
    std::string name = shown(subject, own), folded = publication::fold(name);
    if (name.empty()) continue;
    auto at = std::find_if(names.begin(), names.end(), [&](const counted& c) { return c.folded == folded; });
    if (at == names.end()) at = names.insert(names.end(), {title_case(name), folded, 0});
    ++at->times;
  }
  std::stable_sort(names.begin(), names.end(), [](const counted& a, const counted& b) { return a.times > b.times; });
  std::vector<std::string> sorted;
  sorted.reserve(names.size());
  for (counted& c : names) sorted.push_back(std::move(c.name));
  return chosen(sorted, own, most);
}

std::vector<std::string> genres_of_names(const std::vector<std::string>& names, const genre_aliases& own, std::size_t most) {
  return chosen(names, own, most);
}

}  // namespace carrel::ingest::sources
