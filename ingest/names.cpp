#include "ingest/names.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <array>

#include "publication/unicode.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest {
namespace {

bool matches_any(std::string_view name, const std::vector<std::string>& patterns) {
  std::string text(name);
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& p) { return ::fnmatch(p.c_str(), text.c_str(), FNM_CASEFOLD | FNM_NOESCAPE) == 0; });
}

template <class List>
bool among(std::string_view name, const List& list) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

}  // namespace

bool ignored_file(std::string_view name, const std::vector<std::string>& patterns) {
  static constexpr std::array<std::string_view, 20> endings{
      ".part", ".partial", ".crdownload", ".download", ".opdownload", ".filepart", ".uploading", ".tmp", ".temp", ".!qb",
      ".!ut",  ".bc!",     ".aria2",      ".ytdl",     ".swp",        ".bak",      ".lock",      ".nzb", "~",     ".torrent"};
  static constexpr std::array<std::string_view, 4> names{"thumbs.db", "desktop.ini", "icon\r", ".ds_store"};
  if (name.empty() || name.front() == '.' || name.front() == '~') return true;
  std::string low = lower_ascii(name);
  if (std::any_of(endings.begin(), endings.end(), [&](std::string_view e) { return low.ends_with(e); })) return true;
  return among(low, names) || matches_any(name, patterns);
}

bool ignored_folder(std::string_view name, const std::vector<std::string>& patterns) {
  static constexpr std::array<std::string_view, 11> names{"@eadir",
                                                          "#recycle",
                                                          "$recycle.bin",
                                                          ".caltrash",
                                                          ".calnotes",
                                                          "lost+found",
                                                          "__macosx",
                                                          ".stfolder",
                                                          ".stversions",
                                                          ".sync",
                                                          "system volume information"};
  if (name.empty() || name.front() == '.') return true;
  std::string low = lower_ascii(name);
  return among(low, names) || matches_any(name, patterns);
}

bool is_sidecar(std::string_view name) {
  std::string low = lower_ascii(name);
  if (low == "metadata.json" || low.ends_with(".metadata.json")) return true;
  static constexpr std::array<std::string_view, 7> endings{".opf", ".jpg", ".jpeg", ".png", ".webp", ".gif", ".nfo"};
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view e) { return low.ends_with(e); });
}

std::string safe_name(std::string_view raw) {
  std::string name = publication::clean_name(replace_invalid_utf8(raw));
  // The end of a long name is its type.
  std::size_t dot = raw.rfind('.');
  if (dot == std::string_view::npos || raw.size() - dot > 12 || raw.size() <= 180) return name;
  std::string extension = publication::clean_name(replace_invalid_utf8(raw.substr(dot + 1)));
  return std::string(cut_utf8(name, 160)) + "." + extension;
}

std::string shown_name(std::string_view raw) { return publication::clean_text(replace_invalid_utf8(raw), 500); }

}  // namespace carrel::ingest
