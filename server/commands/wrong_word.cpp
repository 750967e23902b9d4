#include <algorithm>
#include <vector>

#include "server/commands/command.hpp"

namespace carrel::commands {
namespace {

// How many letters differ, are missing or change places with their neighbour.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> older, old(b.size() + 1), now(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) old[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      bool same = a[i - 1] == b[j - 1];
      now[j] = std::min({old[j] + 1, now[j - 1] + 1, old[j - 1] + (same ? 0 : 1)});
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) now[j] = std::min(now[j], older[j - 2] + 1);
    }
    older = old;
    old = now;
  }
  return old[b.size()];
}

}  // namespace

std::string wrong_word(const CLI::App& app) {
  const CLI::App* at = &app;
  std::string path = "carrel";
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    path += " " + at->get_name();
  }
  std::vector<const CLI::App*> known = at->get_subcommands([](const CLI::App*) { return true; });
  std::vector<std::string> left = app.remaining(true);
  if (known.empty() || left.empty()) return "";
  const std::string& word = left.front();
  if (word.starts_with('-')) return "There is no option " + word + ". `" + path + " --help` lists what there is.";

  std::string nearest;
  std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const CLI::App* one : known) {
    std::size_t far = distance(word, one->get_name());
    if (far < best && far < word.size()) {
      best = far;
      nearest = one->get_name();
    }
  }
  std::string out = "There is no command `" + path + " " + word + "`.";
  if (!nearest.empty()) return out + " Did you mean `" + path + " " + nearest + "`?";
  return out + " `" + path + " --help` lists what there is.";
}

}  // namespace carrel::commands
